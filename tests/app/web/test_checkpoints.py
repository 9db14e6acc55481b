"""The registry of checkpoints: found, registered, pinned, archived, downloaded, deleted, and followed to labelers."""

import io
import tarfile
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import archive, register_checkpoint
from app.projects.models import Project
from app.rounds.lineage import lineage_of
from app.runs.models import Stage
from app.runs.service import Input, enqueue_run
from tests.app.rounds.report.reported import Ended, make_ended_round, make_sft
from tests.factories import make_project
from tests.pages import PageClient


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session, "Kites")


@pytest.fixture
def model(session: Session, project: Project, web_app: FastAPI, tmp_path: Path) -> Checkpoint:
    """With files in the application's folder."""
    web_app.state.settings = web_app.state.settings.model_copy(update={"home": tmp_path})
    folder = web_app.state.settings.files / "runs/1-sft/model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"12345")
    return register_checkpoint(
        session, project, CheckpointKind.SFT, "sft-1", location="runs/1-sft/model", digest="5f" * 32, size=7
    )


def test_the_list_is_chosen_by_project_kind_and_pin_without_archived_ones(
    pages: PageClient, session: Session, model: Checkpoint, project: Project
) -> None:
    old = register_checkpoint(session, project, CheckpointKind.POLICY, "old", location="runs/2/model", parent=model)
    archive(old)
    register_checkpoint(session, make_project(session), CheckpointKind.SFT, "other", location="runs/3/model")
    pages.sign_in_as(Role.RESEARCHER)
    shown = pages.get("/checkpoints", project=project.id)
    assert "sft-1" in shown.links
    assert "7 Bytes" in shown.text
    assert not {"old", "other"} & shown.links.keys()
    assert "old" in pages.get("/checkpoints", archived="1", kind="policy").links
    assert "sft-1" not in pages.get("/checkpoints", pinned="1").links


def test_an_admin_pins_and_archives_and_takes_both_back(pages: PageClient, model: Checkpoint) -> None:
    pages.sign_in_as(Role.ADMIN)
    here = f"/checkpoints/{model.id}"
    page = pages.submit(pages.get(here), f"{here}/pin")
    assert "Pinned" in page.text
    page = pages.submit(page, f"{here}/archive")
    assert model.pinned
    assert model.archived_at
    page = pages.submit(page, f"{here}/unpin")
    pages.submit(page, f"{here}/bring-back")
    assert (model.pinned, model.archived_at) == (False, None)


def test_what_depends_on_a_checkpoint_is_shown_before_its_files_are_deleted(
    pages: PageClient, session: Session, model: Checkpoint, project: Project
) -> None:
    child = register_checkpoint(session, project, CheckpointKind.POLICY, "child", location="runs/2/model", parent=model)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/checkpoints/{model.id}/delete")
    assert page.links["child"] == f"/checkpoints/{child.id}"
    shown = pages.submit(page, f"/checkpoints/{model.id}/delete")
    assert "Files deleted" in shown.text
    assert f"/checkpoints/{model.id}/download" not in shown.links.values()
    pages.get(f"/checkpoints/{model.id}/download", status=409)


def test_what_a_waiting_run_reads_is_kept_with_the_reason(
    pages: PageClient, session: Session, model: Checkpoint, project: Project
) -> None:
    run = enqueue_run(session, project, Stage.SAMPLE, {"prompts": "p.jsonl"}, [Input("model", model)])
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/checkpoints/{model.id}/delete")
    assert f"Run {run.id} is queued and reads sft-1" in page.text
    assert page.all("form", action=f"/checkpoints/{model.id}/delete") == []
    pages.post(f"/checkpoints/{model.id}/delete", status=409)
    assert model.files_deleted_at is None


def test_a_model_is_downloaded_as_an_archive(pages: PageClient, model: Checkpoint) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    answer = pages.http.get(f"/checkpoints/{model.id}/download", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-disposition"] == f'attachment; filename="checkpoint-{model.id}.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert {entry.name: entry.size for entry in archive} == {
            f"checkpoint-{model.id}/config.json": 2,
            f"checkpoint-{model.id}/model.safetensors": 5,
        }


def test_files_outside_our_folder_are_not_sent(pages: PageClient, session: Session, model: Checkpoint) -> None:
    outside = register_checkpoint(
        session, session.get_one(Project, model.project_id), CheckpointKind.BASE, "etc", location="/etc"
    )
    pages.sign_in_as(Role.RESEARCHER)
    pages.get(f"/checkpoints/{outside.id}/download", status=409)


def test_a_model_from_the_hub_is_registered_and_a_wrong_name_comes_back(
    pages: PageClient, model: Checkpoint, project: Project
) -> None:
    pages.sign_in_as(Role.ADMIN)
    form, action = pages.get("/checkpoints/new", project=project.id), f"/checkpoints?project={project.id}"
    again = pages.submit(form, action, 422, name="tiny", kind="base", location="no such place")
    assert "neither an absolute path nor a name on the hub" in again.text
    assert again.one("input", name="location").get("value") == "no such place"
    shown = pages.submit(form, action, name="tiny", kind="base", location="owner/tiny", parent=str(model.id))
    assert shown.heading == "tiny"
    assert "owner/tiny" in shown.text


def test_lineage_is_drawn_and_listed_and_a_labeler_s_page_leads_back(
    pages: PageClient, session: Session, project: Project, tmp_path: Path
) -> None:
    ended: Ended = make_ended_round(session, tmp_path, project, make_sft(session, project), wins=[True])
    labeler = lineage_of(session, ended.policy).datasets[ended.comparisons.id].labelers[0].user
    pages.sign_in_as(Role.ADMIN)
    shown = pages.get(f"/checkpoints/{ended.policy.id}")
    drawn = {link.get("aria-label"): link.get("href") for link in shown.all("a") if link.get("aria-label")}
    assert drawn[f"{ended.comparisons.name}, 4 rows"] == f"/datasets/{ended.comparisons.id}"
    assert drawn[f"{ended.compare.name}, 4 annotations"] == f"/campaigns/{ended.compare.id}"
    assert shown.links[labeler.name] == f"/users/{labeler.id}"
    told = pages.http.get(f"/checkpoints/{ended.policy.id}/lineage.json").json()
    assert [each["name"] for each in told["datasets"]] == [ended.comparisons.name]
    assert {"ppo-1", "reward-1"} <= pages.get(f"/users/{labeler.id}").links.keys()
