"""Reviewers go through what labelers submitted; labelers see what came back, and answer."""

import csv
import io

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.review.decisions import exclude, send_back
from app.annotations.review.models import Adjudication, Decision, ExclusionReason, ReviewDecision
from app.annotations.service import Sent, submit_demonstration, submit_prompt, submit_ranking
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import close_campaign
from app.completions.models import Completion
from app.projects.models import Project
from app.prompts.models import PromptKind
from app.prompts.writing import single_message
from app.tasks.models import Assignment, Task
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_user
from tests.pages import PageClient

RATED = ({"overall": 6}, {"overall": 4}, {"overall": 4}, {"overall": 1})


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


@pytest.fixture
def reviewer(pages: PageClient) -> User:
    return pages.sign_in_as(Role.RESEARCHER)


def ranked(session: Session, project: Project, *ranks: tuple[int, ...]) -> list[Annotation]:
    """One task by as many labelers."""
    labelers = [make_labeler(session) for _ in ranks]
    campaign = make_open_campaign(session, overlap=len(ranks), project=project)
    said = zip(labelers, ranks, strict=True)
    return [
        submit_ranking(session, make_assignment(session, labeler, campaign), Judgement(each, RATED), Sent("first"))
        for labeler, each in said
    ]


def decided(session: Session) -> list[tuple[Decision, str]]:
    rows = session.scalars(select(ReviewDecision).order_by(ReviewDecision.id))
    return [(each.decision, each.comment) for each in rows]


def labeler_of(session: Session, annotation: Annotation) -> User:
    return session.get_one(User, annotation.labeler_id)


@pytest.mark.usefixtures("reviewer")
def test_the_queue_is_gone_through_one_after_another(pages: PageClient, session: Session, project: Project) -> None:
    (older,), (newer,) = ranked(session, project, (1, 2, 2, 3)), ranked(session, project, (1, 1, 1, 1))
    listed = pages.get("/review", project=project.id)
    work = pages.get(listed.links["Review one after another"])
    assert work.path.startswith(f"/review/work/{newer.assignment_id}?")
    action = work.all("form", method="post")[1].get("action")
    after = pages.submit(work, action, decision="approved", comment="Fine.")
    assert after.path.startswith(f"/review/work/{older.assignment_id}?")
    assert decided(session) == [(Decision.APPROVED, "Fine.")]
    last = pages.get(after.links["Leave it for later"])
    assert "Nothing more waits here." in last.text
    assert [row.text.split()[1] for row in last.all("tr")[1:]] == [str(older.task_id)]


@pytest.mark.usefixtures("reviewer")
def test_names_are_shown_only_where_that_is_asked(pages: PageClient, session: Session, project: Project) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    name = labeler_of(session, annotation).name
    for path in (f"/review?project={project.id}", f"/review/work/{annotation.assignment_id}"):
        assert name not in pages.get(path).text
        assert f"labeler-{annotation.labeler_id}" in pages.get(path).text
    assert name in pages.get("/review", project=project.id, names="shown").text
    assert name in pages.get(f"/review/work/{annotation.assignment_id}", project=project.id, names="shown").text
    assert name not in pages.get(f"/review/tasks/{annotation.task_id}").text


