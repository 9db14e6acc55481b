"""Rounds: start one, watch it, go on after a failure."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.checkpoints.models import CheckpointKind
from app.checkpoints.queries import checkpoints_of
from app.errors import InvalidInput
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.rounds.plan import People, RoundPlan, SamplingPlan
from app.rounds.queries import StepView, plan_of, round_by_id, rounds, step_views
from app.rounds.report import round_win_rate
from app.rounds.service import FILLED, cancel_round, resume_round, start_round
from app.runs.metrics import curves_of
from app.runs.models import Stage
from app.runs.settings import SettingField, setting_fields, typed_settings
from app.translation import gettext as _
from app.translation import state_in_words
from app.web.curves import main_drawings
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.round_graph import graph_of
from app.web.templating import page, redirect
from trainer.presets import PRESETS

router = APIRouter(prefix="/rounds")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]
NO_PRESET = "none"


class NewRound(BaseModel):
    """The form. A setting left empty takes the preset's value, or else the trainer's default."""

    start: Literal["pretrain", "sft", "checkpoint"] = "pretrain"
    checkpoint: int | None = None
    rankings: Literal["collect", "existing"] = "collect"
    people: People = "people"
    candidate_prompts: int | None = Field(default=None, ge=1)
    k_min: int = Field(default=4, ge=2, le=9)
    k_max: int = Field(default=9, ge=2, le=9)
    rankings_per_prompt: int = Field(default=1, ge=1, le=4)
    sample_prompts: int = Field(default=100, ge=1)
    overlap: int = Field(default=1, ge=1, le=20)
    mix_earlier_policy: bool = False
    evaluate: bool = False
    preset: str = NO_PRESET
    settings: dict[Stage, dict[str, str]] = Field(default_factory=dict)

    def plan(self) -> RoundPlan:
        """Raises `InvalidInput`, `InvalidSettings`."""
        preset: dict[str, dict[str, Any]] = PRESETS.get(self.preset, {})
        own = {stage: typed_settings(stage, values) for stage, values in self.settings.items()}
        settings = {stage: {**preset.get(stage.value, {}), **own.get(stage, {})} for stage in FILLED}
        try:
            return RoundPlan(
                start=self.start,
                checkpoint_id=None if self.start == "pretrain" else self.checkpoint,
                rankings=self.rankings,
                people=self.people,
                settings=settings,
                candidates=SamplingPlan(
                    prompts=self.candidate_prompts,
                    k_min=self.k_min,
                    k_max=self.k_max,
                    rankings=self.rankings_per_prompt,
                ),
                samples=SamplingPlan(prompts=self.sample_prompts, k_min=self.k_min, k_max=self.k_max),
                mix_earlier_policy=self.mix_earlier_policy,
                overlap=self.overlap,
                evaluate=self.evaluate,
            )
        except ValidationError as error:
            raise InvalidInput(reason=error.errors()[0]["msg"].removeprefix("Value error, ")) from error


@router.get("", dependencies=WATCHERS)
def index(request: Request, session: SessionDep) -> Response:
    return page(request, "rounds/index.html", rounds=rounds(session), projects=projects(session))


@router.get("/new", dependencies=ADMINS)
def new(request: Request, session: SessionDep, project: int) -> Response:
    chosen = project_numbered(session, project)
    form = Form[NewRound].showing(mix_earlier_policy="1", evaluate="1", preset=next(iter(PRESETS)))
    return _new_page(request, session, chosen, form)


@router.post("", dependencies=ADMINS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[NewRound], posted(NewRound)],
) -> Response:
    chosen = project_numbered(session, project)
    if form.data:
        with form.attempt(session):
            started = start_round(session, chosen, form.data.plan(), user)
    if form.errors:
        return _new_page(request, session, chosen, form, status=422)
    flash(request, _("Round {number} has started.").format(number=started.number))
    return redirect(f"/rounds/{started.id}")


def _new_page(
    request: Request, session: Session, project: Project, form: Form[NewRound], status: int = 200
) -> Response:
    models = [each for each in checkpoints_of(session, project) if each.kind in STARTABLE_KINDS and each.has_files]
    return page(
        request,
        "rounds/new.html",
        status,
        project=project,
        form=form,
        checkpoints=[(str(each.id), f"{each.name} ({state_in_words(each.kind)})") for each in models],
        presets=[(NO_PRESET, _("The trainer's defaults")), *((name, name) for name in PRESETS)],
        stages={stage.value: _shown_fields(stage) for stage in FILLED},
    )


STARTABLE_KINDS = (CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.POLICY)


def _shown_fields(stage: Stage) -> list[SettingField]:
    return [item for item in setting_fields(stage) if item.name not in FILLED[stage]]


@router.get("/{number}", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    shown = _shown(request, session, number)
    watched = watched_step(shown["steps"])
    drawn = main_drawings(curves_of(session, watched.run)) if watched and watched.run else []
    return page(request, "rounds/show.html", **shown, watched=watched, drawings=drawn)


@router.get("/{number}/steps", dependencies=WATCHERS)
def steps(request: Request, session: SessionDep, number: int) -> Response:
    """The part of the page that changes while the round runs."""
    return page(request, "rounds/steps.html", **_shown(request, session, number))


def _shown(request: Request, session: Session, number: int) -> dict[str, Any]:
    found = round_by_id(session, number)
    views = step_views(session, found)
    return {
        "round": found,
        "plan": plan_of(found),
        "project": project_numbered(session, found.project_id),
        "steps": views,
        "drawing": graph_of(views),
        "win_rate": round_win_rate(session, request.app.state.settings.files, found),
        "under_way": found.finished_at is None,
    }


def watched_step(views: Sequence[StepView]) -> StepView | None:
    """Whose curves the page shows: the run that is under way, else the last one that measured anything."""
    begun = [view for view in views if view.run and (view.metrics or view.state == "running")]
    return next((view for view in begun if view.state == "running"), begun[-1] if begun else None)


@router.post("/{number}/cancel", dependencies=ADMINS)
def cancel(request: Request, session: SessionDep, number: int) -> Response:
    cancel_round(session, round_by_id(session, number))
    flash(request, _("The round is being cancelled. What it made so far is kept."))
    return redirect(f"/rounds/{number}")


@router.post("/{number}/resume", dependencies=ADMINS)
def resume(request: Request, session: SessionDep, number: int) -> Response:
    resume_round(session, round_by_id(session, number))
    flash(request, _("The round goes on from where it stopped."))
    return redirect(f"/rounds/{number}")
