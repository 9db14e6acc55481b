"""Stopping, reporting, and how what was typed comes along."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.models import Annotation
from app.campaigns.models import CampaignKind
from app.prompts.models import PromptReport
from app.tasks.models import Assignment, AssignmentState, Task
from tests.factories import make_labeler, make_open_campaign
from tests.pages import Page, PageClient


@pytest.fixture
def labeler(pages: PageClient) -> User:
    return pages.sign_in_as(Role.LABELER)


def _begin(pages: PageClient, session: Session, tasks: int = 1) -> Page:
    make_labeler(session)
    make_open_campaign(session, CampaignKind.DEMONSTRATE, tasks=tasks)
    return pages.post("/tasks/next")


def _press(pages: PageClient, desk: Page, way: str, **typed: str) -> Page:
    """A button that sends the desk's form elsewhere."""
    sent = desk.form(f"{desk.path}/submit") | typed
    return pages.post(f"{desk.path}/{way}", sent)


def test_who_stops_gives_the_task_to_others_at_once(pages: PageClient, session: Session, labeler: User) -> None:
    desk = _begin(pages, session)
    stopped = _press(pages, desk, "stop")
    assert stopped.path == "/tasks"
    assert "the task went back" in stopped.text
    task, left = session.scalars(select(Task)).one(), session.scalars(select(Assignment)).one()
    assert (task.remaining, left.state, left.labeler_id) == (1, AssignmentState.EXPIRED, labeler.id)
    assert "Begun and not submitted" not in stopped.text
    pages.sign_in(session.scalars(select(User).where(User.role == Role.LABELER, User.id != labeler.id)).one())
    assert pages.post("/tasks/next").path.startswith("/assignments/")


@pytest.mark.usefixtures("labeler")
def test_what_was_typed_before_stopping_is_there_when_the_task_is_taken_up_again(
    pages: PageClient, session: Session
) -> None:
    desk = _begin(pages, session)
    stopped = _press(pages, desk, "stop", text="Half an answer")
    assert stopped.links["Go on"] == desk.path
    again = pages.post("/tasks/next")
    assert again.path == desk.path
    assert again.form(f"{desk.path}/submit")["text"] == ["Half an answer"]
    assert session.scalars(select(Task)).one().remaining == 0


@pytest.mark.usefixtures("labeler")
def test_stopping_twice_gives_one_slot_back(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    _press(pages, desk, "stop")
    _press(pages, desk, "stop")
    assert session.scalars(select(Task)).one().remaining == 1


def test_a_prompt_is_reported_and_the_work_goes_on(pages: PageClient, session: Session, labeler: User) -> None:
    desk = _begin(pages, session)
    again = _press(pages, desk, "report", report_reason=" It names a person. ", text="Half an answer")
    assert again.path == desk.path
    assert "A researcher will look at this prompt" in again.text
    assert again.form(f"{desk.path}/submit")["text"] == ["Half an answer"]
    report = session.scalars(select(PromptReport)).one()
    assert (report.reason, report.reporter_id) == ("It names a person.", labeler.id)


@pytest.mark.usefixtures("labeler")
def test_a_prompt_is_reported_and_skipped(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session, tasks=2)
    following = _press(pages, desk, "report", report_reason="It names a person.", skip="1")
    assert following.path.startswith("/assignments/")
    assert following.path != desk.path
    assert session.scalars(select(Annotation.skip_reason)).all() == ["It names a person."]


@pytest.mark.usefixtures("labeler")
def test_a_report_says_something(pages: PageClient, session: Session) -> None:
    desk = _begin(pages, session)
    again = _press(pages, desk, "report", report_reason=" ", skip="1")
    assert again.path == desk.path
    assert "Say in a few words what is wrong" in again.text
    assert session.scalar(select(PromptReport)) is None
    assert session.scalar(select(Annotation)) is None
