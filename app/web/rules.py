"""`/projects/N/rules`: what a model must not do, one sentence a rule, made, archived and brought back."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.rules import (
    LONGEST_NAME,
    LONGEST_TEXT,
    archive_rule,
    bring_rule_back,
    create_rule,
    rule_numbered,
    rules_of,
)
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/rules")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


class NewRule(BaseModel):
    name: str = Field(max_length=LONGEST_NAME)
    text: str = Field(max_length=LONGEST_TEXT)


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, number: int) -> Response:
    return _rules_page(request, session, project_numbered(session, number), Form[NewRule].showing())


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[NewRule], posted(NewRule)],
) -> Response:
    project = project_numbered(session, number)
    if wanted := form.data:
        with form.attempt(session, "name"):
            create_rule(session, project, wanted.name, wanted.text, author=user)
    if form.data is None:
        return _rules_page(request, session, project, form, 422)
    flash(request, _("The rule {name} is made.").format(name=form.data.name))
    return redirect(f"/projects/{number}/rules")


@router.post("/{rule}/archive", dependencies=RESEARCHERS)
def archive(session: SessionDep, number: int, rule: int) -> Response:
    archive_rule(session, rule_numbered(session, project_numbered(session, number), rule))
    return redirect(f"/projects/{number}/rules")


@router.post("/{rule}/bring-back", dependencies=RESEARCHERS)
def bring_back(session: SessionDep, number: int, rule: int) -> Response:
    bring_rule_back(session, rule_numbered(session, project_numbered(session, number), rule))
    return redirect(f"/projects/{number}/rules")


def _rules_page(
    request: Request, session: Session, project: Project, form: Form[NewRule], status: int = 200
) -> Response:
    longest = {"name": LONGEST_NAME, "text": LONGEST_TEXT}
    rules = rules_of(session, project)
    return page(request, "projects/rules.html", status, project=project, rules=rules, form=form, longest=longest)
