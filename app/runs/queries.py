"""What is known about runs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset
from app.errors import NotFound
from app.projects.models import Project
from app.runs.models import Run, RunInput, RunMetric, RunState
from app.runs.service import Input


def run_by_id(session: Session, number: int) -> Run:
    run = session.get(Run, number)
    if run is None:
        raise NotFound(what="run", number=number)
    return run


def recent_runs(
    session: Session, project: Project | None = None, state: RunState | None = None, at_most: int = 50
) -> Sequence[Run]:
    """Newest first."""
    query = select(Run).order_by(Run.id.desc()).limit(at_most)
    if project is not None:
        query = query.where(Run.project_id == project.id)
    if state is not None:
        query = query.where(Run.state == state)
    return session.scalars(query).all()


def inputs_of(session: Session, run: Run) -> list[Input]:
    rows = session.execute(
        select(RunInput.setting, Dataset, Checkpoint)
        .outerjoin(Dataset, RunInput.dataset_id == Dataset.id)
        .outerjoin(Checkpoint, RunInput.checkpoint_id == Checkpoint.id)
        .where(RunInput.run_id == run.id)
        .order_by(RunInput.id)
    )
    return [Input(setting, dataset or checkpoint) for setting, dataset, checkpoint in rows]


def datasets_read_by(session: Session, run: Run) -> Sequence[Dataset]:
    query = select(Dataset).join(RunInput, RunInput.dataset_id == Dataset.id).where(RunInput.run_id == run.id)
    return session.scalars(query.order_by(RunInput.id)).all()


def input_checkpoint(session: Session, run: Run, setting: str) -> Checkpoint | None:
    return session.scalar(
        select(Checkpoint)
        .join(RunInput, RunInput.checkpoint_id == Checkpoint.id)
        .where(RunInput.run_id == run.id, RunInput.setting == setting)
    )


def run_that_produced(session: Session, checkpoint: Checkpoint) -> Run | None:
    return session.scalar(select(Run).where(Run.produced_checkpoint_id == checkpoint.id))


def latest_metrics(session: Session, run: Run) -> dict[str, float]:
    """The numbers of the newest line of `metrics.jsonl`; none where there is no line yet."""
    return numbers_in(next(iter(latest_lines(session, run, 1)), {}))


def latest_lines(session: Session, run: Run, at_most: int) -> list[dict[str, Any]]:
    """The newest lines of `metrics.jsonl`, oldest first."""
    newest = select(RunMetric.values).where(RunMetric.run_id == run.id).order_by(RunMetric.step.desc()).limit(at_most)
    return list(reversed(session.scalars(newest).all()))


def numbers_in(line: Mapping[str, object]) -> dict[str, float]:
    """What the stage measured at a step; the step itself and the time of day left out."""
    return {name: value for name, value in line.items() if _is_number(value) and name not in ("step", "time")}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def produced_by(session: Session, run: Run) -> Checkpoint | None:
    return session.get(Checkpoint, run.produced_checkpoint_id) if run.produced_checkpoint_id else None
