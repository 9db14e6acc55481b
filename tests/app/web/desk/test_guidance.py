"""What the desk asks before it takes work, and the way back to what was sent last."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Role, User
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.submissions import LETTERS
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import close_campaign
from app.prompts.models import Prompt, PromptKind
from app.quality.membership import admit_cohort
from app.tasks.briefs import Brief
from app.tasks.models import Assignment, AssignmentState, Task
from tests.factories import make_open_campaign
from tests.pages import Page, PageClient


@pytest.fixture
def labeler(pages: PageClient) -> User:
    return pages.sign_in_as(Role.LABELER)


def _judged(ranks: tuple[int, ...], points: tuple[int, ...]) -> dict[str, str]:
    typed = {f"rank[{letter}]": str(rank) for letter, rank in zip(LETTERS, ranks, strict=False)}
    return typed | {f"output[{letter}][overall]": str(each) for letter, each in zip(LETTERS, points, strict=False)}


FINE = _judged((1, 2, 3, 4), (7, 6, 5, 4))
REVERSED = _judged((4, 2, 2, 1), (7, 5, 5, 5))


def _begin(pages: PageClient, session: Session, tasks: int = 1) -> Page:
    make_open_campaign(session, tasks=tasks)
    return pages.post("/tasks/next")


def _send(pages: PageClient, desk: Page, typed: dict[str, str], status: int = 200, **more: str) -> Page:
    """From the page as it stands, whatever its own address."""
    action = desk.one("form", id="desk").get("action")
    return pages.submit(desk, action, status, **typed, **more)


def _annotations(session: Session) -> list[Annotation]:
    return list(session.scalars(select(Annotation).order_by(Annotation.id)))


@pytest.mark.usefixtures("labeler")
def test_what_looks_like_a_slip_is_asked_about_with_everything_typed(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    asked = _send(pages, desk, REVERSED | {"output[b][notes]": "so so"}, 422, active_seconds="50")
    assert "You rated A 7 of 7 and ranked it last." in asked.one("dialog", class_="doubts").text
    assert _annotations(session) == []
    kept = asked.form(f"{desk.path}/submit")
    assert (kept["rank[a]"], kept["output[b][notes]"], kept["active_seconds"]) == (["4"], ["so so"], ["50"])


@pytest.mark.usefixtures("labeler")
def test_it_is_asked_once_and_then_taken_as_it_is(pages: PageClient, session: Session) -> None:
    asked = _send(pages, _begin(pages, session), REVERSED, 422)
    assert _send(pages, asked, {}).path == "/tasks"
    ranks = session.scalars(select(AnnotatedOutput.rank).order_by(AnnotatedOutput.rank)).all()
    assert ranks == [1, 2, 2, 3]


@pytest.mark.usefixtures("labeler")
def test_another_slip_is_asked_about_too(pages: PageClient, session: Session) -> None:
    asked = _send(pages, _begin(pages, session), REVERSED, 422)
    again = _send(pages, asked, _judged((1, 1, 1, 1), (5, 5, 5, 5)), 422)
    assert "All 4 outputs share one rank." in again.text
    assert _send(pages, again, REVERSED).path == "/tasks"


@pytest.mark.usefixtures("labeler")
def test_who_confirms_at_once_is_not_asked(pages: PageClient, session: Session) -> None:
    assert _send(pages, _begin(pages, session), REVERSED, confirmed="1").path == "/tasks"
    assert len(_annotations(session)) == 1


@pytest.mark.usefixtures("labeler")
def test_a_revision_without_a_change_is_asked_about(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    _send(pages, desk, FINE)
    asked = _send(pages, pages.get(desk.path), {}, 422)
    assert "Nothing differs from what you submitted before." in asked.text
    assert _send(pages, asked, {}, confirmed="1").path == "/history"
    assert [each.revision for each in _annotations(session)] == [1, 2]


@pytest.mark.usefixtures("labeler")
def test_sending_a_page_twice_is_no_revision_without_a_change(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    _send(pages, desk, FINE)
    assert _send(pages, desk, FINE).status == 200
    assert len(_annotations(session)) == 1


@pytest.mark.usefixtures("labeler")
def test_a_text_sent_again_unchanged_is_asked_about(pages: PageClient, session: Session) -> None:
    make_open_campaign(session, CampaignKind.DEMONSTRATE)
    desk = pages.post("/tasks/next")
    _send(pages, desk, {"text": "The same"})
    assert "Nothing differs" in _send(pages, pages.get(desk.path), {"text": "The same "}, 422).text
    assert _send(pages, pages.get(desk.path), {"text": "Another"}).path == "/history"


@pytest.mark.usefixtures("labeler")
def test_the_last_submission_is_undone_and_the_next_task_stays_on_the_desk(pages: PageClient, session: Session) -> None:
    first = _begin(pages, session, tasks=3)
    following = _send(pages, first, FINE)
    undo = following.links["Undo the last submission"]
    back = pages.get(undo)
    assert back.form(f"{first.path}/submit")["rank[d]"] == ["4"]
    assert back.links["Keep as it was"] == following.path
    assert _send(pages, back, {"rank[d]": "3"}).path == following.path
    assert [(each.revision, each.current) for each in _annotations(session)] == [(1, False), (2, True)]
    leased = session.scalars(select(Assignment).where(Assignment.state == AssignmentState.LEASED)).all()
    assert [f"/assignments/{each.id}" for each in leased] == [following.path]
    assert sum(session.scalars(select(Task.remaining))) == 1


@pytest.mark.usefixtures("labeler")
def test_an_undoing_that_is_asked_about_still_leads_on_to_the_next_task(pages: PageClient, session: Session) -> None:
    following = _send(pages, _begin(pages, session, tasks=2), FINE)
    back = pages.get(following.links["Undo the last submission"])
    assert _send(pages, _send(pages, back, REVERSED, 422), {}).path == following.path


@pytest.mark.usefixtures("labeler")
def test_the_last_task_of_all_is_undone_from_the_list(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    tasks = _send(pages, desk, FINE)
    assert tasks.path == "/tasks"
    assert pages.get(tasks.links["Undo the last submission"]).form(f"{desk.path}/submit")["rank[a]"] == ["1"]


@pytest.mark.usefixtures("labeler")
def test_what_was_sent_long_ago_or_is_closed_is_not_offered_to_be_undone(
    pages: PageClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = _send(pages, _begin(pages, session, tasks=2), FINE)
    later = clock.now() + timedelta(hours=2)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        assert "Undo the last submission" not in pages.get("/tasks").links
    close_campaign(session, session.scalars(select(Campaign)).one())
    assert "Undo the last submission" not in pages.get(following.path).links


@pytest.mark.usefixtures("labeler")
def test_who_skipped_last_has_nothing_to_undo(pages: PageClient, session: Session) -> None:
    following = _send(pages, _begin(pages, session, tasks=3), FINE)
    assert "Undo the last submission" in following.links
    after = pages.post(f"{following.path}/skip", {"idempotency_key": "k", "reason": "unclear"})
    assert after.path.startswith("/assignments/")
    assert "Undo the last submission" not in after.links


@pytest.mark.usefixtures("labeler")
def test_the_desk_says_how_far_one_is_today_and_here(pages: PageClient, session: Session) -> None:
    first = _begin(pages, session, tasks=2)
    following = _send(pages, first, FINE, active_seconds="120")
    assert "Task 2 · 1 done, 2 min today · here 1, 2 min" in following.heading


@pytest.mark.usefixtures("labeler")
@pytest.mark.parametrize("kind", [CampaignKind.WRITE_PROMPTS, CampaignKind.RED_TEAM])
def test_a_short_prompt_is_asked_about_with_what_was_typed(
    pages: PageClient, session: Session, kind: CampaignKind
) -> None:
    make_open_campaign(session, kind)
    desk = pages.post("/tasks/next")
    asked = _send(pages, desk, {"text": "Hi"}, 422)
    assert "This is very short." in asked.one("dialog", class_="doubts").text
    assert _annotations(session) == []
    assert _send(pages, asked, {}).path == "/tasks"
    assert session.scalars(select(Prompt)).one().messages[-1]["content"] == "Hi"


@pytest.mark.usefixtures("labeler")
def test_a_prompt_like_ones_own_is_asked_about_once_and_like_anothers_never(
    pages: PageClient, session: Session
) -> None:
    make_open_campaign(session, CampaignKind.WRITE_PROMPTS, tasks=4)
    following = _send(pages, pages.post("/tasks/next"), {"text": "Tell me a joke about cats"})
    asked = _send(pages, following, {"text": "tell me a joke about cats."}, 422)
    assert "You have written almost the same before: “Tell me a joke about cats”" in asked.text
    assert _send(pages, asked, {}).path.startswith("/assignments/")
    assert len(_annotations(session)) == 2
    other = pages.sign_in_as(Role.LABELER)
    admit_cohort(session, session.scalars(select(Campaign)).one())
    assert _send(pages, pages.post("/tasks/next"), {"text": "Tell me a joke about cats!"}).status == 200
    assert [each.labeler_id for each in _annotations(session)][2:] == [other.id]


@pytest.mark.usefixtures("labeler")
def test_a_revised_prompt_is_not_held_against_its_own_versions(pages: PageClient, session: Session) -> None:
    make_open_campaign(session, CampaignKind.WRITE_PROMPTS)
    desk = pages.post("/tasks/next")
    _send(pages, desk, {"text": "Tell me a joke about cats"})
    assert "Nothing differs" in _send(pages, pages.get(desk.path), {}, 422).text
    assert _send(pages, pages.get(desk.path), {"text": "Tell me a joke about cats!"}).path == "/history"


@pytest.mark.usefixtures("labeler")
def test_pairs_without_script_are_asked_about_and_kept(pages: PageClient, session: Session) -> None:
    make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=Brief(kind=PromptKind.FEW_SHOT))
    typed = {"instruction": "Add.", "pair[1][query]": "1 + 1", "pair[1][response]": "2"}
    again = {"pair[2][query]": "1 + 1", "pair[2][response]": "2"}
    desk = pages.post("/tasks/next")
    refused = _send(pages, desk, typed, 422)
    assert "Write from 2 to 20 pairs" in refused.text
    asked = _send(pages, refused, again, 422)
    assert "The query “1 + 1” stands in two pairs." in asked.text
    assert asked.form(f"{desk.path}/submit")["pair[2][response]"] == ["2"]
    assert _send(pages, asked, {}).path == "/tasks"


@pytest.mark.usefixtures("labeler")
@pytest.mark.parametrize(
    ("zone", "done"),
    [(None, 0), ("Asia/Shanghai", 1), ("America/Los_Angeles", 1), ("Atlantic/Reykjavik", 0), ("../etc/passwd", 0)],
)
def test_today_begins_at_the_labelers_own_midnight(
    pages: PageClient, session: Session, monkeypatch: pytest.MonkeyPatch, zone: str | None, done: int
) -> None:
    """Sent at half past ten in the evening, looked at four hours later, by UTC."""
    _send(pages, _begin(pages, session, tasks=2), FINE)
    sent = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    session.execute(update(Annotation).values(created_at=sent))
    if zone:
        pages.http.cookies.set("rondo-zone", zone)
    monkeypatch.setattr(clock, "now", lambda: sent + timedelta(hours=4))
    assert f"{done} done today" in pages.get("/tasks").text


@pytest.mark.usefixtures("labeler")
@pytest.mark.parametrize(
    ("of_campaign", "of_prompt", "said"),
    [
        ("A fight", None, "A fight"),
        (None, "Blood", "Blood"),
        ("A fight", "Blood", "A fight · Blood"),
        ("Blood", "Blood", "Blood"),
    ],
)
def test_a_warning_of_the_campaign_holds_the_texts_back_as_one_of_the_prompt_does(
    pages: PageClient, session: Session, of_campaign: str | None, of_prompt: str | None, said: str
) -> None:
    desk = _begin(pages, session)
    session.scalars(select(Campaign)).one().content_warning = of_campaign
    session.scalars(select(Prompt)).one().content_warning = of_prompt
    session.flush()
    page = pages.get(desk.path)
    warned = page.one("details", class_="warned")
    assert f"Content warning: {said} Show the texts" in warned.text
    assert [output.is_within(warned) for output in page.all("article")] == [True] * 4
    assert "open" not in warned.attributes


@pytest.mark.usefixtures("labeler")
@pytest.mark.parametrize("kind", [CampaignKind.WRITE_PROMPTS, CampaignKind.RED_TEAM])
def test_where_nothing_is_read_but_a_brief_nothing_is_held_back(
    pages: PageClient, session: Session, kind: CampaignKind
) -> None:
    make_open_campaign(session, kind)
    desk = pages.post("/tasks/next")
    session.scalars(select(Campaign)).one().content_warning = "A fight"
    session.flush()
    assert pages.get(desk.path).all("details", class_="warned") == []
