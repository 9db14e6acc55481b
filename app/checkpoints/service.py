"""Checkpoints: models that a run produced, that lie on disk or hub, or that are known by name only."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project
from app.translation import gettext


class CheckpointNameTaken(DomainError):
    sentence = message("There is already a checkpoint named {name} in this project.")


def register_checkpoint(
    session: Session,
    project: Project,
    kind: CheckpointKind,
    name: str,
    *,
    location: str,
    digest: str | None = None,
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
