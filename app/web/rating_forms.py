"""`/projects/N/form`: the rating form, edited with plain forms; every button sends the whole form back.

Only "publish" writes: adding, moving and removing attributes answer with the changed form, not yet saved.
"""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.errors import InvalidInput
from app.projects.examples import examples_as_lines, examples_in_lines, flag_example
from app.projects.forms import FREE_KEYS, Attribute, AttributeType, RatingForm, parse_form
from app.projects.models import Project
from app.projects.queries import current_form, form_versions, rating_form
from app.projects.queries import project as project_numbered
from app.projects.ready_made import NAMES, READY_MADE
from app.projects.service import publish_form
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/form")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
PARTS = ("output", "prompt")

Rows = list[dict[str, str]]  # one attribute a row, each field as typed
Draft = dict[str, Rows]


class EditedForm(BaseModel):
    """Attributes by their place; `do` names the button: publish, add-PART, or up-, down-, remove-PART-PLACE."""

    model_config = ConfigDict(extra="ignore")

    output: dict[int, dict[str, str]] = Field(default_factory=dict)
    prompt: dict[int, dict[str, str]] = Field(default_factory=dict)
    do: str = "publish"

    def draft(self) -> Draft:
        return {part: [row for _place, row in sorted(getattr(self, part).items())] for part in PARTS}


class FormAsJson(BaseModel):
    definition: str = Field(max_length=200_000)


@router.get("", dependencies=RESEARCHERS)
def edit(
    request: Request, session: SessionDep, number: int, start: str | None = None, version: int | None = None
) -> Response:
    """The current form to edit, or a ready-made or older one to start from."""
    project = project_numbered(session, number)
    older = next((each for each in form_versions(session, project) if each.version == version), None)
    chosen = READY_MADE.get(start or "") or rating_form(older or current_form(session, project))
    return _page(request, session, project, _draft_of(chosen))


@router.post("", dependencies=RESEARCHERS)
def change(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[EditedForm], posted(EditedForm)],
) -> Response:
    project = project_numbered(session, number)
    if form.data is None:
        raise InvalidInput(reason=" ".join(form.errors.values()))
    draft = form.data.draft()
    if form.data.do != "publish":
        return _page(request, session, project, _changed(draft, form.data.do))
    try:
        return _publish(request, session, user, project, parse_form(_definition(draft)))
    except InvalidInput as error:
        return _page(request, session, project, draft, error.localized())


@router.post("/json", dependencies=RESEARCHERS)
def replace(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[FormAsJson], posted(FormAsJson)],
) -> Response:
    """For those who have the form as a file."""
    project = project_numbered(session, number)
    try:
        definition = json.loads(form.value("definition"))
        return _publish(request, session, user, project, parse_form(definition))
    except (InvalidInput, ValueError, RecursionError) as error:
        sentence = error.localized() if isinstance(error, InvalidInput) else _("This is not JSON.")
        draft = _draft_of(rating_form(current_form(session, project)))
        return _page(request, session, project, draft, sentence, form.value("definition"))


def _publish(request: Request, session: Session, user: User, project: Project, form: RatingForm) -> Response:
    published = publish_form(session, project, form, author=user)
    flash(request, _("Version {number} is published.").format(number=published.version))
    return redirect(f"/projects/{project.id}/form")


def _page(
    request: Request,
    session: Session,
    project: Project,
    draft: Draft,
    error: str | None = None,
    as_json: str | None = None,
) -> Response:
    current = rating_form(current_form(session, project))
    return page(
        request,
        "projects/form.html",
        200 if error is None else 422,
        project=project,
        draft=draft,
        errors=[error] if error else [],
        keys=[(key, key) for key in FREE_KEYS],
        ready_made=NAMES.items(),
        versions=form_versions(session, project),
        is_current=_draft_of(current) == draft,
        as_json=as_json or json.dumps(current.model_dump(mode="json", exclude_defaults=True), indent=2),
    )


def _draft_of(form: RatingForm) -> Draft:
    return {part: [_row(attribute) for attribute in getattr(form, part)] for part in PARTS}


def _row(attribute: Attribute) -> dict[str, str]:
    shown = {name: "" if value is None else str(value) for name, value in attribute.model_dump(mode="json").items()}
    return shown | {
        "options": "\n".join(attribute.options),
        "required": "1" if attribute.required else "",
        "examples": examples_as_lines(attribute.examples, attribute.answers),
    }


def _definition(draft: Draft) -> dict[str, list[dict[str, Any]]]:
    return {part: [_attribute(row) for row in rows] for part, rows in draft.items()}


def _attribute(row: dict[str, str]) -> dict[str, Any]:
    """Fields that the chosen type does not use are dropped, so that changing the type is one act."""
    kind = row.get("type", AttributeType.FLAG.value)
    wanted = ["name", "label", "description", "type", "key"]
    if kind == AttributeType.SCALE:
        wanted += ["first", "points", "low", "high"]
    attribute: dict[str, Any] = {name: row[name] for name in wanted if row.get(name)}
    if kind == AttributeType.CHOICE:
        attribute["options"] = [line.strip() for line in row.get("options", "").splitlines() if line.strip()]
    if kind != AttributeType.FLAG:
        attribute["required"] = bool(row.get("required"))
    if kind != AttributeType.TEXT and (examples := _examples(kind, row, attribute.get("options", ()))):
        attribute["examples"] = examples
    return attribute


def _examples(kind: str, row: dict[str, str], options: Sequence[str]) -> dict[str, str]:
    """Raises `ExampleOfNothing`."""
    typed = row.get("examples", "")
    return flag_example(typed) if kind == AttributeType.FLAG else examples_in_lines(typed, options)


def _changed(draft: Draft, do: str) -> Draft:
    """The draft after one button; one that does not exist changes nothing."""
    found = re.fullmatch(r"(add|up|down|remove)-(output|prompt)(?:-(\d{1,4}))?", do)
    if not found:
        return draft
    act, part, place = found[1], found[2], int(found[3] or 0)
    rows = list(draft[part])
    if act == "add":
        rows.append({"type": AttributeType.FLAG.value})
    elif place < len(rows):
        row = rows.pop(place)
        if act != "remove":
            rows.insert(max(0, place - 1) if act == "up" else place + 1, row)
    return {**draft, part: rows}
