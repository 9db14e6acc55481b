"""The desk as plain forms, the way it works without script."""

import re
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role, User
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.submissions import LETTERS
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import close_campaign, open_campaign
from app.checkpoints.service import external_checkpoint
from app.completions.models import Completion, RenderedText
from app.completions.service import NewCompletion, add_completions
from app.projects.models import Project
from app.quality.membership import admit_cohort
from app.tasks.models import Assignment, AssignmentState, Task
from app.tasks.service import add_compare_tasks
from app.web import reading
from tests.factories import make_campaign, make_completion, make_labeler, make_open_campaign, make_project, make_prompt
from tests.pages import Page, PageClient, assert_no_model_identity

Row = TypeVar("Row", Annotation, Assignment, Campaign, Task)


def _begin(pages: PageClient, session: Session, kind: CampaignKind = CampaignKind.COMPARE, tasks: int = 1) -> Page:
    """A labeler at the desk, with the first task of a new campaign."""
    pages.sign_in_as(Role.LABELER)
    make_open_campaign(session, kind, tasks=tasks)
    return pages.post("/tasks/next")


def _judged(*ranks: int, overall: int = 5) -> dict[str, str]:
    typed = {f"rank[{letter}]": str(rank) for letter, rank in zip(LETTERS, ranks, strict=False)}
    return typed | {f"output[{letter}][overall]": str(overall) for letter, _ in zip(LETTERS, ranks, strict=False)}


def _only(session: Session, kind: type[Row]) -> Row:
    """The one there is."""
    return session.scalars(select(kind)).one()


def test_a_ranking_with_ties_is_stored_as_it_was_chosen(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    done = pages.submit(desk, f"{desk.path}/submit", **_judged(2, 1, 2, 4), **{"output[b][hallucination]": "1"})
    assert done.path == "/tasks"
    shown = _only(session, Assignment).shown_order
    outputs = {output.completion_id: output for output in session.scalars(select(AnnotatedOutput))}
    assert [outputs[number].rank for number in shown] == [2, 1, 2, 3]
    assert [outputs[number].ratings["hallucination"] for number in shown] == [False, True, False, False]
    assert "1" in done.text


def test_after_a_task_comes_the_next_one(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, tasks=2)
    following = pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 4))
    assert following.path.startswith("/assignments/")
    assert following.path != desk.path


def test_mistakes_bring_the_desk_back_with_everything_typed(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    typed = _judged(1, 2, 3) | {"output[a][notes]": "Oops, <b>bold</b>", "prompt[ambiguous]": "1"}
    again = pages.submit(desk, f"{desk.path}/submit", 422, **typed)
    kept = again.form(f"{desk.path}/submit")
    assert {name: value for name, value in kept.items() if name in typed} == {n: [v] for n, v in typed.items()}
    assert "D: This output has no rank yet." in again.text
    assert "D, Overall quality:" in again.text
    assert session.scalar(select(Annotation)) is None


def test_sending_the_same_page_twice_answers_the_same(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, tasks=2)
    first = pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 4))
    second = pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 4))
    assert first.path == second.path
    assert len(session.scalars(select(Annotation)).all()) == 1


def test_a_demonstration_is_written(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, CampaignKind.DEMONSTRATE)
    empty = pages.submit(desk, f"{desk.path}/submit", 422, text=" ")
    assert "Write the answer" in empty.text
    pages.submit(empty, f"{desk.path}/submit", text="First\r\n\r\nSecond")
    assert session.get_one(Completion, _only(session, Annotation).completion_id).text == "First\n\nSecond"


def test_what_was_written_before_signing_in_anew_is_shown_to_be_copied(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, CampaignKind.DEMONSTRATE)
    pages.sign_in(session.get_one(User, _only(session, Assignment).labeler_id))
    refused = pages.submit(desk, f"{desk.path}/submit", 403, text="<b>fifteen</b> minutes of work")
    assert refused.one("pre").text == "<b>fifteen</b> minutes of work"
    assert session.scalar(select(Annotation)) is None


def test_a_single_output_is_rated(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, CampaignKind.RATE)
    pages.submit(desk, f"{desk.path}/submit", **{"output[a][overall]": "6"})
    output = session.scalars(select(AnnotatedOutput)).one()
    assert (output.rank, output.ratings["overall"]) == (None, 6)


