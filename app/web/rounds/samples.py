"""`/rounds/N/samples`: what was sampled beside the earlier policy's answers, and whether it may reach labelers."""

from typing import Annotated, Any

from fastapi import APIRouter
from markupsafe import Markup
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.projects.queries import project as project_numbered
from app.rounds.approval.deciding import LONGEST_REASON, approve_samples, reject_samples, sample_again
from app.rounds.approval.queries import Texts, approval_in, approvals_of, seen_by, texts_of
from app.rounds.approval.seen import Remark
from app.rounds.models import Round
from app.rounds.queries import round_by_id
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.templating import page, redirect

router = APIRouter(prefix="/rounds/{number}/samples")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]


class Decided(BaseModel):
    """`asked`: the question that the page showed, so that nobody decides about samples that they have not seen."""

    asked: int
    reason: str = Field(default="", max_length=LONGEST_REASON)


Posted = Annotated[Form[Decided], posted(Decided)]


@router.get("", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int, asked: int | None = None) -> Response:
    """What was asked last, or `asked`."""
    return _page(request, session, round_by_id(session, number), asked, Form[Decided].showing())


@router.post("/approve", dependencies=WATCHERS)
def approve(request: Request, session: SessionDep, user: CurrentUser, number: int, form: Posted) -> Response:
    current = round_by_id(session, number)
    if decided := form.data:
        with form.attempt(session):
            approve_samples(session, current, approval_in(session, current, decided.asked), user)
            flash(request, _("Approved. The samples become tasks."))
            return redirect(f"/rounds/{number}")
    return _page(request, session, current, None, form, 422)


@router.post("/reject", dependencies=WATCHERS)
def reject(request: Request, session: SessionDep, user: CurrentUser, number: int, form: Posted) -> Response:
    current = round_by_id(session, number)
    if decided := form.data:
        with form.attempt(session, "reason"):
            reject_samples(session, current, approval_in(session, current, decided.asked), decided.reason, user)
            flash(request, _("Rejected. The round has stopped; no labeler sees these samples."))
            return redirect(f"/rounds/{number}")
    return _page(request, session, current, None, form, 422)


@router.post("/again", dependencies=ADMINS)
def again(request: Request, session: SessionDep, number: int) -> Response:
    sample_again(session, round_by_id(session, number))
    flash(request, _("The same prompts are being answered anew."))
    return redirect(f"/rounds/{number}")


def _page(
    request: Request, session: Session, found: Round, number: int | None, form: Form[Decided], status: int = 200
) -> Response:
    asked = approvals_of(session, found)
    chosen = asked[0].approval if asked else None
    if number is not None:
        chosen = approval_in(session, found, number)
    seen = seen_by(chosen) if chosen else None
    return page(
        request,
        "rounds/samples.html",
        status,
        round=found,
        project=project_numbered(session, found.project_id),
        asked=asked,
        chosen=next((each for each in asked if each.approval is chosen), None),
        seen=seen,
        remarks=list(Remark),
        form=form,
        **_written(session, texts_of(session, seen.rows if seen else [])),
    )


def _written(session: Session, texts: Texts) -> dict[str, Any]:
    """Prompts and outputs by number, as labelers would see them."""
    prompts = {number: prompt.messages for number, prompt in texts.prompts.items()}
    contents = [each["content"] for messages in prompts.values() for each in messages]
    html = html_of(session, [*contents, *texts.outputs.values()])
    said: dict[int, list[tuple[str, Markup]]] = {
        number: [(each["role"], html[each["content"]]) for each in messages] for number, messages in prompts.items()
    }
    return {"prompts": said, "outputs": {number: html[text] for number, text in texts.outputs.items()}}
