"""On the page of a campaign of attacks: have a model answer them, and have the answers judged by the rule."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import campaign as campaign_numbered
from app.checkpoints.queries import checkpoint as checkpoint_numbered
from app.errors import DomainError, InvalidInput, NotFound
from app.rounds.attacks import answer_attacks, answerings, judge_answers
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import redirect

router = APIRouter(prefix="/campaigns/{number}")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


class Answer(BaseModel):
    checkpoint: int
    answers: int = Field(default=1, ge=1, le=9)


class Judge(BaseModel):
    run: int


@router.post("/answer", dependencies=RESEARCHERS)
def answer(
    request: Request, session: SessionDep, user: CurrentUser, number: int, form: Annotated[Form[Answer], posted(Answer)]
) -> Response:
    campaign = _of_attacks(session, number)
    if form.data is None:
        raise InvalidInput(reason=" ".join(form.errors.values()))
    model = checkpoint_numbered(session, form.data.checkpoint)
    files = request.app.state.settings.files
    try:
        with session.begin_nested():
            run = answer_attacks(session, files, campaign, model, answers=form.data.answers, by=user)
    except DomainError as refused:
        flash(request, refused.localized(), "error")
        return redirect(f"/campaigns/{number}")
    flash(request, _("Run {run} is queued; its answers can be judged when it has finished.").format(run=run.id))
    return redirect(f"/campaigns/{number}")


@router.post("/judge", dependencies=RESEARCHERS)
def judge(
    request: Request, session: SessionDep, user: CurrentUser, number: int, form: Annotated[Form[Judge], posted(Judge)]
) -> Response:
    campaign = _of_attacks(session, number)
    wanted = form.data.run if form.data else 0
    run = next((each.run for each in answerings(session, campaign) if each.run.id == wanted), None)
    if run is None:
        raise NotFound(what="run", number=wanted)
    try:
        with session.begin_nested():
            judging = judge_answers(session, request.app.state.settings.files, campaign, run, by=user)
    except DomainError as refused:
        flash(request, refused.localized(), "error")
        return redirect(f"/campaigns/{number}")
    return redirect(f"/campaigns/{judging.id}")


def _of_attacks(session: SessionDep, number: int) -> Campaign:
    campaign = campaign_numbered(session, number)
    if campaign.kind is not CampaignKind.RED_TEAM:
        raise InvalidInput(reason=_("Only attacks are answered here."))
    return campaign
