"""`/campaigns/new`: a page for each kind of work, and the draft that it makes."""

from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.campaigns.models import CampaignKind
from app.errors import DomainError
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.ready_made import NAMES
from app.projects.rules import rules_of
from app.prompts.use_cases import INSTRUCT_GPT, written_mix
from app.web.campaigns.plans import FIELD_OF, LABELERS_WRITE, NewCampaign, authors, plan_campaign
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/campaigns")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


@router.get("/new", dependencies=RESEARCHERS)
def new(
    request: Request,
    session: SessionDep,
    project: int,
    kind: CampaignKind = CampaignKind.COMPARE,
    rule: int | None = None,
) -> Response:
    chosen = project_numbered(session, project)
    form = Form[NewCampaign].showing(
        kind=kind.value,
        overlap=chosen.default_overlap,
        outputs=chosen.default_k,
        split="test" if kind is CampaignKind.EVALUATE else "",
        rule=rule,
        mix=written_mix(INSTRUCT_GPT),
        **{"prompt_kinds[]": [each.value for each in LABELERS_WRITE[:1]]},
    )
    return _new_page(request, session, chosen, form)


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[NewCampaign], posted(NewCampaign)],
) -> Response:
    """A refusal is shown under the field that it is about, with everything typed."""
    chosen = project_numbered(session, project)
    if form.data:
        try:
            with session.begin_nested():
                campaign = plan_campaign(session, chosen, form.data, user)
        except DomainError as refused:
            form.refuse(FIELD_OF.get(type(refused), ""), refused.localized())
    if form.data is None:
        return _new_page(request, session, chosen, form, 422)
    return redirect(f"/campaigns/{campaign.id}")


def _new_page(
    request: Request, session: Session, project: Project, form: Form[NewCampaign], status: int = 200
) -> Response:
    known = [kind.value for kind in CampaignKind]
    wanted = form.value("kind")
    return page(
        request,
        "campaigns/new.html",
        status,
        project=project,
        form=form,
        kind=wanted if wanted in known else CampaignKind.COMPARE.value,
        kinds=known,
        checkpoints=authors(session, project),
        rules=[rule for rule in rules_of(session, project) if not rule.archived],
        forms=list(NAMES.items()),
        prompt_kinds=[each.value for each in LABELERS_WRITE],
    )
