"""Where a checkpoint comes from, down to the labelers, and which checkpoints a labeler's work has reached.

checkpoint <- run -> dataset -> annotations; a run also reads checkpoints, which lead further down.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CompoundSelect, func, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset, DatasetAnnotation
from app.db import among
from app.runs.models import Run, RunInput
from app.tasks.models import Task


@dataclass(frozen=True)
class Labeler:
    """One person's part in a dataset, by campaign."""

    user: User
    campaign: Campaign
    annotations: int


@dataclass(frozen=True)
class DatasetNode:
    dataset: Dataset
    labelers: list[Labeler] = field(default_factory=list)

    @property
    def campaigns(self) -> dict[Campaign, list[Labeler]]:
        """In the order in which they were made."""
        by_campaign: dict[Campaign, list[Labeler]] = defaultdict(list)
        for each in sorted(self.labelers, key=lambda each: (each.campaign.id, -each.annotations, each.user.name)):
            by_campaign[each.campaign].append(each)
        return by_campaign


@dataclass(frozen=True)
class CheckpointNode:
    """`inputs`: what its run read, by the setting: numbers of datasets and of checkpoints."""

    checkpoint: Checkpoint
    run: Run | None
    datasets: list[tuple[str, int]]
    checkpoints: list[tuple[str, int]]


@dataclass(frozen=True)
class Lineage:
    """Everything behind `root`; checkpoints and datasets by number, each once, however many ways lead to it."""

    root: int
    checkpoints: dict[int, CheckpointNode]
    datasets: dict[int, DatasetNode]

    def as_json(self) -> dict[str, Any]:
        return {
            "checkpoint": self.root,
            "checkpoints": [_checkpoint_json(node) for node in self.checkpoints.values()],
            "datasets": [_dataset_json(node) for node in self.datasets.values()],
        }


def _checkpoint_json(node: CheckpointNode) -> dict[str, Any]:
    made = node.checkpoint
    return {
        "id": made.id,
        "name": made.name,
        "kind": made.kind.value,
        "digest": made.digest,
        "run": node.run.id if node.run else None,
        "datasets": [{"setting": setting, "id": number} for setting, number in node.datasets],
        "checkpoints": [{"setting": setting, "id": number} for setting, number in node.checkpoints],
    }


def _dataset_json(node: DatasetNode) -> dict[str, Any]:
    return {
        "id": node.dataset.id,
        "name": node.dataset.name,
        "kind": node.dataset.kind.value,
        "rows": node.dataset.rows,
        "digest": node.dataset.digest,
        "campaigns": [
            {
                "id": campaign.id,
                "name": campaign.name,
                "labelers": [
                    {"id": each.user.id, "name": each.user.name, "annotations": each.annotations} for each in people
                ],
            }
            for campaign, people in node.campaigns.items()
        ],
    }


def lineage_of(session: Session, checkpoint: Checkpoint) -> Lineage:
    """Three queries for each generation of checkpoints, and three for all datasets."""
    nodes: dict[int, CheckpointNode] = {}
    waiting = {checkpoint.id}
    while waiting:
        found = _nodes(session, waiting)
        nodes |= found
        waiting = {number for node in found.values() for _, number in node.checkpoints} - nodes.keys()
    wanted = {number for node in nodes.values() for _, number in node.datasets}
    return Lineage(checkpoint.id, nodes, _datasets(session, wanted))


def _nodes(session: Session, numbers: set[int]) -> dict[int, CheckpointNode]:
    checkpoints = session.scalars(select(Checkpoint).where(among(Checkpoint.id, numbers)).order_by(Checkpoint.id)).all()
    made_by = {
        run.produced_checkpoint_id: run
        for run in session.scalars(select(Run).where(among(Run.produced_checkpoint_id, numbers)))
    }
    inputs = _inputs(session, (run.id for run in made_by.values()))
    return {each.id: _node(each, made_by.get(each.id), inputs) for each in checkpoints}