@pytest.mark.usefixtures("reviewer")
def test_pages_of_the_queue_follow_by_place(
    pages: PageClient, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.review.pages.PAGE_SIZE", 2)
    for ranks in ((1, 2, 3, 4), (4, 3, 2, 1)):
        ranked(session, project, (1, 2, 3, 4), ranks)
    for order in ("random", "disagreements", "low_ratings"):
        first = pages.get("/review", project=project.id, order=order)
        second = pages.get(first.links["Next"])
        assert (len(first.all("tr")), len(second.all("tr"))) == (3, 3)
        links = [link.get("href") for each in (first, second) for link in each.all("a") if "/work/" in link.get("href")]
        assert len(set(links)) == 4
        assert "Next" not in second.links
    pages.get("/review", 404, project=project.id, after="x")


@pytest.mark.usefixtures("reviewer")
def test_nothing_is_sent_back_or_excluded_without_saying_why(
    pages: PageClient, session: Session, project: Project
) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    path = f"/review/work/{annotation.assignment_id}"
    sent = {"annotation": annotation.id}
    refused = pages.post(path, {**sent, "decision": "sent_back"}, 422)
    assert "Say in a few words what the labeler should look at." in refused.text
    refused = pages.post(path, {**sent, "decision": "excluded", "comment": "Kept <b>."}, 422)
    assert "Choose a reason." in refused.text
    assert refused.one("textarea", id="field-comment").text == "Kept <b>."
    pages.post(path, {**sent, "decision": "corrected"}, 422)
    assert decided(session) == []
    pages.post(path, {**sent, "decision": "excluded", "reason": "careless"})
    shown = pages.post(path, {**sent, "decision": "restored", "comment": "It was right."})
    assert "Restored: datasets may take it again." in shown.text
    assert [each[0] for each in decided(session)] == [Decision.EXCLUDED, Decision.RESTORED]


@pytest.mark.usefixtures("reviewer")
def test_a_page_that_is_older_than_a_revision_is_shown_again(
    pages: PageClient, session: Session, project: Project
) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    assignment = session.get_one(Assignment, annotation.assignment_id)
    submit_ranking(session, assignment, Judgement((4, 3, 2, 1), RATED), Sent("second"))
    path = f"/review/work/{assignment.id}"
    refused = pages.post(path, {"annotation": annotation.id, "decision": "approved"}, 422)
    assert "This was revised since you opened it." in refused.text
    (other,) = ranked(session, project, (1, 2, 2, 3))
    pages.post(path, {"annotation": other.id, "decision": "approved"}, 422)
    assert decided(session) == []


@pytest.mark.usefixtures("reviewer")
def test_a_ranking_is_corrected_on_the_page(pages: PageClient, session: Session, project: Project) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    path = f"/review/work/{annotation.assignment_id}"
    work = pages.get(path)
    form = next(form.get("action") for form in work.all("form") if "/correct" in form.get("action"))
    assert work.form(form)["rank[b]"] == ["2"]
    refused = pages.submit(work, form, 422, **{"rank[a]": "9"})
    assert "is not a rank from 1 to 4" in refused.text
    done = pages.submit(work, form, **{"rank[a]": "4", "output[a][overall]": "1", "comment": "A is wrong."})
    assert "Corrected; what the labeler said is kept." in done.text
    assert "A reviewer made this revision" in done.text
    current = session.scalars(select(Annotation).where(Annotation.current)).one()
    assignment = session.get_one(Assignment, annotation.assignment_id)
    outputs = {
        row.completion_id: (row.rank, row.ratings["overall"])
        for row in session.scalars(select(AnnotatedOutput).where(AnnotatedOutput.annotation_id == current.id))
    }
    assert [outputs[number] for number in assignment.shown_order] == [(3, 1), (1, 4), (1, 4), (2, 1)]
    pages.sign_in(labeler_of(session, annotation))
    assert "corrected by a reviewer" in pages.get(f"/history/{annotation.assignment_id}").text


@pytest.mark.usefixtures("reviewer")
def test_a_text_is_corrected_and_a_prompt_is_not(pages: PageClient, session: Session, project: Project) -> None:
    labeler = make_labeler(session)
    demonstrate = make_open_campaign(session, CampaignKind.DEMONSTRATE, project=project)
    assignment = make_assignment(session, labeler, demonstrate)
    submit_demonstration(session, assignment, Demonstration("Wrong."), Sent("first"))
    work = pages.get(f"/review/work/{assignment.id}")
    form = next(form.get("action") for form in work.all("form") if "/correct" in form.get("action"))
    pages.submit(work, form, text="Right.")
    current = session.scalars(select(Annotation).where(Annotation.current)).one()
    assert session.get_one(Completion, current.completion_id).text == "Right."
    written = make_assignment(
        session, labeler, make_open_campaign(session, CampaignKind.WRITE_PROMPTS, project=project)
    )
    prompt = submit_prompt(session, written, single_message(PromptKind.PLAIN, "Why is it dark?"), Sent("second"))
    shown = pages.get(f"/review/work/{written.id}")
    assert not [form for form in shown.all("form") if "/correct" in form.get("action")]
    pages.post(f"/review/work/{written.id}", {"annotation": prompt.id, "decision": "approved"})


def test_what_came_back_is_answered_and_waits_again(pages: PageClient, session: Session, project: Project) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    pages.sign_in(labeler_of(session, annotation))
    assert "came back to you" not in pages.get("/tasks").text
    send_back(session, make_user(session, Role.RESEARCHER), annotation, "Look at <b> again.")
    tasks = pages.get("/tasks")
    assert "1 came back to you" in tasks.text
    assert tasks.one("blockquote").text == "Look at <b> again."
    assert tasks.links["Revise"] == f"/assignments/{annotation.assignment_id}"
    path = f"/history/{annotation.assignment_id}/stand-by"
    assert "Say in a sentence why" in pages.post(path, {"answer": " "}).text
    assert pages.get(f"/history/{annotation.assignment_id}").one("blockquote").text == "Look at <b> again."
    answered = pages.submit(tasks, path, answer="It invents nothing.")
    assert "A reviewer will read your answer." in answered.text
    assert "came back to you" not in answered.text
    assert "This has been answered" in pages.post(path, {"answer": "Again."}).text
    pages.sign_in_as(Role.RESEARCHER)
    assert "answered" in pages.get("/review", project=project.id).text
    assert "It invents nothing." in pages.get(f"/review/work/{annotation.assignment_id}").text
    pages.sign_in(make_labeler(session))
    pages.post(path, {"answer": "Not mine."}, 404)


def test_what_came_back_of_a_closed_campaign_can_still_be_answered(
    pages: PageClient, session: Session, project: Project
) -> None:
    (annotation,) = ranked(session, project, (1, 2, 2, 3))
    send_back(session, make_user(session, Role.RESEARCHER), annotation, "Again.")
    close_campaign(session, session.get_one(Campaign, session.get_one(Task, annotation.task_id).campaign_id))
    pages.sign_in(labeler_of(session, annotation))
    tasks = pages.get("/tasks")
    assert "Revise" not in tasks.links
    pages.submit(tasks, f"/history/{annotation.assignment_id}/stand-by", answer="It is right.")


@pytest.mark.usefixtures("reviewer")
def test_rankings_stand_side_by_side_and_one_is_preferred(
    pages: PageClient, session: Session, project: Project
) -> None:
    one, two = ranked(session, project, (1, 2, 3, 4), (4, 3, 2, 1))
    path = f"/review/tasks/{one.task_id}"
    shown = pages.get(path)
    assert [head.text for head in shown.all("th", scope="col")][:4] == [
        "Output",
        "Disputed pairs",
        "Labeler 1",
        "Labeler 2",
    ]
    assert len(shown.all("section", class_="panel")) == 6
    done = pages.submit(shown, path, preferred=str(two.id), comment="It reads the question.")
    assert "Preferred: Labeler 2. It reads the question." in done.text
    assert done.form(path)["preferred"] == [str(two.id)]
    refused = pages.post(path, {"preferred": "0", "idempotency_key": "k", "rank[a]": "1"}, 422)
    assert "Rank every output before you submit." in refused.text
    ranks = {f"rank[{letter}]": rank for letter, rank in zip("abcd", (2, 1, 1, 3), strict=True)}
    own = pages.post(path, {"preferred": "0", "idempotency_key": "k", **ranks})
    assert "An adjudicator's own ranking is preferred." in own.text
    assert [cell.get("value") for cell in own.all("input", type_="number")] == ["2", "1", "1", "3"]
    assert [each.standing for each in session.scalars(select(Adjudication).order_by(Adjudication.id))] == [False, True]
    (elsewhere,) = ranked(session, project, (1, 2, 3, 4))
    assert (
        "That is no ranking of this task."
        in pages.post(path, {"preferred": elsewhere.id, "idempotency_key": "l"}, 422).text
    )


@pytest.mark.usefixtures("reviewer")
def test_decisions_are_listed_and_leave_as_csv(
    pages: PageClient, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.review.pages.PAGE_SIZE", 1)
    one, two = ranked(session, project, (1, 2, 3, 4), (4, 3, 2, 1))
    reviewer = make_user(session, Role.RESEARCHER)
    exclude(session, reviewer, one, ExclusionReason.MISTAKEN, "=1+1")
    send_back(session, reviewer, two, "Again.")
    first = pages.get("/review/decisions", project=project.id)
    assert "Sent back" in first.all("tr")[1].text
    assert "A mistake" in pages.get(first.links["Next"]).all("tr")[1].text
    chosen = pages.get("/review/decisions", project=project.id, decision="excluded")
    assert len(chosen.all("tr")) == 2
    rows = list(csv.DictReader(io.StringIO(pages.get(first.links["CSV"]).body)))
    assert [(row["decision"], row["reason"], row["comment"]) for row in rows] == [
        ("sent_back", "", "Again."),
        ("excluded", "mistaken", "'=1+1"),
    ]
    assert {row["labeler"] for row in rows} == {f"labeler-{each.labeler_id}" for each in (one, two)}
