"""The desk: one assignment, shown, submitted, revised or skipped."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.annotations.checks import Doubt
from app.annotations.service import AlreadySkipped, Sent, current_annotation, skip
from app.annotations.submissions import InvalidSubmission
from app.campaigns.models import CampaignKind, CampaignState
from app.errors import DomainError, InvalidInput
from app.quality.gold.mixing import next_check
from app.quality.gold.offers import paused_in
from app.quality.screening.attempts import advance_of_task
from app.tasks.drafts import count_active_seconds
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, AssignmentState, Purpose
from app.tasks.queries import Desk, assignment_of, desk, desk_of
from app.tasks.starting import GuidelinesUnread, expect_guidelines_read
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow, in_turn
from app.web.desk.doubts import Doubted
from app.web.desk.submitting import Submission, judged_fields, submit_work
from app.web.desk.view import desk_context, typed_in
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect
from app.web.zones import midnight

router = APIRouter(prefix="/assignments")
LABELERS = [allow(Role.LABELER)]

TEMPLATES = {
    CampaignKind.DEMONSTRATE: "desk/demonstrate.html",
    CampaignKind.COMPARE: "desk/compare.html",
    CampaignKind.EVALUATE: "desk/compare.html",
    CampaignKind.RATE: "desk/rate.html",
    CampaignKind.WRITE_PROMPTS: "desk/write.html",
    CampaignKind.RED_TEAM: "desk/attack.html",
}


class Skip(BaseModel):
    idempotency_key: str = Field(max_length=100)
    reason: str = ""


def own_assignment(session: SessionDep, user: CurrentUser, number: int) -> Assignment:
    return assignment_of(session, user, number)


Own = Annotated[Assignment, Depends(own_assignment, scope="function")]


@router.get("/{number}", dependencies=[*LABELERS, in_turn])
def show(request: Request, session: SessionDep, user: CurrentUser, number: int, undo: bool = False) -> Response:
    """`undo`: the labeler came back from the next task, and goes on there."""
    work = desk_of(session, user, number)
    assignment = work.assignment
    done = current_annotation(session, assignment)
    if assignment.state is AssignmentState.SKIPPED and not assignment.draft:
        flash(request, AlreadySkipped().localized(), "info")
        return redirect("/tasks")
    if done and work.campaign.state is CampaignState.CLOSED:
        flash(request, _("The campaign is closed, so this cannot be revised any more."), "info")
        return redirect("/history")
    try:
        expect_guidelines_read(session, user, assignment, work.campaign)
    except GuidelinesUnread as unread:
        return redirect(f"/guidelines/{unread.guidelines.id}?assignment={assignment.id}")
    typed = assignment.draft or (typed_in(done, session, work) if done else {})
    answer = desk_page(request, session, user, work, typed, _about_skip(assignment), undoing=undo)
    session.commit()  # here, in the thread that is at work anyway
    return answer


@router.post("/{number}/submit", dependencies=[*LABELERS, in_turn])
def submit(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[Submission], posted(Submission)],
) -> Response:
    """To the next task of the campaign; a mistake brings the desk back with everything that was typed."""
    work = desk_of(session, user, number, locked=True)
    revising = work.assignment.state is AssignmentState.SUBMITTED
    try:
        annotation = submit_work(session, work, form)
    except AlreadySkipped as refused:
        flash(request, refused.localized(), "warning")
        return redirect("/tasks")
    except Doubted as asking:
        return _asking_page(request, session, user, work, form, asking.doubts)
    except DomainError as refused:
        session.rollback()
        errors = refused.errors if isinstance(refused, InvalidSubmission) else {"": refused.localized()}
        return desk_page(request, session, user, desk_of(session, user, number), form, errors, refused.status)
    if annotation.surplus and not revising:
        flash(request, _("Others filled this task meanwhile; your work is kept, marked as surplus."), "info")
    undone = form.data is not None and form.data.undoing
    if revising and annotation.revision > 1 and not undone:
        return redirect("/history")
    check = None if revising else next_check(session, user, work.campaign, annotation)
    if work.task.purpose is Purpose.TRAINING and not revising:
        return redirect(f"/assignments/{number}/feedback")
    return next_desk(request, session, user, work, check)


@router.post("/{number}/skip", dependencies=LABELERS)
def skip_task(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    assignment: Own,
    form: Annotated[Form[Skip], posted(Skip)],
) -> Response:
    work = desk(session, assignment)
    try:
        with session.begin_nested():
            if form.data is None:
                raise InvalidInput(reason=_("Reload the page and send it again."))
            skip(session, assignment, form.data.reason, Sent(form.data.idempotency_key))
    except AlreadySkipped:
        return redirect("/tasks")
    except DomainError as refused:
        typed = assignment.draft or {}
        return desk_page(request, session, user, work, typed, {"": refused.localized()}, refused.status)
    return next_desk(request, session, user, work)


def _asking_page(
    request: Request, session: Session, user: User, work: Desk, form: Form[Submission], doubts: list[Doubt]
) -> Response:
    """The desk as it was sent, with what looks like a slip; none of that is asked a second time."""
    seconds, asked = (form.data.active_seconds, form.data.asked) if form.data else (0.0, "")
    count_active_seconds(session, work.assignment, seconds)
    names = ",".join(filter(None, [asked, *(doubt.name for doubt in doubts)]))
    return desk_page(request, session, user, work, form, status=422, doubts=doubts, asked=names)


def _about_skip(assignment: Assignment) -> dict[str, str]:
    if assignment.state is not AssignmentState.SKIPPED:
        return {}
    return {"": _("You skipped this task. What you wrote is still here: send it to take the skip back.")}


def next_desk(request: Request, session: Session, user: User, work: Desk, leased: Assignment | None = None) -> Response:
    """`leased`: what is theirs already, without a claim."""
    if work.task.purpose is Purpose.SCREENING:
        advance_of_task(session, work.assignment)
    if following := leased or claim_next_task(session, user, work.campaign):
        there = f"/assignments/{following.id}"
        session.commit()
        return redirect(there)
    if work.campaign in paused_in(session, user):
        return redirect("/tasks")
    flash(request, _("That was the last task for you in this campaign. Thank you!"))
    return redirect("/tasks")


def desk_page(
    request: Request,
    session: Session,
    user: User,
    work: Desk,
    typed: Mapping[str, str] | Form[Submission],
    errors: dict[str, str] | None = None,
    status: int = 200,
    **said: Any,
) -> Response:
    """`typed`: what is shown in the fields, or the form that was sent and comes back."""
    if isinstance(typed, Form):
        said = {"undoing": bool(typed.value("undoing")), "asked": typed.value("asked")} | said
        typed = judged_fields(typed)
    context = desk_context(session, user, work, typed, errors or {}, midnight(request)) | said
    return page(request, TEMPLATES[work.campaign.kind], status, **context)