def test_a_held_out_labeler_votes_between_two_outputs(pages: PageClient, session: Session) -> None:
    pages.sign_in(make_labeler(session, Cohort.HELD_OUT))
    make_open_campaign(session, CampaignKind.EVALUATE, outputs=2)
    desk = pages.post("/tasks/next")
    pages.submit(desk, f"{desk.path}/submit", **_judged(2, 1))
    assert _only(session, Annotation).cohort is Cohort.HELD_OUT
    assert sorted(session.scalars(select(AnnotatedOutput.rank))) == [1, 2]


@pytest.mark.parametrize(
    "name", ["rank[a][b]", "rank", "output[a]", "output[a][overall][x]", "prompt", "draft_version"]
)
def test_a_form_bent_out_of_shape_breaks_nothing(pages: PageClient, session: Session, name: str) -> None:
    desk = _begin(pages, session)
    pages.submit(desk, f"{desk.path}/submit", 422, **{name: "9" * 50})


def test_a_skip_says_why_and_leads_on(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, tasks=2)
    assert "Say in a few words" in pages.post(f"{desk.path}/skip", {"idempotency_key": "k", "reason": " "}, 422).text
    following = pages.post(f"{desk.path}/skip", {"idempotency_key": "k", "reason": "unclear"})
    assert following.path != desk.path
    assert _only(session, Annotation).skip_reason == "unclear"
    assert pages.get(desk.path).path == "/tasks"


