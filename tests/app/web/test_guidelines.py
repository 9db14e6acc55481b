"""The way to the first task leads past the guidelines."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.projects.models import GuidelinesAcknowledgement, Project
from app.projects.queries import current_guidelines
from app.projects.service import publish_guidelines
from app.tasks.models import Assignment
from tests.factories import make_open_campaign, make_project
from tests.pages import Page, PageClient

READ = "Be **kind**.\n\nBe fair."


@pytest.fixture
def labeler(pages: PageClient) -> User:
    return pages.sign_in_as(Role.LABELER)


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session, guidelines=READ)


def _leases(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Assignment)).one()


def _acknowledge(pages: PageClient, shown: Page) -> Page:
    return pages.submit(shown, shown.path.split("?")[0])


@pytest.mark.usefixtures("labeler")
def test_they_are_read_before_the_first_task_and_no_slot_is_held_meanwhile(
    pages: PageClient, session: Session, project: Project
) -> None:
    campaign = make_open_campaign(session, project=project, tasks=2)
    shown = pages.post("/tasks/next", {"campaign": str(campaign.id)})
    assert shown.heading == f"Guidelines of {project.name}"
    assert shown.one("strong").text == "kind"
    assert _leases(session) == 0
    assert _acknowledge(pages, shown).path.startswith("/assignments/")
    assert session.scalars(select(GuidelinesAcknowledgement.guidelines_id)).all() == [
        current_guidelines(session, project).id
    ]


@pytest.mark.usefixtures("labeler")
def test_who_has_read_them_is_not_asked_again(pages: PageClient, session: Session, project: Project) -> None:
    make_open_campaign(session, project=project)
    make_open_campaign(session, project=project)
    desk = _acknowledge(pages, pages.post("/tasks/next"))
    judged = {f"rank[{n}]": "1" for n in "abcd"} | {f"output[{n}][overall]": "5" for n in "abcd"}
    pages.submit(desk, f"{desk.path}/submit", confirmed="1", **judged)
    assert pages.post("/tasks/next").path.startswith("/assignments/")


@pytest.mark.usefixtures("labeler")
def test_a_changed_version_shows_what_changed(pages: PageClient, session: Session, project: Project) -> None:
    make_open_campaign(session, project=project)
    _acknowledge(pages, pages.post("/tasks/next"))
    publish_guidelines(session, project, "Be **kind**.\n\nBe <b>strict</b>.")
    make_open_campaign(session, project=project, priority=1)
    session.scalars(select(Assignment)).one().deadline = func.now()  # the first task is left
    session.flush()
    shown = pages.post("/tasks/next", {"campaign": str(max(_offered(pages)))})
    assert [line.text for line in shown.all("del")] == ["Be fair."]
    assert [line.text for line in shown.all("ins")] == ["Be <b>strict</b>."]
    assert "They changed since version 1" in shown.text
    assert _acknowledge(pages, shown).path.startswith("/assignments/")


def _offered(pages: PageClient) -> list[int]:
    return [int(field.get("value")) for field in pages.get("/tasks").all("input", name="campaign")]


@pytest.mark.usefixtures("labeler")
def test_a_task_begun_before_is_not_shown_before_they_are_read(
    pages: PageClient, session: Session, project: Project
) -> None:
    make_open_campaign(session, project=project)
    desk = _acknowledge(pages, pages.post("/tasks/next"))
    session.delete(session.scalars(select(GuidelinesAcknowledgement)).one())
    session.flush()
    shown = pages.get(desk.path)
    assert shown.path.startswith("/guidelines/")
    assert _acknowledge(pages, shown).path == desk.path


@pytest.mark.usefixtures("labeler")
def test_they_may_be_read_again_at_any_time(pages: PageClient, session: Session, project: Project) -> None:
    make_open_campaign(session, project=project)
    shown = pages.post("/tasks/next")
    _acknowledge(pages, shown)
    again = pages.get(shown.path.split("?")[0])
    assert again.one("strong").text == "kind"
    assert not again.all("form", action=again.path)


def test_those_of_work_one_is_not_admitted_to_are_not_there(
    pages: PageClient, session: Session, project: Project
) -> None:
    make_open_campaign(session, project=project)
    pages.sign_in_as(Role.LABELER)
    number = current_guidelines(session, project).id
    pages.get(f"/guidelines/{number}", 404)
    pages.post(f"/guidelines/{number}", status=404)
    pages.get("/guidelines/0", 404)
