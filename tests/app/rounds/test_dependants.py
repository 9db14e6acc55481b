from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import FilesDeleted, external_checkpoint, pin, register_checkpoint, unpin
from app.checkpoints.upkeep import remove
from app.config import settings
from app.projects.models import Project
from app.rounds.dependants import (
    CheckpointPinned,
    NeededByRound,
    NeededByRun,
    NoFilesHere,
    delete_files,
    dependants_of,
)
from app.rounds.plan import RoundPlan
from app.rounds.service import cancel_round, start_round
from app.runs.models import Stage
from app.runs.service import Input, enqueue_run, request_cancel
from tests.factories import make_project


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


@pytest.fixture
def model(session: Session, project: Project, tmp_path: Path) -> Checkpoint:
    for folder in ("model", "checkpoints"):
        (tmp_path / "files/runs/1-sft" / folder).mkdir(parents=True)
        (tmp_path / "files/runs/1-sft" / folder / "weights").write_bytes(b"12345")
    return register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="runs/1-sft/model", digest="5f")


def sample(session: Session, project: Project, model: Checkpoint):
    return enqueue_run(session, project, Stage.SAMPLE, {"prompts": "prompts.jsonl"}, [Input("model", model)])


def test_what_a_waiting_run_reads_is_not_deleted_and_may_be_when_the_run_is_over(
    session: Session, project: Project, model: Checkpoint, tmp_path: Path
) -> None:
    run = sample(session, project, model)
    with pytest.raises(NeededByRun, match=f"Run {run.id} is queued and reads sft-1"):
        delete_files(session, tmp_path / "files", model)
    request_cancel(session, run)
    delete_files(session, tmp_path / "files", model)
    assert model.files_deleted_at is not None
    assert [each.id for each in dependants_of(session, model).past] == [run.id]


def test_a_round_under_way_keeps_what_it_began_with(
    session: Session, project: Project, model: Checkpoint, tmp_path: Path
) -> None:
    started = start_round(session, project, RoundPlan(start="checkpoint", checkpoint_id=model.id))
    with pytest.raises(NeededByRound, match="Round 1 is under way and needs sft-1"):
        delete_files(session, tmp_path / "files", model)
    cancel_round(session, started)
    delete_files(session, tmp_path / "files", model)


def test_what_is_pinned_is_not_deleted(session: Session, model: Checkpoint, tmp_path: Path) -> None:
    pin(session, model)
    with pytest.raises(CheckpointPinned):
        delete_files(session, tmp_path / "files", model)
    unpin(model)
    delete_files(session, tmp_path / "files", model)
    with pytest.raises(FilesDeleted):
        pin(session, model)


def test_what_lies_elsewhere_is_left_alone(session: Session, project: Project, tmp_path: Path) -> None:
    outside = [
        register_checkpoint(session, project, CheckpointKind.BASE, name, location=location)
        for name, location in {"hub": "owner/model", "path": str(tmp_path), "above": "../other"}.items()
    ]
    (tmp_path / "files/owner").mkdir(parents=True)
    for checkpoint in (*outside[1:], external_checkpoint(session, project, "known by name")):
        with pytest.raises(NoFilesHere):
            delete_files(session, tmp_path / "files", checkpoint)


def test_nothing_is_made_from_what_was_deleted(
    session: Session, project: Project, model: Checkpoint, tmp_path: Path
) -> None:
    delete_files(session, tmp_path / "files", model)
    delete_files(session, tmp_path / "files", model)
    with pytest.raises(FilesDeleted):
        sample(session, project, model)
    with pytest.raises(FilesDeleted):
        start_round(session, project, RoundPlan(start="checkpoint", checkpoint_id=model.id))


def test_the_job_removes_the_model_and_what_its_run_might_have_been_resumed_from(
    model: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RONDO_HOME", str(tmp_path))
    settings.cache_clear()
    (tmp_path / "files/runs/1-sft/log.txt").touch()
    for _ in range(2):
        remove(location=str(model.location))
    assert [path.name for path in (tmp_path / "files/runs/1-sft").iterdir()] == ["log.txt"]
    settings.cache_clear()
