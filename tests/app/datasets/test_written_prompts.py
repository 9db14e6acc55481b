"""Which written prompts a dataset of prompts takes."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.accounts.models import Origin
from app.annotations.service import Sent, submit_prompt
from app.campaigns.models import CampaignKind
from app.datasets.filtering import DatasetFilter, People
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.projects.models import Project
from app.prompts.models import PromptKind
from app.prompts.writing import single_message
from app.tasks.models import Assignment
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_prompt
from trainer.records import PromptRecord, read_lines


def _write(session: Session, assignment: Assignment, text: str) -> None:
    submit_prompt(session, assignment, single_message(PromptKind.PLAIN, text), Sent(text))


def _frozen(session: Session, files: Path, project: Project, people: People = "people", *campaigns: int) -> set[str]:
    chosen = DatasetFilter(people=people, campaigns=campaigns or None)
    name = f"{people} {campaigns}"
    frozen = freeze_dataset(session, files, project, name, DatasetKind.PROMPTS, chosen)
    records = read_lines(PromptRecord, files / frozen.location / "prompts.jsonl")
    return {record.prompt[-1].content for record in records}


def test_only_the_last_version_of_a_written_prompt_is_frozen(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, CampaignKind.WRITE_PROMPTS, project=project)
    assignment = make_assignment(session, labeler, campaign)
    _write(session, assignment, "First.")
    _write(session, assignment, "Second.")
    make_prompt(session, project, "Imported.")
    assert _frozen(session, tmp_path, project) == {"Second.", "Imported."}
    assert _frozen(session, tmp_path, project, "people", campaign.id) == {"Second."}


def test_what_simulated_labelers_wrote_stays_away_from_people_s(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    labelers = {"by a person": make_labeler(session), "simulated": make_labeler(session, origin=Origin.SIMULATED)}
    campaign = make_open_campaign(session, CampaignKind.WRITE_PROMPTS, project=project, tasks=2)
    for text, labeler in labelers.items():
        _write(session, make_assignment(session, labeler, campaign), text)
    make_prompt(session, project, "Imported.")
    assert _frozen(session, tmp_path, project) == {"by a person", "Imported."}
    assert _frozen(session, tmp_path, project, "simulated") == {"simulated", "Imported."}
    assert _frozen(session, tmp_path, project, "both") == {"by a person", "simulated", "Imported."}
