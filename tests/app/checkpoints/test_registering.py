from pathlib import Path

import pytest

from app.checkpoints.models import CheckpointKind
from app.checkpoints.registering import register_outside_model
from app.errors import InvalidInput
from tests.factories import make_project
from trainer.manifest import model_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    return tmp_path


def test_a_folder_is_registered_with_its_digest_and_size(session, folder):
    made = register_outside_model(session, make_project(session), CheckpointKind.BASE, "mine", str(folder))
    assert (made.location, made.digest, made.size) == (str(folder), model_digest(folder), 10)


def test_a_name_on_the_hub_is_registered_unseen(session):
    made = register_outside_model(session, make_project(session), CheckpointKind.BASE, "hub", "owner/model-1.5")
    assert (made.location, made.digest, made.size) == ("owner/model-1.5", None, None)


@pytest.mark.parametrize("location", ["model", "../secret/model", "owner/model/more", "owner/..", "", "a b/c"])
def test_anything_else_is_refused(session, location):
    with pytest.raises(InvalidInput, match="neither an absolute path nor a name on the hub"):
        register_outside_model(session, make_project(session), CheckpointKind.BASE, "other", location)


@pytest.mark.parametrize(("missing", "said"), [("config.json", "no config.json"), ("model.safetensors", "safetensors")])
def test_a_folder_without_a_model_is_refused(session, folder, missing, said):
    (folder / missing).unlink()
    with pytest.raises(InvalidInput, match=said):
        register_outside_model(session, make_project(session), CheckpointKind.BASE, "broken", str(folder))
    with pytest.raises(InvalidInput, match="There is no folder"):
        register_outside_model(session, make_project(session), CheckpointKind.BASE, "none", str(folder / "none"))
