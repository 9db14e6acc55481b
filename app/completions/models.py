"""A text for a prompt, who wrote it (one text may have several authors), and what reward models say of it."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey


class Completion(Base):
    """Equal texts for one prompt are one completion, so that nobody ranks a text against itself."""

    __tablename__ = "completions"
    __table_args__ = (
        UniqueConstraint("prompt_id", "digest"),
        UniqueConstraint("id", "prompt_id"),
        CheckConstraint("text IS NOT NULL OR external_id IS NOT NULL", name="text_or_external_id"),
    )

    id: Mapped[PrimaryKey]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    text: Mapped[str | None]  # imported sets may lack the texts
    digest: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of the text, or of the external id
    external_id: Mapped[str | None]
    evidence: Mapped[list[Any]] = mapped_column(server_default="[]")  # sources shown beside it
    created_at: Mapped[Created]


class CompletionAuthor(Base):
    """A checkpoint (with how it was sampled) or a user that wrote this text."""

    __tablename__ = "completion_authors"
    __table_args__ = (
        CheckConstraint("num_nonnulls(checkpoint_id, user_id) = 1", name="a_checkpoint_or_a_user"),
        Index("uq_completion_authors_checkpoint", "completion_id", "checkpoint_id", unique=True),
        Index("uq_completion_authors_user", "completion_id", "user_id", unique=True),
        Index("ix_completion_authors_checkpoint_id", "checkpoint_id"),
    )

    id: Mapped[PrimaryKey]
    completion_id: Mapped[int] = mapped_column(ForeignKey("completions.id", ondelete="CASCADE"))
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    token_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    finish_reason: Mapped[str | None]
    logprob: Mapped[float | None] = mapped_column(Double)
    sampling: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]


class CompletionScore(Base):
    __tablename__ = "completion_scores"
    __table_args__ = (
        ForeignKeyConstraint(["completion_id"], ["completions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"]),
    )

    completion_id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(primary_key=True)
    score: Mapped[float] = mapped_column(Double)


class RenderedText(Base):
    """A text as sanitised HTML, by the SHA-256 of what was written; `renderer` is the version of the code."""

    __tablename__ = "rendered_texts"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    renderer: Mapped[int] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    html: Mapped[str]
