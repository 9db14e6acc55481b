"""A prompt: a list of messages that ends where the assistant should speak."""

from datetime import datetime
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
    """How a labeler came to write it (InstructGPT, section 3.2); an attack tries to make a model break one rule."""

    PLAIN = "plain"
    FEW_SHOT = "few_shot"
    USER_BASED = "user_based"
    ATTACK = "attack"


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
        CheckConstraint("(kind IS NOT DISTINCT FROM 'attack') = (rule_id IS NOT NULL)", name="attacks_name_a_rule"),
        CheckConstraint("jsonb_array_length(messages) > 0", name="has_messages"),
        Index("ix_prompts_project_split", "project_id", "split"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    messages: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of the canonical messages: finds exact duplicates
    source: Mapped[Source] = mapped_column(choices(Source, "source"))
    kind: Mapped[PromptKind | None] = mapped_column(choices(PromptKind, "kind"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))
    use_case: Mapped[str | None]
    customer: Mapped[str | None]  # the split is by customer where there is one (section 3.2)
    external_id: Mapped[str | None]
    split: Mapped[Split] = mapped_column(choices(Split, "split"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    content_warning: Mapped[str | None]  # its texts stay blurred until the labeler asks for them
    in_use: Mapped[bool] = mapped_column(server_default=text("true"))  # drawn and frozen; not what was revised since
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]


class PromptReport(Base):
    """A labeler says that something is wrong with a prompt; a researcher looks at it."""

    __tablename__ = "prompt_reports"
    __table_args__ = (
        UniqueConstraint("prompt_id", "reporter_id"),
        CheckConstraint("(resolved_at IS NULL) = (resolved_by_id IS NULL)", name="somebody_resolved_it"),
    )

    id: Mapped[PrimaryKey]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    reporter_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str]
    created_at: Mapped[Created]
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
