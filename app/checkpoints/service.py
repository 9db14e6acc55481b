"""Checkpoints: models that a run produced, that lie on disk or hub, or that are known by name only."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.clock import now
from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project
from app.translation import gettext


class CheckpointNameTaken(DomainError):
    sentence = message("There is already a checkpoint named {name} in this project.")


class FilesDeleted(DomainError):
    sentence = message("The files of {name} were deleted; nothing can be made from it any more.")


def register_checkpoint(
    session: Session,
    project: Project,
    kind: CheckpointKind,
    name: str,
    *,
    location: str,
    digest: str | None = None,
    size: int | None = None,
    parent: Checkpoint | None = None,
    metrics: dict[str, Any] | None = None,
) -> Checkpoint:
    """A model with files at `location` (below the files folder, an absolute path, or a hub id)."""
    if kind is CheckpointKind.EXTERNAL:
        raise InvalidInput(reason=gettext("An external checkpoint is a name without files."))
    if named(session, project, name) is not None:
        raise CheckpointNameTaken(name=name)
    checkpoint = Checkpoint(
        project_id=project.id,
        kind=kind,
        name=name,
        location=location,
        digest=digest,
        size=size,
        parent_id=parent.id if parent else None,
        metrics=metrics or {},
    )
    session.add(checkpoint)
    session.flush()
    return checkpoint


def external_checkpoint(session: Session, project: Project, name: str) -> Checkpoint:
    """The checkpoint of this name, made as external where there is none yet."""
    row = {"project_id": project.id, "kind": CheckpointKind.EXTERNAL, "name": name, "metrics": {}}
    session.execute(insert(Checkpoint).values(row).on_conflict_do_nothing(index_elements=["project_id", "name"]))
    found = named(session, project, name)
    assert found is not None
    return found


def named(session: Session, project: Project, name: str) -> Checkpoint | None:
    return session.scalar(select(Checkpoint).where(Checkpoint.project_id == project.id, Checkpoint.name == name))


def require_files(session: Session, checkpoint: Checkpoint) -> None:
    """Whoever is about to read the model calls this: until they commit, its files are not deleted.

    Raises `FilesDeleted`.
    """
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(checkpoint, with_for_update={"read": True})
    if checkpoint.files_deleted_at is not None:
        raise FilesDeleted(name=checkpoint.name)


def pin(session: Session, checkpoint: Checkpoint) -> None:
    """Its files are kept until it is unpinned. Raises `FilesDeleted`."""
    require_files(session, checkpoint)
    checkpoint.pinned = True


def unpin(checkpoint: Checkpoint) -> None:
    checkpoint.pinned = False


def archive(checkpoint: Checkpoint) -> None:
    """Out of the lists; whatever was made from it stays as it is."""
    checkpoint.archived_at = checkpoint.archived_at or now()


def bring_back(checkpoint: Checkpoint) -> None:
    checkpoint.archived_at = None
