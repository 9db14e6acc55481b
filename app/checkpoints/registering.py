"""Outside models: a folder on this machine or a name on the Hugging Face hub, registered to start rounds from."""

import re
from pathlib import Path

from sqlalchemy.orm import Session

from app.checkpoints.files import size_of
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.errors import InvalidInput
from app.projects.models import Project
from app.translation import gettext
from trainer.manifest import model_digest

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
OUTSIDE = (CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.REWARD, CheckpointKind.POLICY)


def register_outside_model(
    session: Session,
    project: Project,
    kind: CheckpointKind,
    name: str,
    location: str,
    *,
    parent: Checkpoint | None = None,
) -> Checkpoint:
    """`location`: an absolute path, or `owner/name` on the hub. A path is read now and gets a digest.

    Raises `InvalidInput`, `CheckpointNameTaken`.
    """
    folder = Path(location)
    if folder.is_absolute():
        _check_model(folder)
    elif not HUB_ID.fullmatch(location):
        raise InvalidInput(
            reason=gettext("{location} is neither an absolute path nor a name on the hub, as in owner/model.").format(
                location=location
            )
        )
    digest, size = (model_digest(folder), size_of(folder)) if folder.is_absolute() else (None, None)
    return register_checkpoint(session, project, kind, name, location=location, digest=digest, size=size, parent=parent)


def _check_model(folder: Path) -> None:
    """Weights have to be safetensors: other formats can run code when they are loaded."""
    if not folder.is_dir():
        raise InvalidInput(reason=gettext("There is no folder {folder}.").format(folder=folder))
    if not (folder / "config.json").is_file():
        raise InvalidInput(reason=gettext("{folder} holds no config.json, so it is no model.").format(folder=folder))
    if not any(folder.glob("*.safetensors")):
        raise InvalidInput(reason=gettext("{folder} holds no weights as safetensors.").format(folder=folder))