def test_a_draft_survives_a_reload(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    form = desk.form(f"{desk.path}/submit") | _judged(3, 1) | {"output[b][fails_task]": "1"}
    saved = pages.http.post(f"{desk.path}/draft", data=form)
    assert saved.json()["version"] == 1
    again = pages.get(desk.path).form(f"{desk.path}/submit")
    assert again["rank[a]"] == ["3"]
    assert again["output[b][fails_task]"] == ["1"]
    assert again["draft_version"] == ["1"]


def test_the_older_of_two_windows_is_told_and_may_take_over(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    form = desk.form(f"{desk.path}/submit")
    newer, older = (form | {"draft_window": name, "draft_step": "1"} for name in ("newer", "older"))
    assert pages.http.post(f"{desk.path}/draft", data=newer | _judged(1)).status_code == 200
    told = pages.http.post(f"{desk.path}/draft", data=older | _judged(4))
    assert (told.status_code, told.json()["version"], told.json()["state"]) == (409, 1, "leased")
    taken_over = older | {"draft_version": str(told.json()["version"])}
    assert pages.http.post(f"{desk.path}/draft", data=taken_over | _judged(4)).json()["version"] == 2


def test_a_window_that_was_signed_out_learns_its_new_token(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    form = desk.form(f"{desk.path}/submit")
    pages.sign_in(session.get_one(User, _only(session, Assignment).labeler_id))
    assert pages.http.post(f"{desk.path}/draft", data=form | _judged(1)).status_code == 403
    state = pages.http.get(f"{desk.path}/draft").json()
    assert (state["version"], state["state"]) == (0, "leased")
    saved = pages.http.post(f"{desk.path}/draft", data=form | _judged(1), headers={"X-CSRF-Token": state["token"]})
    assert saved.json()["version"] == 1


def test_what_an_older_window_submits_comes_back_and_is_then_taken(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    pages.http.post(f"{desk.path}/draft", data=desk.form(f"{desk.path}/submit") | _judged(1) | {"draft_window": "new"})
    again = pages.submit(desk, f"{desk.path}/submit", 409, **_judged(2, 1, 3, 4))
    assert "in another window" in again.text
    assert again.form(f"{desk.path}/submit")["rank[b]"] == ["1"]
    assert pages.submit(again, f"{desk.path}/submit").path == "/tasks"
    assert session.scalar(select(AnnotatedOutput.rank).where(AnnotatedOutput.rank == 1)) == 1


def test_text_sent_after_a_skip_in_another_window_is_not_dropped(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, CampaignKind.DEMONSTRATE)
    pages.post(f"{desk.path}/skip", {"idempotency_key": "k", "reason": "unclear"})
    again = pages.submit(desk, f"{desk.path}/submit", 409, text="Fifteen minutes of work")
    assert "You skipped this task in another window" in again.text
    assert again.one("textarea", name="text").text == "Fifteen minutes of work"
    pages.submit(again, f"{desk.path}/submit")
    current = session.scalars(select(Annotation).where(Annotation.current)).one()
    assert (current.kind, current.surplus, current.revision) == ("demonstration", False, 2)


def test_a_skipped_task_shows_what_was_typed_before(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    pages.http.post(f"{desk.path}/draft", data=desk.form(f"{desk.path}/submit") | _judged(3))
    pages.post(f"{desk.path}/skip", {"idempotency_key": "k", "reason": "unclear"})
    again = pages.get(desk.path)
    assert "You skipped this task. What you wrote is still here" in again.text
    assert again.form(f"{desk.path}/submit")["rank[a]"] == ["3"]


def test_a_script_is_told_where_to_go_next(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    sent = desk.form(f"{desk.path}/submit") | _judged(1, 2, 3, 4)
    answer = pages.http.post(f"{desk.path}/submit", data=sent, headers={"accept": "application/json"})
    assert answer.json() == {"next": "/tasks"}
    assert "rondo-flash" in answer.headers["set-cookie"]
    assert "That was the last task" in pages.get("/tasks").text


@pytest.mark.parametrize("typed", [{"draft_version": "x"}, {"draft_version": "0", "active_seconds": "nan"}])
def test_a_broken_draft_is_refused(pages: PageClient, session: Session, typed: dict[str, str]) -> None:
    desk = _begin(pages, session)
    form = desk.form(f"{desk.path}/submit") | typed
    assert pages.http.post(f"{desk.path}/draft", data=form).status_code == 422


def test_a_pasted_nul_costs_nobody_their_work(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    typed = _judged(1, 2, 3, 4) | {"output[a][notes]": "before\0after", "draft_window": "this"}
    saved = pages.http.post(f"{desk.path}/draft", data=desk.form(f"{desk.path}/submit") | typed)
    assert saved.json()["version"] == 1
    pages.submit(desk, f"{desk.path}/submit", **typed)
    notes = [output.ratings.get("notes") for output in session.scalars(select(AnnotatedOutput))]
    assert "before\N{REPLACEMENT CHARACTER}after" in notes


def test_a_heartbeat_renews_the_lease_and_counts_active_time(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    before = _only(session, Assignment).deadline
    answer = pages.http.post(f"{desk.path}/heartbeat", data={"active_seconds": "61", "csrf_token": pages.csrf_token()})
    assert answer.status_code == 204
    session.expire_all()
    assert _only(session, Assignment).deadline > before
    assert _only(session, Assignment).active_seconds == 61


def test_work_is_revised_from_the_history(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 3), **{"output[c][opinion]": "1"})
    history = pages.get("/history")
    revised = pages.get(history.links["Revise"])
    assert revised.links["Keep as it was"] == "/history"
    assert "Skip the task" not in revised.text
    form = revised.form(f"{desk.path}/submit")
    assert [form[f"rank[{letter}]"] for letter in "abcd"] == [["1"], ["2"], ["3"], ["3"]]
    assert form["output[c][opinion]"] == ["1"]
    assert pages.submit(revised, f"{desk.path}/submit", **{"rank[d]": "1"}).path == "/history"
    annotations = session.scalars(select(Annotation).order_by(Annotation.id)).all()
    assert [(each.revision, each.current) for each in annotations] == [(1, False), (2, True)]


def test_a_closed_campaign_is_not_revised(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 4))
    close_campaign(session, _only(session, Campaign))
    assert pages.get(desk.path).path == "/history"
    assert "Revise" not in pages.get("/history").links


def test_an_expired_lease_is_still_submitted(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    assignment = _only(session, Assignment)
    assignment.state = AssignmentState.EXPIRED
    task = _only(session, Task)
    task.remaining = 0
    session.flush()
    assert "marked as surplus" in pages.submit(desk, f"{desk.path}/submit", **_judged(1, 2, 3, 4)).text
    assert _only(session, Annotation).surplus


def test_somebody_elses_desk_is_not_there(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    pages.sign_in_as(Role.LABELER)
    pages.get(desk.path, 404)
    pages.post(f"{desk.path}/submit", {"idempotency_key": "k"}, 404)


def test_whoever_asks_for_another_campaign_finishes_what_is_begun(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    other = make_open_campaign(session)
    begun = pages.post("/tasks/next", {"campaign": str(other.id)})
    assert begun.path == desk.path
    assert "finish or skip it first" in begun.text


def test_work_begun_is_offered_again(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    assert pages.get("/tasks").links["Go on"] == desk.path


def test_with_nothing_to_do_one_is_told_so(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    assert "Nothing to do right now" in pages.post("/tasks/next").text


def _world(session: Session, *authors: str) -> None:
    """One comparison with the same texts whoever wrote them, at the same place in the order."""
    project = make_project(session, "The same project")
    prompt = make_prompt(session, project, "Which?")
    numbers = []
    for author, text in zip(authors, ("One.", "Two.", "Three.", "Four."), strict=True):
        checkpoint = external_checkpoint(session, project, author)
        new = NewCompletion(prompt.id, text, checkpoint_id=checkpoint.id, finish_reason=f"{author}-stopped")
        numbers += add_completions(session, [new])[0].values()
    campaign = make_campaign(session, project=project, name="The same campaign")
    add_compare_tasks(session, campaign, [(prompt, [session.get_one(Completion, number) for number in numbers])])
    open_campaign(session, campaign)
    admit_cohort(session, campaign)


def _desk_source(pages: PageClient, session: Session, *authors: str) -> str:
    savepoint = session.begin_nested()
    pages.sign_in_as(Role.LABELER)
    _world(session, *authors)
    desk = pages.post("/tasks/next")
    assignment = _only(session, Assignment)
    assignment.shown_order = sorted(assignment.shown_order)
    session.flush()
    desk = pages.get(desk.path)
    assert_no_model_identity(desk, *authors)
    savepoint.rollback()
    masked = re.sub(r'(name="(?:csrf_token|idempotency_key)" value=)"[^"]*"', r'\1""', desk.body)
    return re.sub(r"/?assignments/\d+|data-assignment=\"\d+\"", "", masked)


def test_two_worlds_that_differ_in_who_wrote_the_outputs_show_the_same_desk(
    pages: PageClient, session: Session
) -> None:
    one = _desk_source(pages, session, "secret-sft", "secret-policy", "secret-sft", "secret-policy")
    other = _desk_source(pages, session, "rival-small", "rival-small", "rival-small", "rival-large")
    assert one == other
    assert "Three." in one


MARKUP = "Some *text* with a [link](https://example.org), `code` and a list:\n\n- one\n- **two**\n\n"


def _nine_long_outputs(pages: PageClient, session: Session, unit: str) -> str:
    """The address of a desk with nine texts of almost 20 kB."""
    prompt = make_prompt(session)
    texts = [f"{number}\n\n" + unit * (19_900 // len(unit)) for number in range(9)]
    outputs = [make_completion(session, prompt, text) for text in texts]
    campaign = make_campaign(session, project=session.get_one(Project, prompt.project_id))
    add_compare_tasks(session, campaign, [(prompt, outputs)])
    open_campaign(session, campaign)
    pages.sign_in_as(Role.LABELER)
    admit_cohort(session, campaign)
    pages.get("/tasks")  # templates are compiled once
    return pages.http.post("/tasks/next", data={"csrf_token": pages.csrf_token()}).headers["location"]


def test_each_text_is_kept_formatted_however_often_it_is_shown(
    pages: PageClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "memory", reading.Memory(10_000_000))
    monkeypatch.setattr(reading, "WORTH_KEEPING", 0)
    path = _nine_long_outputs(pages, session, MARKUP)
    for _ in range(11):  # a view keeps one at least, however slow the machine is
        pages.get(path)
    kept = session.scalars(select(func.count()).select_from(RenderedText)).one()
    assert kept == 11  # the guidelines, the prompt and nine outputs


def test_sources_of_an_output_are_shown_under_it_and_do_nothing(pages: PageClient, session: Session) -> None:
    prompt = make_prompt(session)
    outputs = [make_completion(session, prompt) for _ in range(2)]
    outputs[0].evidence = [
        {"title": "<b>One</b>", "url": "https://example.org/a?b=c", "text": "It *says* <script>alert(1)</script>."},
        {"title": "Two"},
    ]
    campaign = make_campaign(session, project=session.get_one(Project, prompt.project_id))
    add_compare_tasks(session, campaign, [(prompt, outputs)])
    open_campaign(session, campaign)
    pages.sign_in_as(Role.LABELER)
    admit_cohort(session, campaign)
    desk = pages.post("/tasks/next")
    (sources,) = [each for each in desk.all("details") if each.get("class") == "sources"]
    assert "2 sources" in sources.text
    assert "It says <script>alert(1)</script>." in sources.text
    assert desk.body.count('href="https://example.org/a?b=c"') == 1
    assert "&lt;b&gt;One&lt;/b&gt;" in desk.body
