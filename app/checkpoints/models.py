"""A model on disk or hub, or one known by name only (the author of imported outputs)."""

from datetime import datetime
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
        CheckConstraint("NOT pinned OR files_deleted_at IS NULL", name="pinned_keep_their_files"),
        CheckConstraint("size >= 0", name="size_is_not_negative"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[CheckpointKind] = mapped_column(choices(CheckpointKind, "kind"))
    name: Mapped[str]
    location: Mapped[str | None]  # a folder below the files folder, an absolute path, or a hub id
    digest: Mapped[str | None]  # SHA-256 over the model's files
    size: Mapped[int | None]  # bytes of the model's files, where they were seen
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"), index=True)
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))  # its files are not to be deleted
    archived_at: Mapped[datetime | None]  # out of the lists, unless asked for
    files_deleted_at: Mapped[datetime | None]  # the row stays, for lineage
    created_at: Mapped[Created]

    @property
    def has_files(self) -> bool:
        return self.location is not None and self.files_deleted_at is None
