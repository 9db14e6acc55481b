"""A project: its guidelines and rating form, both kept in every version that labelers ever saw, and its rules."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey


class Project(Base):
    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("default_k BETWEEN 2 AND 9", name="k_in_range"),
        CheckConstraint("default_overlap BETWEEN 1 AND 20", name="overlap_in_range"),
    )

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(unique=True)
    default_k: Mapped[int] = mapped_column(server_default="4")
    default_overlap: Mapped[int] = mapped_column(server_default="1")
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Created]


class Guidelines(Base):
    """One version of a project's guidelines, in Markdown. Rows are never changed."""

    __tablename__ = "guidelines"
    __table_args__ = (UniqueConstraint("project_id", "version"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    version: Mapped[int]
    text: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]


class GuidelinesAcknowledgement(Base):
    """A person has read this version of the guidelines and says so."""

    __tablename__ = "guidelines_acknowledgements"

    guidelines_id: Mapped[int] = mapped_column(ForeignKey("guidelines.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    created_at: Mapped[Created]


class Rule(Base):
    """What a model must not do, in one sentence; labelers attack it, and answers are judged on it (Sparrow)."""

    __tablename__ = "rules"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    text: Mapped[str]
    archived: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[Created]


class FormVersion(Base):
    """One version of a project's rating form (`app.projects.forms.RatingForm`). Rows are never changed."""

    __tablename__ = "form_versions"
    __table_args__ = (UniqueConstraint("project_id", "version"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    version: Mapped[int]
    definition: Mapped[dict[str, Any]]
    imported: Mapped[bool] = mapped_column(server_default=text("false"))  # only describes imported annotations
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))  # the form of one rule, not of the project
    ready_made: Mapped[str | None]  # which one a campaign asked for in place of the project's own
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
