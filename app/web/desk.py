"""The desk: one assignment, its draft and heartbeats, and how it is submitted, revised or skipped."""

from app.translation import gettext as _
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Role, User
from app.annotations.models import Annotation
from app.annotations.service import (
    AlreadySkipped,
    Sent,
    current_annotation,
    skip,
    submit_demonstration,
    submit_ranking,
    submit_rating,
)
from app.annotations.submissions import InvalidSubmission, read_demonstration, read_ranking, read_rating
from app.campaigns.models import CampaignKind, CampaignState
from app.campaigns.queries import frozen_form
from app.errors import DomainError, InvalidInput
from app.projects.queries import rating_form
from app.tasks.drafts import count_active_seconds, save_draft
from app.tasks.leasing import claim_next_task, renew_lease
from app.tasks.models import Assignment, AssignmentState
from app.tasks.queries import Desk, assignment_of, desk
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.desk_view import desk_context, typed_in
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/assignments")
LABELERS = [allow(Role.LABELER)]
JUDGED = ("rank[", "output[", "prompt[")
DAY = 86_400.0

TEMPLATES = {
    CampaignKind.DEMONSTRATE: "desk/demonstrate.html",
    CampaignKind.COMPARE: "desk/compare.html",
    CampaignKind.EVALUATE: "desk/compare.html",
    CampaignKind.RATE: "desk/rate.html",
}

Seconds = Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]


class Submission(BaseModel):
    """What was judged is checked against the campaign's own form, by `app.annotations.submissions`."""

    idempotency_key: str = Field(max_length=100)
    active_seconds: Seconds = 0.0
    rank: dict[str, str] = Field(default_factory=dict)
    output: dict[str, dict[str, str]] = Field(default_factory=dict)
    prompt: dict[str, str] = Field(default_factory=dict)
    text: str = ""

    @property
    def sent(self) -> Sent:
        return Sent(self.idempotency_key, self.active_seconds)


class Skip(BaseModel):
    idempotency_key: str = Field(max_length=100)
    reason: str = ""


class DraftVersion(BaseModel):
    draft_version: int = Field(ge=0)
    active_seconds: Seconds = 0.0


class Heartbeat(BaseModel):
    active_seconds: Seconds = 0.0


def own_assignment(session: SessionDep, user: CurrentUser, number: int) -> Assignment:
    return assignment_of(session, user, number)


Own = Annotated[Assignment, Depends(own_assignment, scope="function")]


@router.get("/{number}", dependencies=LABELERS)
def show(request: Request, session: SessionDep, user: CurrentUser, assignment: Own) -> Response:
    work = desk(session, assignment)
    done = current_annotation(session, assignment)
    if assignment.state is AssignmentState.SKIPPED:
        flash(request, AlreadySkipped().localized(), "info")
        return redirect("/tasks")
    if done and work.campaign.state is CampaignState.CLOSED:
        flash(request, _("The campaign is closed, so this cannot be revised any more."), "info")
        return redirect("/history")
    typed = assignment.draft or (typed_in(done, session, work) if done else {})
    return _desk_page(request, session, user, work, typed)


@router.post("/{number}/submit", dependencies=LABELERS)
def submit(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    assignment: Own,
    form: Annotated[Form[Submission], posted(Submission)],
) -> Response:
    """To the next task of the campaign; a mistake brings the desk back with everything that was typed."""
    work = desk(session, assignment)
    revising = assignment.state is AssignmentState.SUBMITTED
    try:
        with session.begin_nested():
            annotation = _submit(session, work, form)
    except AlreadySkipped as refused:
        flash(request, refused.localized(), "warning")
        return redirect("/tasks")
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, InvalidSubmission) else {"": refused.localized()}
        return _desk_page(request, session, user, work, _judged(form), errors, refused.status)
    if annotation.surplus and not revising:
        flash(request, _("Others filled this task meanwhile; your work is kept, marked as surplus."), "info")
    return redirect("/history") if revising and annotation.revision > 1 else _next_desk(request, session, user, work)


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
        return _desk_page(request, session, user, work, typed, {"": refused.localized()}, refused.status)
    return _next_desk(request, session, user, work)


@router.post("/{number}/draft", dependencies=LABELERS)
def keep_draft(
    session: SessionDep,
    assignment: Own,
    form: Annotated[Form[DraftVersion], posted(DraftVersion)],
) -> Response:
    """Answers `{version, saved_at}`; 409 where another window saved or submitted since."""
    if form.data is None:
        raise InvalidInput(reason=_("A draft names the version that it follows."))
    version = save_draft(session, assignment, form.data.draft_version, _judged(form))
    count_active_seconds(session, assignment, form.data.active_seconds)
    saved_at = assignment.draft_saved_at.isoformat() if assignment.draft_saved_at else None
    return JSONResponse({"version": version, "saved_at": saved_at})


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


def _submit(session: Session, work: Desk, form: Form[Submission]) -> Annotation:
    """Raises `InvalidSubmission` and what the services raise."""
    if form.data is None:
        raise InvalidSubmission(form.errors)
    typed, sent, count = form.data.model_dump(), form.data.sent, len(work.outputs)
    rating = rating_form(frozen_form(session, work.campaign))
    if work.campaign.kind is CampaignKind.DEMONSTRATE:
        return submit_demonstration(session, work.assignment, read_demonstration(typed, rating), sent)
    if work.campaign.kind is CampaignKind.RATE:
        return submit_rating(session, work.assignment, read_rating(typed, rating, count), sent)
    return submit_ranking(session, work.assignment, read_ranking(typed, rating, count), sent)


def _next_desk(request: Request, session: Session, user: User, work: Desk) -> Response:
    if following := claim_next_task(session, user, work.campaign):
        return redirect(f"/assignments/{following.id}")
    flash(request, _("That was the last task for you in this campaign. Thank you!"))
    return redirect("/tasks")


def _judged(form: Form[Any]) -> dict[str, str]:
    """What the labeler typed or ticked, by field name, without what the page itself sends along."""
    return {name: form.value(name) for name in form.values if name == "text" or name.startswith(JUDGED)}


def _desk_page(
    request: Request,
    session: Session,
    user: User,
    work: Desk,
    typed: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    context = desk_context(session, user, work, typed, errors or {})
    return page(request, TEMPLATES[work.campaign.kind], status, **context)
