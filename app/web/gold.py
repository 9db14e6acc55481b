"""`/gold`: the known answers of a campaign, how often they come, and when labelers are warned or paused."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.annotations.models import AnnotationKind
from app.annotations.queries import Answer, answers_to
from app.annotations.review.adjudication import standing_adjudication
from app.campaigns.models import Campaign
from app.campaigns.queries import campaign as campaign_numbered
from app.errors import DomainError
from app.prompts.importing import ImportRefused
from app.quality.gold.answers import LONGEST_EXPLANATION, Known, gold_answer, known_of, make_known, withdraw
from app.quality.gold.importing import import_known
from app.quality.gold.queries import known_tasks
from app.quality.gold.settings import MOST, set_mixing, set_thresholds
from app.tasks.models import Purpose, Task
from app.tasks.queries import outputs_of
from app.tasks.queries import task as task_numbered
from app.tasks.service import RANKED, put_back
from app.translation import gettext as _
from app.translation import ngettext
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.templating import page, redirect

router = APIRouter(prefix="/gold")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]

Kind = Literal["gold", "training"]


class Settings(BaseModel):
    """In per cent."""

    gold_rate: float = Field(default=0, ge=0, le=100 * MOST)
    repeat_rate: float = Field(default=0, ge=0, le=100 * MOST)
    warn_below: float = Field(ge=0, le=100)
    pause_below: float = Field(ge=0, le=100)


class Upload(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    purpose: Kind = "gold"
    file: UploadFile


class NewAnswer(BaseModel):
    """`rank` by completion id; `annotation`: whose ratings labelers are held against as well."""

    purpose: Kind = "gold"
    rank: dict[int, int]
    explanation: str = Field(default="", max_length=LONGEST_EXPLANATION)
    annotation: int | None = None


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, campaign: int) -> Response:
    return _index_page(request, session, campaign_numbered(session, campaign))


@router.post("/settings", dependencies=RESEARCHERS)
def change(
    request: Request, session: SessionDep, campaign: int, form: Annotated[Form[Settings], posted(Settings)]
) -> Response:
    chosen = campaign_numbered(session, campaign)
    if wanted := form.data:
        with form.attempt(session, "gold_rate"):
            set_mixing(session, chosen, wanted.gold_rate / 100, wanted.repeat_rate / 100)
    if wanted := form.data:
        with form.attempt(session, "warn_below"):
            set_thresholds(session, chosen, wanted.warn_below / 100, wanted.pause_below / 100)
    if form.data is None:
        return _index_page(request, session, chosen, 422, settings=form)
    flash(request, _("From the next answer on it is so."))
    return redirect(f"/gold?campaign={campaign}")


@router.post("/import", dependencies=RESEARCHERS)
def bring(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    campaign: int,
    form: Annotated[Form[Upload], posted(Upload)],
) -> Response:
    """Answers with every bad line where there is one; then nothing came in."""
    chosen, made, refused = campaign_numbered(session, campaign), [], None
    if form.data:
        try:
            with session.begin_nested():
                made = import_known(session, chosen, form.data.file.file, user, Purpose(form.data.purpose))
        except ImportRefused as error:
            refused = error
        except DomainError as error:
            form.refuse("file", error.localized())
    if refused is not None or form.data is None:
        return _index_page(request, session, chosen, 422, upload=form, refused=refused)
    flash(
        request,
        ngettext("{count} known answer came in.", "{count} known answers came in.", len(made)).format(count=len(made)),
    )
    return redirect(f"/gold?campaign={campaign}")


@router.get("/new", dependencies=RESEARCHERS)
def new(request: Request, session: SessionDep, task: int, annotation: int | None = None) -> Response:
    """Filled with the ranking of an annotation of the task; unless one is named with the adjudicated one."""
    chosen = task_numbered(session, task)
    adjudicated = standing_adjudication(session, chosen)
    wanted = annotation if annotation is not None else adjudicated.annotation_id if adjudicated else None
    answer = _ranking(session, chosen, wanted)
    ranks = {f"rank[{number}]": output.rank for number, output in answer.outputs.items()} if answer else {}
    form = Form[NewAnswer].showing(purpose="gold", annotation=answer.annotation.id if answer else None, **ranks)
    return _new_page(request, session, chosen, form)


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    task: int,
    form: Annotated[Form[NewAnswer], posted(NewAnswer)],
) -> Response:
    chosen = task_numbered(session, task)
    if wanted := form.data:
        answer = _ranking(session, chosen, wanted.annotation)
        ratings = known_of(session, answer.annotation).ratings if answer else {}
        known = Known(wanted.rank, ratings, wanted.explanation)
        with form.attempt(session):
            make_known(session, chosen, known, user, Purpose(wanted.purpose))
    if form.data is None:
        return _new_page(request, session, chosen, form, 422)
    flash(request, _("The known answer is there. Give it a rate, and it comes among the tasks."))
    return redirect(f"/gold?campaign={chosen.campaign_id}")


@router.post("/{number}/withdraw", dependencies=RESEARCHERS)
def take_out(session: SessionDep, number: int) -> Response:
    task = task_numbered(session, gold_answer(session, number).task_id)
    withdraw(session, task)
    return redirect(f"/gold?campaign={task.campaign_id}")


@router.post("/{number}/use", dependencies=RESEARCHERS)
def use(session: SessionDep, number: int) -> Response:
    task = task_numbered(session, gold_answer(session, number).task_id)
    put_back(session, task)
    return redirect(f"/gold?campaign={task.campaign_id}")


def _ranking(session: Session, task: Task, number: int | None) -> Answer | None:
    answers = (answer for answer in answers_to(session, task) if answer.annotation.kind is AnnotationKind.RANKING)
    return next((answer for answer in answers if answer.annotation.id == number), None)


def _index_page(
    request: Request,
    session: Session,
    campaign: Campaign,
    status: int = 200,
    *,
    settings: Form[Settings] | None = None,
    upload: Form[Upload] | None = None,
    refused: ImportRefused | None = None,
) -> Response:
    shares = {name: getattr(campaign, name) for name in Settings.model_fields}
    return page(
        request,
        "gold/index.html",
        status,
        campaign=campaign,
        is_ranked=campaign.kind in RANKED,
        known=known_tasks(session, campaign),
        settings=settings or Form[Settings].showing(**{name: f"{100 * share:g}" for name, share in shares.items()}),
        upload=upload or Form[Upload].showing(),
        refused=refused,
    )


def _new_page(request: Request, session: Session, task: Task, form: Form[NewAnswer], status: int = 200) -> Response:
    campaign = campaign_numbered(session, task.campaign_id)
    outputs = outputs_of(session, task)
    rankings = [each for each in answers_to(session, task) if each.annotation.kind is AnnotationKind.RANKING]
    html = html_of(session, [output.text or "" for output in outputs])
    return page(
        request,
        "gold/new.html",
        status,
        task=task,
        campaign=campaign,
        outputs=[(output.id, html[output.text or ""]) for output in outputs],
        rankings=rankings,
        form=form,
        longest=LONGEST_EXPLANATION,
    )
