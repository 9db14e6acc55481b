"""Ways off the desk without submitting: stop for now, or report the prompt. What was typed comes along as a draft."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.annotations.service import AlreadySkipped, AlreadySubmitted, Sent, skip
from app.prompts.reports import LONGEST_REASON, ReportSaysNothing, report_prompt
from app.tasks.drafts import Window, count_active_seconds, keep_beside
from app.tasks.leasing import give_back
from app.tasks.models import Assignment
from app.tasks.queries import desk
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep
from app.web.desk.pages import LABELERS, Own, next_desk
from app.web.desk.submitting import judged_fields
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import redirect
from app.web.windows import FromWindow

router = APIRouter(prefix="/assignments")


class Report(FromWindow):
    idempotency_key: str = Field(max_length=100)
    report_reason: str = Field(default="", max_length=LONGEST_REASON)
    skip: bool = False


@router.post("/{number}/stop", dependencies=LABELERS)
def stop(
    request: Request, session: SessionDep, assignment: Own, form: Annotated[Form[FromWindow], posted(FromWindow)]
) -> Response:
    """The slot goes back at once, so that nobody waits for a lease to run out."""
    _keep_draft(session, assignment, form)
    give_back(session, assignment)
    flash(request, _("You stopped; the task went back. What you typed is kept."), "info")
    return redirect("/tasks")


@router.post("/{number}/report", dependencies=LABELERS)
def report(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    assignment: Own,
    form: Annotated[Form[Report], posted(Report)],
) -> Response:
    work = desk(session, assignment)
    here = redirect(f"/assignments/{assignment.id}")
    _keep_draft(session, assignment, form)
    if form.data is None or work.prompt is None:
        flash(request, " ".join(form.errors.values()) or _("There is no prompt here to report."), "error")
        return here
    try:
        with session.begin_nested():
            report_prompt(session, work.prompt, user, form.data.report_reason)
            if form.data.skip:
                skip(session, assignment, form.data.report_reason, Sent(form.data.idempotency_key))
    except (ReportSaysNothing, AlreadySubmitted, AlreadySkipped) as refused:
        flash(request, refused.localized(), "error")
        return here
    flash(request, _("Thank you. A researcher will look at this prompt."))
    return next_desk(request, session, user, work) if form.data.skip else here


def _keep_draft(session: Session, assignment: Assignment, form: Form[FromWindow] | Form[Report]) -> None:
    """Where a script saved a newer one meanwhile, that one stays."""
    typed = judged_fields(form)
    if not any(typed.values()) or form.data is None:
        return
    keep_beside(session, assignment, form.data.window or Window(0), typed)
    count_active_seconds(session, assignment, form.data.active_seconds)
