"""`/evaluation/cross-validation`: a reward model before labelers whom it never learned from, planned and watched."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.checkpoints.models import Checkpoint
from app.checkpoints.queries import checkpoint as checkpoint_numbered
from app.datasets.queries import dataset as dataset_numbered
from app.errors import NotFound
from app.evaluation.cross_validation.models import ValidationState
from app.evaluation.cross_validation.planning import FEWEST_FOLDS, MOST_FOLDS, prospect, repeatable_models
from app.evaluation.cross_validation.queries import cross_validation, cross_validations_of, fold_views
from app.evaluation.cross_validation.service import (
    cancel_cross_validation,
    resume_cross_validation,
    start_cross_validation,
)
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.filters import Empty
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

HOME = "/evaluation/cross-validation"

router = APIRouter(prefix=HOME)
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]
FOLDS = 5  # as in InstructGPT, section 4.1
LARGEST_SEED = 2**31 - 1


class NewValidation(BaseModel):
    """Without a model the newest that was trained here."""

    model: Annotated[int | None, Empty] = None
    folds: int = Field(default=FOLDS, ge=FEWEST_FOLDS, le=MOST_FOLDS)
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)


class Choosing(NewValidation):
    project: int


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int) -> Response:
    chosen = project_numbered(session, project)
    listed = cross_validations_of(session, chosen)
    return page(request, "evaluation/cross_validation/index.html", project=chosen, listed=listed)


@router.get("/new", dependencies=ADMINS)
def new(request: Request, session: SessionDep, choosing: Annotated[Choosing, Query()]) -> Response:
    """What would be done is shown before it is."""
    return _new_page(request, session, project_numbered(session, choosing.project), choosing)


@router.post("", dependencies=ADMINS)
def start(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[NewValidation], posted(NewValidation)],
) -> Response:
    chosen, wanted = project_numbered(session, project), form.data or NewValidation()
    if form.data:
        with form.attempt(session, "folds"):
            model = _model(session, chosen, wanted)
            if model is None:
                raise NotFound(what="checkpoint", number=wanted.model)
            started = start_cross_validation(session, chosen, model, wanted.folds, wanted.seed, user)
            flash(request, _("The cross-validation has started."))
            return redirect(f"{HOME}/{started.id}")
    return _new_page(request, session, chosen, wanted, form.errors)


def _model(session: Session, project: Project, wanted: NewValidation) -> Checkpoint | None:
    models = repeatable_models(session, project)
    return next((each for each in models if wanted.model in (None, each.id)), None)


def _new_page(
    request: Request,
    session: Session,
    project: Project,
    wanted: NewValidation,
    errors: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    model = _model(session, project, wanted)
    return page(
        request,
        "evaluation/cross_validation/new.html",
        422 if errors else 200,
        project=project,
        errors=errors,
        models=repeatable_models(session, project),
        model=model,
        wanted=wanted,
        planned=prospect(session, project, model, wanted.folds, wanted.seed) if model else None,
    )


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    found = cross_validation(session, number)
    return page(
        request,
        "evaluation/cross_validation/show.html",
        found=found,
        project=project_numbered(session, found.project_id),
        model=checkpoint_numbered(session, found.reward_model_id),
        judged=dataset_numbered(session, found.judged_id) if found.judged_id else None,
        folds=fold_views(session, found),
        under_way=found.state is ValidationState.RUNNING,
    )


@router.post("/{number}/cancel", dependencies=ADMINS)
def cancel(request: Request, session: SessionDep, number: int) -> Response:
    cancel_cross_validation(session, cross_validation(session, number))
    flash(request, _("The cross-validation is being cancelled. What it made so far is kept."))
    return redirect(f"{HOME}/{number}")


@router.post("/{number}/resume", dependencies=ADMINS)
def resume(request: Request, session: SessionDep, number: int) -> Response:
    resume_cross_validation(session, cross_validation(session, number))
    flash(request, _("The cross-validation goes on from where it stopped."))
    return redirect(f"{HOME}/{number}")
