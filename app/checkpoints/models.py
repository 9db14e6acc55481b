"""A model on disk or hub, or one known by name only (the author of imported outputs)."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class CheckpointKind(StrEnum):
    BASE = "base"
    SFT = "sft"
    REWARD = "reward"
    POLICY = "policy"
    EXTERNAL = "external"


class Checkpoint(Base):
    __tablename__ = "checkpoints"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        CheckConstraint("(kind = 'external') = (location IS NULL)", name="only_external_have_no_files"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[CheckpointKind] = mapped_column(choices(CheckpointKind, "kind"))
    name: Mapped[str]
    location: Mapped[str | None]  # a folder below the files folder, an absolute path, or a hub id
    digest: Mapped[str | None]  # SHA-256 over the model's files
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]
