"""Researchers look at what labelers reported."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.prompts.models import Prompt, PromptReport
from app.prompts.reports import report_prompt
from app.tasks.models import Task
from tests.factories import make_labeler, make_open_campaign, make_project
from tests.pages import Page, PageClient


@pytest.fixture
def reported(pages: PageClient, session: Session) -> Page:
    """The page of a project in which two labelers reported the prompt of one task of two."""
    project = make_project(session)
    make_open_campaign(session, project=project, tasks=2)
    prompt = session.scalars(select(Prompt).order_by(Prompt.id)).all()[0]
    report_prompt(session, prompt, make_labeler(session), "It names <b>a person</b>.")
    report_prompt(session, prompt, make_labeler(session), "Not a question.")
    report_prompt(session, prompt, make_labeler(session), "I was mistaken?")
    pages.sign_in_as(Role.RESEARCHER)
    return pages.get("/reports", project=project.id)


def _action(page: Page, verb: str) -> str:
    return next(form.get("action") for form in page.all("form") if form.get("action").endswith(verb))


def test_reports_are_listed_with_who_made_them_and_their_prompt(session: Session, reported: Page) -> None:
    assert "It names <b>a person</b>." in reported.text
    report = session.scalars(select(PromptReport)).all()[0]
    assert f"/prompts/{report.prompt_id}" in reported.links.values()
    assert len(reported.all("blockquote")) == 3


def test_one_look_settles_all_reports_of_a_prompt(pages: PageClient, session: Session, reported: Page) -> None:
    settled = pages.submit(reported, _action(reported, "/resolve"))
    assert "3 reports are settled." in settled.text
    assert all(report.resolved_by_id for report in session.scalars(select(PromptReport)))
    assert not [form for form in settled.all("form") if form.get("action").endswith("/resolve")]


def test_a_report_made_anew_is_open_again(pages: PageClient, session: Session, reported: Page) -> None:
    pages.submit(reported, _action(reported, "/resolve"))
    report = session.scalars(select(PromptReport)).all()[0]
    reporter, prompt = pages.session.get_one(type(make_labeler(session)), report.reporter_id), report.prompt_id
    report_prompt(session, session.get_one(Prompt, prompt), reporter, "It still does.")
    session.expire_all()
    assert [each.reason for each in session.scalars(select(PromptReport)) if each.resolved_at is None] == [
        "It still does."
    ]


def test_a_prompt_gets_a_warning_and_loses_it_again(pages: PageClient, session: Session, reported: Page) -> None:
    warned = pages.submit(reported, _action(reported, "/warning"), warning=" Violence ")
    assert "stay blurred" in warned.text
    prompt = session.get_one(Prompt, session.scalars(select(PromptReport.prompt_id)).all()[0])
    assert prompt.content_warning == "Violence"
    pages.submit(warned, _action(warned, "/warning"), warning="")
    assert session.get_one(Prompt, prompt.id).content_warning is None


def test_a_withdrawn_prompt_is_handed_out_no_more(pages: PageClient, session: Session, reported: Page) -> None:
    withdrawn = pages.submit(reported, _action(reported, "/withdraw"))
    assert "1 task was set aside." in withdrawn.text
    assert "No task hands this prompt out." in withdrawn.text
    assert sorted(session.scalars(select(Task.set_aside))) == [False, True]


def test_a_project_page_says_how_many_reports_wait(pages: PageClient, session: Session, reported: Page) -> None:
    project_id = session.scalars(select(Prompt.project_id)).first()
    assert pages.get(f"/projects/{project_id}").links["3 open reports on prompts"] == f"/reports?project={project_id}"
    assert reported.status == 200
