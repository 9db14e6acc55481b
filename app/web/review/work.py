"""`/review/work/N`: one labeler's work on one task, looked at and decided about."""

from secrets import token_urlsafe
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.queries import versions_of
from app.annotations.review.decisions import (
    LONGEST_COMMENT,
    approve,
    correct_demonstration,
    correct_judgement,
    exclude,
    restore,
    send_back,
)
from app.annotations.review.models import Decision, ExclusionReason
from app.annotations.review.queries import annotation as annotation_numbered
from app.annotations.review.queries import decisions_of, reviewable
from app.annotations.submissions import InvalidSubmission, read_demonstration, read_ranking, read_rating
from app.campaigns.models import CampaignKind
from app.campaigns.queries import frozen_form
from app.errors import DomainError, InvalidInput
from app.projects.forms import RatingForm
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.tasks.queries import Desk, desk
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.desk.view import typed_in
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.review.pages import PLACE, Filters, pseudonym
from app.web.templating import page, redirect

router = APIRouter(prefix="/review/work")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
JUDGED = (AnnotationKind.RANKING, AnnotationKind.RATING)


class Decided(BaseModel):
    """`annotation`: the revision that the page showed."""

    annotation: int
    decision: Decision
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    reason: ExclusionReason | None = None


class Correction(BaseModel):
    annotation: int
    idempotency_key: str = Field(max_length=100)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    rank: dict[str, str] = Field(default_factory=dict)
    output: dict[str, dict[str, str]] = Field(default_factory=dict)
    prompt: dict[str, str] = Field(default_factory=dict)
    text: str = ""


class FromQueue(Filters):
    """The queue that the reviewer came from, and the place of this work in it; both may be left out."""

    project: int | None = None  # type: ignore[assignment]
    after: str = Field(default="", pattern=PLACE)

    @property
    def on(self) -> str:
        """Where the next of the same queue is."""
        return f"/review/next?{self.address()}" if self.project is not None else ""


Queue = Annotated[FromQueue, Query()]


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int, queue: Queue) -> Response:
    return _page(request, session, number, queue, {})


@router.post("/{number}", dependencies=RESEARCHERS)
def decide(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    queue: Queue,
    form: Annotated[Form[Decided], posted(Decided)],
) -> Response:
    """To the next of the queue that the reviewer came from."""
    reviewable(session, number)
    if decided := form.data:
        with form.attempt(session, "comment"):
            _decide(session, user, _shown(session, number, decided.annotation), decided)
            flash(request, said_of(decided.decision))
            return _onwards(number, queue)
    return _page(request, session, number, queue, form.errors, typed=form, status=422)


@router.post("/{number}/correct", dependencies=RESEARCHERS)
def correct(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    queue: Queue,
    form: Annotated[Form[Correction], posted(Correction)],
) -> Response:
    work = desk(session, reviewable(session, number))
    errors = dict(form.errors)
    if sent := form.data:
        try:
            with session.begin_nested():
                _correct(session, user, work, _shown(session, number, sent.annotation), sent)
            flash(request, said_of(Decision.CORRECTED))
            return _onwards(number, queue)
        except InvalidSubmission as invalid:
            errors |= invalid.errors
        except DomainError as refused:
            errors[""] = refused.localized()
    return _page(request, session, number, queue, errors, typed=form, status=422, correcting=True)


def _onwards(number: int, queue: FromQueue) -> Response:
    return redirect(queue.on or f"/review/work/{number}")


def _shown(session: Session, number: int, annotation: int) -> Annotation:
    found = annotation_numbered(session, annotation)
    if found.assignment_id != number:
        raise InvalidInput(reason=_("Reload the page and send it again."))
    return found


def _decide(session: Session, reviewer: User, annotation: Annotation, said: Decided) -> None:
    if said.decision is Decision.APPROVED:
        approve(session, reviewer, annotation, said.comment)
    elif said.decision is Decision.SENT_BACK:
        send_back(session, reviewer, annotation, said.comment)
    elif said.decision is Decision.RESTORED:
        restore(session, reviewer, annotation, said.comment)
    elif said.decision is Decision.EXCLUDED and said.reason is not None:
        exclude(session, reviewer, annotation, said.reason, said.comment)
    else:
        raise InvalidInput(reason=_("Choose a reason."))


def _correct(session: Session, reviewer: User, work: Desk, annotation: Annotation, sent: Correction) -> None:
    """Raises `InvalidSubmission` and what the services raise."""
    form, typed = rating_form(frozen_form(session, work.campaign)), sent.model_dump()
    if annotation.kind is AnnotationKind.DEMONSTRATION:
        written = read_demonstration(typed, form)
        correct_demonstration(session, reviewer, annotation, written, sent.idempotency_key, sent.comment)
        return
    read = read_ranking if annotation.kind is AnnotationKind.RANKING else read_rating
    judged = read(typed, form, len(work.outputs))
    correct_judgement(session, reviewer, annotation, judged, sent.idempotency_key, sent.comment)


def said_of(decision: Decision) -> str:
    return {
        Decision.APPROVED: _("Approved."),
        Decision.CORRECTED: _("Corrected; what the labeler said is kept."),
        Decision.SENT_BACK: _("Sent back to its labeler."),
        Decision.EXCLUDED: _("Excluded from datasets."),
        Decision.RESTORED: _("Restored: datasets may take it again."),
    }[decision]


def _page(
    request: Request,
    session: Session,
    number: int,
    queue: FromQueue,
    errors: dict[str, str],
    *,
    typed: Form[Any] | None = None,
    status: int = 200,
    correcting: bool = False,
) -> Response:
    assignment = reviewable(session, number)
    work, versions, decided = (
        desk(session, assignment),
        versions_of(session, assignment),
        decisions_of(session, assignment),
    )
    now = versions[0].annotation
    messages = work.prompt.messages if work.prompt else []
    html = html_of(session, [each["content"] for each in messages] + [output.text or "" for output in work.outputs])
    form = in_readers_words(rating_form(frozen_form(session, work.campaign))) if work.campaign.form_version_id else None
    values = (
        {name: typed.value(name) for name in typed.values} if typed and correcting else typed_in(now, session, work)
    )
    return page(
        request,
        "review/work.html",
        status,
        work=work,
        versions=versions,
        decided=decided,
        standing=next((decision for decision, _reviewer in decided if decision.standing), None),
        conversation=[(each["role"], html[each["content"]]) for each in messages],
        outputs=[(output.id, html[output.text or ""]) for output in work.outputs],
        form=form or RatingForm(),
        labeler=_name(session, now, queue),
        queue=queue,
        here=f"/review/work/{number}",
        reasons=list(ExclusionReason),
        correctable=now.kind is not AnnotationKind.PROMPT and work.campaign.kind is not CampaignKind.EVALUATE,
        judged=now.kind in JUDGED,
        values=values,
        errors=errors,
        correcting=correcting,
        comment=typed.value("comment") if typed else "",
        key=token_urlsafe(16),
    )


def _name(session: Session, annotation: Annotation, queue: FromQueue) -> str:
    labeler = session.get_one(User, annotation.labeler_id)
    return labeler.name if queue.names else pseudonym(labeler)
