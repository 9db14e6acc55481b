"""While somebody writes at the desk: what the text looks like, and one pair more or less, without script, too.

Nothing is kept here: the page comes back with all that was typed. Scripts ask for the preview alone.
"""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.annotations.submissions import LONGEST_TEXT
from app.errors import InvalidInput
from app.prompts.writing import MOST_PAIRS
from app.tasks.queries import desk
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep
from app.web.desk.brief import pairs_in
from app.web.desk.pages import LABELERS, Own, desk_page, own_assignment
from app.web.desk.submitting import judged_fields
from app.web.forms import Form, posted
from app.web.rendering import render_untrusted

router = APIRouter(prefix="/assignments")
ADD, REMOVE = "add-pair", re.compile(r"remove-pair-(\d{1,3})")


class Written(BaseModel):
    text: str = Field(default="", max_length=LONGEST_TEXT)


class Editing(BaseModel):
    """`do` names the button: preview, add-pair or remove-pair-NUMBER."""

    do: str = "preview"


@router.post("/{number}/preview", dependencies=[*LABELERS, Depends(own_assignment, scope="function")])
def preview(form: Annotated[Form[Written], posted(Written)]) -> Response:
    """A fragment: the text as readers will see it."""
    if form.data is None:
        raise InvalidInput(reason=_("The text is too long to be shown here."))
    return HTMLResponse(str(render_untrusted(form.data.text)))


@router.post("/{number}/edit", dependencies=LABELERS)
def edit(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    assignment: Own,
    form: Annotated[Form[Editing], posted(Editing)],
) -> Response:
    do = form.data.do if form.data else "preview"
    typed = _with_pairs_changed(judged_fields(form), do)
    shown = render_untrusted(typed.get("text", "")) if do == "preview" else None
    said: dict[str, Any] = {"undoing": bool(form.value("undoing")), "asked": form.value("asked"), "unsaved": True}
    return desk_page(request, session, user, desk(session, assignment), typed, preview=shown, **said)


def _with_pairs_changed(typed: dict[str, str], do: str) -> dict[str, str]:
    """The fields with an empty pair more, or without one; pairs are numbered anew from 1."""
    removed = REMOVE.fullmatch(do)
    if do != ADD and not removed:
        return typed
    gone = int(removed[1]) if removed else None
    pairs = [(query, response) for number, query, response in pairs_in(typed) if number != gone]
    if do == ADD and len(pairs) < MOST_PAIRS:
        pairs.append(("", ""))
    kept = {name: value for name, value in typed.items() if not name.startswith("pair[")}
    for number, (query, response) in enumerate(pairs, start=1):
        kept |= {f"pair[{number}][query]": query, f"pair[{number}][response]": response}
    return kept
