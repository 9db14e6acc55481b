"""What arrives in the trainer of what labelers chose: frozen, read back and encoded as a stage does it."""

from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.projects.models import Project
from tests.trainer.tiny import make_tokenizer
from trainer.encoding import Encoder, groups_from_comparisons, make_encoder
from trainer.groups import RankedGroup
from trainer.records import Comparison, read_lines

Ranking = dict[str, int]  # rank by text


@lru_cache
def encoder() -> Encoder:
    return make_encoder(make_tokenizer(), 512, 512)


def frozen_comparisons(session: Session, files: Path, project: Project) -> list[Comparison]:
    """The lines of `comparisons.jsonl`."""
    dataset = freeze_dataset(session, files, project, "Frozen", DatasetKind.COMPARISONS, DatasetFilter())
    return list(read_lines(Comparison, files / dataset.location / "comparisons.jsonl"))


def rankings_in_file(comparisons: list[Comparison]) -> list[Ranking]:
    return [dict(zip(map(str, line.completions), line.ranks or (), strict=True)) for line in comparisons]


def rankings_in_trainer(comparisons: list[Comparison]) -> list[Ranking]:
    reading = encoder()
    return [_ranking(group, reading) for group in groups_from_comparisons(reading, comparisons)]


def _ranking(group: RankedGroup, reading: Encoder) -> Ranking:
    return {reading.text(ids): rank for ids, rank in zip(group.completion_ids, group.ranks, strict=True)}
