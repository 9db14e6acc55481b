import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from app.accounts.models import Role
from app.annotations.imports.formats import COMPARISON_FORMATS, DEMONSTRATION_FORMATS
from app.annotations.imports.importing import import_comparisons
from app.annotations.imports.public_formats import PUBLIC_FORMATS
from app.annotations.models import Annotation
from app.campaigns.models import CampaignKind
from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.config import Settings
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.runs.models import Stage
from app.runs.service import Input, enqueue_run
from tests.factories import make_open_campaign, make_project


@pytest.fixture
def project(session, pages, web_app, tmp_path):
    web_app.state.settings = Settings(home=tmp_path)
    pages.sign_in_as(Role.RESEARCHER)
    return make_project(session)


def comparisons(number, **more):
    rows = (
        {
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": f"Question {n}?"}],
            "completions": ["good", "bad"],
            "ranks": [1, 2],
            "split": "train",
            **more,
        }
        for n in range(number)
    )
    return "\n".join(json.dumps(row) for row in rows).encode()


def upload(pages, project, content, status=200, format="comparisons/rondo"):
    return pages.post(
        f"/imports?project={project.id}",
        {"project": project.id, "format": format},
        status,
        files={"file": ("rows.jsonl", content)},
    )


def test_a_file_is_imported_and_what_came_in_is_shown(session, pages, project):
    shown = upload(pages, project, comparisons(3))
    assert "3 rows added" in shown.text
    assert session.scalar(select(func.count()).select_from(Annotation)) == 3
    again = upload(pages, project, comparisons(3))
    assert "3 exact duplicates" in again.text


def test_bad_lines_are_shown_and_nothing_came_in(session, pages, project):
    shown = upload(pages, project, comparisons(3) + b"\n{}\nx", 422)
    assert "Nothing was imported" in shown.text
    assert [cell.text for cell in shown.all("td", class_="number")] == ["4", "5"]
    assert session.scalar(select(func.count()).select_from(Annotation)) == 0


def test_a_missing_file_and_an_unknown_format_are_said(pages, project):
    pages.post(f"/imports?project={project.id}", {"project": project.id, "format": "prompts"}, 422)
    upload(pages, project, b"x", 422, format="nonsense")


def test_the_import_page_offers_every_format(pages, project):
    offered = [option.get("value") for option in pages.get(f"/imports?project={project.id}").all("option")]
    by_kind = {"demonstrations": DEMONSTRATION_FORMATS, "comparisons": COMPARISON_FORMATS | PUBLIC_FORMATS}
    assert offered[0] == "prompts"
    assert set(offered[1:]) == {f"{kind}/{name}" for kind, names in by_kind.items() for name in names}


def test_a_filter_is_counted_before_it_is_frozen(session, pages, project):
    import_comparisons(session, project, io.BytesIO(comparisons(4)), source="file")
    path = f"/datasets?project={project.id}"
    form = pages.get(f"/datasets/new?project={project.id}")
    assert "4 rows match now" in form.text
    counted = pages.submit(form, path, do="count", **{"splits[]": ["test"]})
    assert "0 rows match now" in counted.text
    refused = pages.submit(counted, path, 422, do="freeze", name="tests")
    assert "Nothing matches" in refused.text
    assert session.scalar(select(func.count()).select_from(Dataset)) == 0


def test_a_dataset_is_frozen_shown_and_downloaded(session, pages, project):
    import_comparisons(session, project, io.BytesIO(comparisons(4)), source="file")
    form = pages.get(f"/datasets/new?project={project.id}")
    shown = pages.submit(form, f"/datasets?project={project.id}", do="freeze", name="First")
    dataset = session.scalars(select(Dataset)).one()
    assert shown.heading == "First"
    assert dataset.digest in shown.body
    assert "First" in pages.get("/datasets").links
    archive = zipfile.ZipFile(io.BytesIO(pages.http.get(f"/datasets/{dataset.id}/download").content))
    assert sorted(name.rpartition("/")[2] for name in archive.namelist()) == [
        "comparisons.jsonl",
        "forms.json",
        "manifest.json",
    ]
    pages.get(f"/datasets/{dataset.id}/download", 409, format="trl-sft")


def test_a_name_is_needed_only_for_freezing(session, pages, project):
    import_comparisons(session, project, io.BytesIO(comparisons(1)), source="file")
    form = pages.get(f"/datasets/new?project={project.id}")
    pages.submit(form, f"/datasets?project={project.id}", do="count")
    assert "Please name" in pages.submit(form, f"/datasets?project={project.id}", 422, do="freeze").text


def test_a_checkpoint_shows_what_it_was_made_from_and_what_was_made_from_it(session, pages, project):
    base = register_checkpoint(session, project, CheckpointKind.BASE, "the base", location="x")
    sft = register_checkpoint(
        session, project, CheckpointKind.SFT, "the sft", location="y", parent=base, metrics={"loss": 1.5}
    )
    shown = pages.get(f"/checkpoints/{sft.id}")
    assert shown.links["the base"] == f"/checkpoints/{base.id}"
    assert "1.5" in shown.text
    assert "the sft" in pages.get(f"/checkpoints/{base.id}").links
    assert {"the base", "the sft"} <= set(pages.get("/checkpoints").links)


def test_a_checkpoint_leads_back_to_its_run_and_the_digest_of_its_dataset(session, pages, project, tmp_path):
    import_comparisons(session, project, io.BytesIO(comparisons(1)), source="file")
    frozen = freeze_dataset(session, tmp_path, project, "ranked", DatasetKind.COMPARISONS, DatasetFilter())
    sft = register_checkpoint(session, project, CheckpointKind.SFT, "the sft", location="x")
    inputs = [Input("model", sft), Input("comparisons", frozen)]
    run = enqueue_run(session, project, Stage.REWARD, {}, inputs)
    made = register_checkpoint(session, project, CheckpointKind.REWARD, "the reward model", location="y", parent=sft)
    run.produced_checkpoint_id = made.id
    session.flush()
    shown = pages.get(f"/checkpoints/{made.id}")
    assert shown.links["ranked"] == f"/datasets/{frozen.id}"
    assert shown.links[f"Run {run.id}: reward"] == f"/runs/{run.id}"
    assert shown.one("code", title=frozen.digest)


def test_freezing_from_a_campaign_begins_with_its_answers(pages, session):
    campaign = make_open_campaign(session, CampaignKind.DEMONSTRATE)
    pages.sign_in_as(Role.RESEARCHER)
    form = pages.get("/datasets/new", project=campaign.project_id, campaign=campaign.id)
    assert form.one("input", name="campaigns[]", value=str(campaign.id), checked="")
    assert form.one("option", value="demonstrations", selected="")
