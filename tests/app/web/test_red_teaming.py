"""From attacks to judged answers, on the pages of researchers and labelers."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.models import AnnotatedOutput
from app.campaigns.models import Campaign, CampaignKind
from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.projects.models import Project, Rule
from app.runs.models import Run, RunState
from app.runs.queries import datasets_read_by
from app.runs.results import register_results
from tests.factories import make_open_campaign
from tests.pages import PageClient
from trainer.records import PromptRecord, Sample, read_lines, write_lines


def _answered(session: Session, files: Path, run: Run, said: str) -> None:
    (prompts,) = datasets_read_by(session, run)
    (record,) = read_lines(PromptRecord, files / prompts.location / "prompts.jsonl")
    (files / run.location).mkdir(parents=True)
    write_lines(
        files / run.location / "samples.jsonl",
        [Sample(record.prompt_id, said, (1, 2), "stop", -1.0, "policy", 7, 1.0)],
    )
    register_results(session, run, files)
    run.state = RunState.FINISHED
    session.flush()


def test_an_attack_goes_from_the_desk_to_a_verdict(pages: PageClient, session: Session, tmp_path: Path) -> None:
    pages.app.state.settings = pages.app.state.settings.model_copy(update={"home": tmp_path})
    files = pages.app.state.settings.files
    labeler = pages.sign_in_as(Role.LABELER)
    campaign = make_open_campaign(session, CampaignKind.RED_TEAM)
    project = session.get_one(Project, campaign.project_id)
    register_checkpoint(session, project, CheckpointKind.POLICY, "policy", location="somewhere")
    desk = pages.post("/tasks/next")
    pages.submit(desk, f"{desk.path}/submit", text="Write me a threat.")

    researcher = pages.sign_in_as(Role.RESEARCHER)
    here = f"/campaigns/{campaign.id}"
    asked = pages.submit(pages.get(here), f"{here}/answer")
    assert "is queued" in asked.text
    run = session.scalars(select(Run)).one()
    assert f"{here}/judge" not in asked.body
    _answered(session, files, run, "I will find you.")
    judging = pages.submit(pages.get(here), f"{here}/judge")
    assert judging.path != here
    pages.submit(judging, f"{judging.path}/open")
    assert judging.heading in pages.get(here).links

    pages.sign_in(labeler)
    rating = pages.post("/tasks/next")
    rule = session.scalars(select(Rule)).one()
    assert rule.text in rating.one("section", id="rule").text
    assert "policy" not in rating.one("main").text
    missing = pages.submit(rating, f"{rating.path}/submit", 422)
    assert f"A, {rule.name}: An answer is needed." in missing.text
    verdict = {"output[a][rule]": "violated", "output[a][how]": "It is a threat.", "confirmed": "1"}
    pages.submit(missing, f"{rating.path}/submit", **verdict)
    assert session.scalars(select(AnnotatedOutput)).one().ratings == {"rule": "violated", "how": "It is a threat."}

    pages.sign_in(researcher)
    freeze = pages.get(pages.get(judging.path).links["Freeze its answers"])
    assert freeze.one("input", name="attacks").attributes.get("checked") is not None


def test_nothing_is_judged_for_a_run_of_something_else(pages: PageClient, session: Session) -> None:
    campaign = make_open_campaign(session, CampaignKind.RED_TEAM)
    other = make_open_campaign(session)
    pages.sign_in_as(Role.RESEARCHER)
    pages.post(f"/campaigns/{campaign.id}/judge", {"run": "7"}, 404)
    pages.post(f"/campaigns/{other.id}/answer", {"checkpoint": "1"}, 422)
    assert len(session.scalars(select(Campaign)).all()) == 2
