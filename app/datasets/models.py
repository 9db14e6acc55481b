"""A frozen, immutable snapshot: a filter, its rows in files, their SHA-256, and the annotations they came from."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class DatasetKind(StrEnum):
    DEMONSTRATIONS = "demonstrations"
    COMPARISONS = "comparisons"
    PROMPTS = "prompts"


class Dataset(Base):
    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    kind: Mapped[DatasetKind] = mapped_column(choices(DatasetKind, "kind"))
    filter: Mapped[dict[str, Any]]
    manifest: Mapped[dict[str, Any]]
    digest: Mapped[str]  # SHA-256 over the kind and the digests of its files (trainer.records.Manifest)
    rows: Mapped[int]
    location: Mapped[str]  # a folder below the files folder
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]


class DatasetAnnotation(Base):
    """Lineage: which annotations stand in which dataset."""

    __tablename__ = "dataset_annotations"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True, index=True)
