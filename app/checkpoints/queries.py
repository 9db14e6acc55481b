"""Reads about checkpoints."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.errors import NotFound
from app.projects.models import Project


@dataclass(frozen=True)
class Listed:
    checkpoint: Checkpoint
    project: str


def checkpoint(session: Session, number: int) -> Checkpoint:
    found = session.get(Checkpoint, number)
    if found is None:
        raise NotFound(what="checkpoint", number=number)
    return found


def checkpoints(session: Session, project: Project | None = None) -> list[Listed]:
    """Newest first."""
    query = select(Checkpoint, Project.name).join(Project, Project.id == Checkpoint.project_id)
    if project is not None:
        query = query.where(Checkpoint.project_id == project.id)
    return [Listed(each, name) for each, name in session.execute(query.order_by(Checkpoint.id.desc()))]


def checkpoints_of(session: Session, project: Project) -> list[Checkpoint]:
    """Newest first."""
    query = select(Checkpoint).where(Checkpoint.project_id == project.id).order_by(Checkpoint.id.desc())
    return list(session.scalars(query))


def ancestors(session: Session, checkpoint: Checkpoint) -> list[Checkpoint]:
    """The parent first, then its parent, up to the base."""
    found: list[Checkpoint] = []
    while checkpoint.parent_id is not None:
        checkpoint = session.get_one(Checkpoint, checkpoint.parent_id)
        found.append(checkpoint)
    return found


def children(session: Session, checkpoint: Checkpoint) -> list[Checkpoint]:
    query = select(Checkpoint).where(Checkpoint.parent_id == checkpoint.id).order_by(Checkpoint.id)
    return list(session.scalars(query))
