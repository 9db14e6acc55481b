"""Reads about rounds that start by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation, AnnotationKind
from app.automation.models import AutomaticRound, Automation
from app.clock import now
from app.datasets.filtering import DatasetFilter
from app.datasets.models import Dataset, DatasetAnnotation, DatasetKind
from app.datasets.rows import annotations_of
from app.projects.models import Project
from app.rounds.models import Round, RoundDataset, RoundState
from app.rounds.plan import People, Step
from app.rounds.queries import plan_of

WEEK = timedelta(days=7)
SHOWN = 20


@dataclass(frozen=True)
class Started:
    """A round that started by itself, as a line of the list."""

    round: Round
    why: AutomaticRound


def automation_of(session: Session, project: Project) -> Automation | None:
    return session.get(Automation, project.id)


def last_frozen(session: Session, project: Project) -> Dataset | None:
    """The rankings that a round of the project froze last."""
    query = (
        select(Dataset)
        .join(RoundDataset, RoundDataset.dataset_id == Dataset.id)
        .join(Round, Round.id == RoundDataset.round_id)
        .where(Round.project_id == project.id, RoundDataset.step == Step.COMPARISONS)
    )
    return session.scalar(query.order_by(Dataset.id.desc()).limit(1))


def new_rankings(session: Session, project: Project, people: People, frozen: Dataset | None) -> int:
    """Those a round could learn from that were made after `frozen` was; all of them where nothing was."""
    query = (
        annotations_of(project, DatasetKind.COMPARISONS, DatasetFilter(people=people))
        .where(Annotation.kind == AnnotationKind.RANKING)
        .add_columns(func.count())
    )
    if frozen is not None:
        newest = select(func.max(DatasetAnnotation.annotation_id)).where(DatasetAnnotation.dataset_id == frozen.id)
        # Numbers are given in the order of time, so that only what came after has to be looked at.
        query = query.where(Annotation.id > session.scalar(newest), Annotation.created_at > frozen.created_at)
    count: int = session.execute(query).scalar_one()
    return count


def people_of(session: Session, automation: Automation) -> People:
    """Whose rankings the copied round learned from."""
    copied = session.get(Round, automation.copied_round_id) if automation.copied_round_id else None
    return plan_of(copied).people if copied else "people"


def started_lately(session: Session, project: Project) -> int:
    """By themselves, in the last seven days."""
    lately = AutomaticRound.created_at > now() - WEEK
    query = select(func.count()).where(AutomaticRound.project_id == project.id, lately)
    return session.execute(query).scalar_one()


def failures_in_a_row(session: Session, project: Project, since: datetime) -> list[Round]:
    """Of rounds that started by themselves, newest first; cancelled ones and those under way count for nothing."""
    query = (
        select(Round)
        .join(AutomaticRound, AutomaticRound.round_id == Round.id)
        .where(
            AutomaticRound.project_id == project.id,
            AutomaticRound.created_at > since,
            Round.state.in_((RoundState.FINISHED, RoundState.FAILED)),
        )
        .order_by(Round.number.desc())
    )
    failed: list[Round] = []
    for each in session.scalars(query.limit(SHOWN)):
        if each.state is RoundState.FINISHED:
            break
        failed.append(each)
    return failed


def started_by_themselves(session: Session, project: Project) -> Sequence[Started]:
    """Newest first."""
    query = select(Round, AutomaticRound).join(AutomaticRound, AutomaticRound.round_id == Round.id)
    rows = session.execute(
        query.where(AutomaticRound.project_id == project.id).order_by(Round.number.desc()).limit(SHOWN)
    )
    return [Started(found, why) for found, why in rows]
