"""The rules of a project."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.projects.models import Rule
from tests.factories import make_project, make_rule
from tests.pages import PageClient


def test_a_rule_is_made_archived_and_brought_back(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.RESEARCHER)
    empty = pages.get(pages.get(f"/projects/{project.id}").links["The rules that a model must not break"])
    made = pages.submit(empty, empty.path, name="No threats", text="The assistant must not threaten anybody.")
    rule = session.scalars(select(Rule)).one()
    assert "The assistant must not threaten anybody." in made.text
    archived = pages.submit(made, f"{made.path}/{rule.id}/archive")
    assert session.scalars(select(Rule.archived)).one()
    assert "Red-team it" not in archived.text
    pages.submit(archived, f"{made.path}/{rule.id}/bring-back")
    assert not session.scalars(select(Rule.archived)).one()


def test_what_was_typed_stays_when_the_name_is_taken(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    rule = make_rule(session, project)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/projects/{project.id}/rules")
    again = pages.submit(page, page.path, 422, name=rule.name, text="Another sentence.")
    assert again.one("p", id="error-name").text == f"This project already has a rule named {rule.name}."
    assert again.form(page.path)["text"] == ["Another sentence."]


def test_another_project_s_rule_cannot_be_archived(pages: PageClient, session: Session) -> None:
    rule = make_rule(session, make_project(session))
    other = make_project(session)
    pages.sign_in_as(Role.RESEARCHER)
    pages.post(f"/projects/{other.id}/rules/{rule.id}/archive", status=404)
    pages.post(f"/projects/{rule.project_id}/rules/{rule.id}/archive")
