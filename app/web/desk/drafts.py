"""What the desk's scripts send while somebody works: drafts and heartbeats of one assignment."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import InvalidInput
from app.tasks.drafts import DraftIsOlder, count_active_seconds, save_draft
from app.tasks.leasing import renew_lease
from app.tasks.models import Assignment
from app.translation import gettext as _
from app.web.dependencies import SessionDep
from app.web.desk.pages import LABELERS, Own
from app.web.desk.submitting import judged_fields
from app.web.forms import Form, posted
from app.web.security import csrf_token
from app.web.windows import FromWindow, Seconds

router = APIRouter(prefix="/assignments")


class Heartbeat(BaseModel):
    active_seconds: Seconds = 0.0


@router.get("/{number}/draft", dependencies=LABELERS)
def draft_state(request: Request, assignment: Own) -> Response:
    """For a window that was signed out or overtaken: what it needs to go on saving, without a new page."""
    return JSONResponse(_state(assignment) | {"token": csrf_token(request)})


@router.post("/{number}/draft", dependencies=LABELERS)
def keep_draft(session: SessionDep, assignment: Own, form: Annotated[Form[FromWindow], posted(FromWindow)]) -> Response:
    """Answers `{version, saved_at, state}`, and the same with 409 where another window saved or submitted since."""
    if form.data is None or form.data.window is None:
        raise InvalidInput(reason=_("A draft names the version that it follows."))
    count_active_seconds(session, assignment, form.data.active_seconds)
    try:
        save_draft(session, assignment, form.data.window, judged_fields(form))
    except DraftIsOlder as older:
        said = {"error": older.localized()} | _state(assignment)
        return JSONResponse(said, older.status)
    return JSONResponse(_state(assignment))


@router.post("/{number}/heartbeat", dependencies=LABELERS)
def heartbeat(
    session: SessionDep,
    assignment: Own,
    form: Annotated[Form[Heartbeat], posted(Heartbeat)],
) -> Response:
    renew_lease(session, assignment)
    if form.data:
        count_active_seconds(session, assignment, form.data.active_seconds)
    return Response(status_code=204)


def _state(assignment: Assignment) -> dict[str, object]:
    saved_at = assignment.draft_saved_at.isoformat() if assignment.draft_saved_at else None
    return {"version": assignment.draft_version, "saved_at": saved_at, "state": assignment.state.value}
