"""Reads about checkpoints."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.errors import NotFound
from app.projects.models import Project


@dataclass(frozen=True)
class Listed:
    checkpoint: Checkpoint
    project: str
    parent: Checkpoint | None = None


def checkpoint(session: Session, number: int) -> Checkpoint:
    found = session.get(Checkpoint, number)
    if found is None:
        raise NotFound(what="checkpoint", number=number)
    return found


def checkpoints(
    session: Session,
    project: Project | None = None,
    *,
    kind: CheckpointKind | None = None,
    pinned: bool = False,
    archived: bool = False,
) -> list[Listed]:
    """Newest first. `pinned`: only those; `archived`: those beside the others."""
    parent = aliased(Checkpoint)
    query = (
        select(Checkpoint, Project.name, parent)
        .join(Project, Project.id == Checkpoint.project_id)
        .outerjoin(parent, parent.id == Checkpoint.parent_id)
    )
    if project is not None:
        query = query.where(Checkpoint.project_id == project.id)
    if kind is not None:
        query = query.where(Checkpoint.kind == kind)
    if pinned:
        query = query.where(Checkpoint.pinned)
    if not archived:
        query = query.where(Checkpoint.archived_at.is_(None))
    return [Listed(*row) for row in session.execute(query.order_by(Checkpoint.id.desc()))]


def checkpoints_of(session: Session, project: Project) -> list[Checkpoint]:
    """Newest first, without those that were archived."""
    query = select(Checkpoint).where(Checkpoint.project_id == project.id, Checkpoint.archived_at.is_(None))
    return list(session.scalars(query.order_by(Checkpoint.id.desc())))


def ancestors(session: Session, checkpoint: Checkpoint) -> list[Checkpoint]:
    """The parent first, then its parent, up to the base."""
    found: list[Checkpoint] = []
    while checkpoint.parent_id is not None:
        checkpoint = session.get_one(Checkpoint, checkpoint.parent_id)
        found.append(checkpoint)
    return found


def first_sft(session: Session, policy: Checkpoint) -> Checkpoint | None:
    """The baseline of all rounds: the oldest fine-tuned model that the policy descends from, or is."""
    fine_tuned = [each for each in (policy, *ancestors(session, policy)) if each.kind is CheckpointKind.SFT]
    return fine_tuned[-1] if fine_tuned else None


def children(session: Session, checkpoint: Checkpoint) -> list[Checkpoint]:
    query = select(Checkpoint).where(Checkpoint.parent_id == checkpoint.id).order_by(Checkpoint.id)
    return list(session.scalars(query))
