"""A prompt: a list of messages that ends where the assistant should speak."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class Source(StrEnum):
    IMPORTED = "imported"
    LABELER = "labeler"
    GENERATED = "generated"


class PromptKind(StrEnum):
    """How a labeler came to write it (InstructGPT, section 3.2)."""

    PLAIN = "plain"
    FEW_SHOT = "few_shot"
    USER_BASED = "user_based"


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Prompt(Base):
    __tablename__ = "prompts"
    __table_args__ = (
        UniqueConstraint("project_id", "digest"),
        Index("uq_prompts_project_external", "project_id", "external_id", unique=True),
        CheckConstraint("(source = 'labeler') = (kind IS NOT NULL)", name="labelers_name_the_kind"),
        CheckConstraint("(source = 'labeler') = (author_id IS NOT NULL)", name="labelers_sign_their_prompts"),
        CheckConstraint("jsonb_array_length(messages) > 0", name="has_messages"),
        Index("ix_prompts_project_split", "project_id", "split"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    messages: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of the canonical messages: finds exact duplicates
    source: Mapped[Source] = mapped_column(choices(Source, "source"))
    kind: Mapped[PromptKind | None] = mapped_column(choices(PromptKind, "kind"))
    use_case: Mapped[str | None]
    customer: Mapped[str | None]  # the split is by customer where there is one (section 3.2)
    external_id: Mapped[str | None]
    split: Mapped[Split] = mapped_column(choices(Split, "split"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]