def _inputs(session: Session, runs: Iterable[int]) -> dict[int, list[RunInput]]:
    inputs: dict[int, list[RunInput]] = defaultdict(list)
    for each in session.scalars(select(RunInput).where(among(RunInput.run_id, runs)).order_by(RunInput.id)):
        inputs[each.run_id].append(each)
    return inputs


def _node(checkpoint: Checkpoint, run: Run | None, inputs: dict[int, list[RunInput]]) -> CheckpointNode:
    read = inputs.get(run.id, []) if run else []
    from_checkpoints = [(each.setting, each.checkpoint_id) for each in read if each.checkpoint_id is not None]
    if run is None and checkpoint.parent_id is not None:
        from_checkpoints = [("parent", checkpoint.parent_id)]
    from_datasets = [(each.setting, each.dataset_id) for each in read if each.dataset_id is not None]
    return CheckpointNode(checkpoint, run, from_datasets, from_checkpoints)


def _datasets(session: Session, numbers: set[int]) -> dict[int, DatasetNode]:
    query = select(Dataset).where(among(Dataset.id, numbers)).order_by(Dataset.id)
    nodes = {each.id: DatasetNode(each) for each in session.scalars(query)}
    parts = (
        select(DatasetAnnotation.dataset_id, Annotation.labeler_id, Task.campaign_id, func.count().label("count"))
        .join(Annotation, Annotation.id == DatasetAnnotation.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .where(among(DatasetAnnotation.dataset_id, numbers))
        .group_by(DatasetAnnotation.dataset_id, Annotation.labeler_id, Task.campaign_id)
        .subquery()
    ).c
    named = (
        select(parts.dataset_id, User, Campaign, parts.count)
        .join(User, User.id == parts.labeler_id)
        .join(Campaign, Campaign.id == parts.campaign_id)
    )
    for number, user, campaign, count in session.execute(named):
        nodes[number].labelers.append(Labeler(user, campaign, count))
    return nodes


@dataclass(frozen=True)
class Reached:
    """`annotations`: how many of the labeler's its own run read; 0 where only what it was made from did."""

    checkpoint: Checkpoint
    annotations: int


def checkpoints_reached_by(session: Session, labeler: User) -> list[Reached]:
    """Oldest first: those trained on datasets that hold the labeler's annotations, and all that were made from them."""
    direct = (
        select(Run.produced_checkpoint_id.label("checkpoint_id"), func.count(Annotation.id.distinct()).label("count"))
        .join(RunInput, RunInput.run_id == Run.id)
        .join(DatasetAnnotation, DatasetAnnotation.dataset_id == RunInput.dataset_id)
        .join(Annotation, Annotation.id == DatasetAnnotation.annotation_id)
        .where(Annotation.labeler_id == labeler.id, Run.produced_checkpoint_id.is_not(None))
        .group_by(Run.produced_checkpoint_id)
        .cte("direct")
    )
    steps = _made_from().subquery()
    reached = select(direct.c.checkpoint_id).cte("reached", recursive=True)
    later = select(steps.c.made).join(reached, reached.c.checkpoint_id == steps.c.source)
    reached = reached.union(later)
    query = (
        select(Checkpoint, func.coalesce(direct.c.count, 0))
        .join(reached, reached.c.checkpoint_id == Checkpoint.id)
        .outerjoin(direct, direct.c.checkpoint_id == Checkpoint.id)
        .order_by(Checkpoint.id)
    )
    return [Reached(checkpoint, count) for checkpoint, count in session.execute(query)]


def _made_from() -> CompoundSelect[int | None, int | None]:
    """Each checkpoint and each that was made of it: by a run, or as it was said when it was registered."""
    by_run = select(RunInput.checkpoint_id.label("source"), Run.produced_checkpoint_id.label("made"))
    by_run = by_run.join(Run, Run.id == RunInput.run_id)
    read = by_run.where(RunInput.checkpoint_id.is_not(None), Run.produced_checkpoint_id.is_not(None))
    return union_all(read, select(Checkpoint.parent_id, Checkpoint.id).where(Checkpoint.parent_id.is_not(None)))
