"""A cross-validation for `tests.world`: under way in a project of its own, one of its runs failed."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.evaluation.cross_validation.advancing import advance_cross_validation
from app.evaluation.cross_validation.models import CrossValidation
from app.evaluation.cross_validation.service import start_cross_validation
from app.projects.models import Project
from app.runs.service import claim_next_run, fail_run
from tests.app.evaluation.cross_validation.taught import make_reward_model, make_taught_project

HOME = "/evaluation/cross-validation"

Addresses = dict[str, dict[str, str]]


def make_validation(session: Session, files: Path) -> CrossValidation:
    project = make_taught_project(session)
    started = start_cross_validation(session, project, make_reward_model(session, files, project), folds=5, seed=0)
    advance_cross_validation(session, files, started)
    claim = claim_next_run(session, "worker:8")
    assert claim is not None
    fail_run(session, claim, "The loss is not a number.", "")
    return started


def addresses_of_validation(found: CrossValidation, without: Project) -> Addresses:
    """`without`: a project that has none."""
    return {
        HOME: {
            "cross-validations": f"{HOME}?project={found.project_id}",
            "no cross-validation": f"{HOME}?project={without.id}",
        },
        f"{HOME}/{{number}}": {"a cross-validation": f"{HOME}/{found.id}"},
    }


def addresses_of_validating(found: CrossValidation) -> Addresses:
    return {f"{HOME}/new": {"cross-validating": f"{HOME}/new?project={found.project_id}"}}
