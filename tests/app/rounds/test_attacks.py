"""Attacks go round: written, answered by a run, judged on the rule's own form."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput
from app.annotations.service import Sent, submit_prompt, submit_rating
from app.annotations.submissions import read_rating
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.queries import frozen_form
from app.campaigns.service import open_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import external_checkpoint, register_checkpoint
from app.completions.models import Completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.projects.models import Project, Rule
from app.projects.queries import rating_form
from app.prompts.models import Prompt, PromptKind
from app.prompts.writing import single_message
from app.quality.membership import admit_cohort
from app.rounds.attacks import (
    CannotAnswer,
    NoAttacks,
    NotAnswered,
    NothingAnswered,
    answer_attacks,
    answerings,
    attacks_in,
    judge_answers,
)
from app.runs.models import Run, RunState
from app.runs.queries import datasets_read_by
from app.runs.results import register_results
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_prompt
from trainer.records import Comparison, PromptRecord, Sample, read_lines, write_lines


def _attacked(session: Session, *attacks: str) -> tuple[Campaign, Checkpoint]:
    """A campaign in which these attacks were written, and a model that can answer them."""
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, CampaignKind.RED_TEAM, tasks=len(attacks) or 1)
    for number, text in enumerate(attacks):
        written = single_message(PromptKind.ATTACK, text)
        submit_prompt(session, make_assignment(session, labeler, campaign), written, Sent(f"key {number}"))
    project = session.get_one(Project, campaign.project_id)
    make_prompt(session, project, "No attack at all.")
    return campaign, register_checkpoint(session, project, CheckpointKind.POLICY, "policy", location="somewhere")


def _finish(session: Session, files: Path, run: Run, *answers: str) -> None:
    """As the worker does when the trainer has written this many samples for each prompt."""
    (prompts,) = datasets_read_by(session, run)
    asked = list(read_lines(PromptRecord, files / prompts.location / "prompts.jsonl"))
    (files / run.location).mkdir(parents=True)
    samples = (
        Sample(record.prompt_id, said, (1, 2), "stop", -1.0, "policy", 7, 1.0) for record in asked for said in answers
    )
    write_lines(files / run.location / "samples.jsonl", samples)
    register_results(session, run, files)
    run.state = RunState.FINISHED
    session.flush()


def test_attacks_are_answered_and_the_answers_judged_by_the_rule(session: Session, tmp_path: Path) -> None:
    campaign, policy = _attacked(session, "Threaten me.", "Scare me.")
    run = answer_attacks(session, tmp_path, campaign, policy, answers=2)
    assert run.settings == {"k_min": 2, "k_max": 2}
    assert [each.is_answered for each in answerings(session, campaign)] == [False]
    _finish(session, tmp_path, run, "I will find you.", "Let us talk.")

    judging = judge_answers(session, tmp_path, campaign, run)
    assert judge_answers(session, tmp_path, campaign, run) is judging
    (answering,) = answerings(session, campaign)
    assert (answering.run, answering.model, answering.judged_in) == (run, policy, judging)
    assert (judging.kind, judging.state, judging.rule_id) == (CampaignKind.RATE, CampaignState.DRAFT, campaign.rule_id)

    open_campaign(session, judging)
    labeler = make_labeler(session)
    admit_cohort(session, judging)
    form = frozen_form(session, judging)
    assert form.rule_id == campaign.rule_id
    for number in range(4):
        assignment = make_assignment(session, labeler, judging)
        said = session.get_one(Completion, assignment.shown_order[0]).text
        typed = {"rule": "violated" if said == "I will find you." else "not violated", "how": "A threat."}
        judgement = read_rating({"output": {"a": typed}}, rating_form(form), 1)
        submit_rating(session, assignment, judgement, Sent(f"key {number}"))
    verdicts = [output.ratings["rule"] for output in session.scalars(select(AnnotatedOutput))]
    assert sorted(verdicts) == ["not violated"] * 2 + ["violated"] * 2

    asked = DatasetFilter(campaigns=(judging.id,), attacks=True)
    frozen = freeze_dataset(
        session, tmp_path, session.get_one(Project, campaign.project_id), "judged", DatasetKind.COMPARISONS, asked
    )
    rows = list(read_lines(Comparison, tmp_path / frozen.location / "comparisons.jsonl"))
    assert {(row.completions[0], row.ratings[0]["rule"], row.ranks) for row in rows} == {
        ("I will find you.", "violated", None),
        ("Let us talk.", "not violated", None),
    }


def test_a_run_answers_the_attacks_of_its_campaign_alone(session: Session, tmp_path: Path) -> None:
    campaign, policy = _attacked(session, "Threaten me.")
    run = answer_attacks(session, tmp_path, campaign, policy)
    (prompts,) = datasets_read_by(session, run)
    records = list(read_lines(PromptRecord, tmp_path / prompts.location / "prompts.jsonl"))
    assert [record.prompt[-1].content for record in records] == ["Threaten me."]
    other = make_open_campaign(session, CampaignKind.RED_TEAM, project=session.get_one(Project, campaign.project_id))
    assert answerings(session, other) == []


def test_there_is_nothing_to_answer_before_somebody_attacks(session: Session, tmp_path: Path) -> None:
    campaign, policy = _attacked(session)
    assert attacks_in(session, campaign) == 0
    with pytest.raises(NoAttacks):
        answer_attacks(session, tmp_path, campaign, policy)


def test_only_a_model_with_files_of_the_same_project_answers(session: Session, tmp_path: Path) -> None:
    campaign, _ = _attacked(session, "Threaten me.")
    named = external_checkpoint(session, session.get_one(Project, campaign.project_id), "known by name")
    _, elsewhere = _attacked(session, "Another.")
    for model in (named, elsewhere):
        with pytest.raises(CannotAnswer):
            answer_attacks(session, tmp_path, campaign, model)


def test_answers_are_judged_when_they_are_there_and_say_something(session: Session, tmp_path: Path) -> None:
    campaign, policy = _attacked(session, "Threaten me.")
    run = answer_attacks(session, tmp_path, campaign, policy)
    with pytest.raises(NotAnswered):
        judge_answers(session, tmp_path, campaign, run)
    _finish(session, tmp_path, run, " ")
    with pytest.raises(NothingAnswered):
        judge_answers(session, tmp_path, campaign, run)


def test_answers_are_judged_though_the_rule_was_archived_since(session: Session, tmp_path: Path) -> None:
    campaign, policy = _attacked(session, "Threaten me.")
    run = answer_attacks(session, tmp_path, campaign, policy)
    _finish(session, tmp_path, run, "No.")
    session.execute(update(Rule).values(archived=True))
    assert judge_answers(session, tmp_path, campaign, run).rule_id == campaign.rule_id


def test_attacks_reach_no_dataset_that_does_not_ask_for_them(session: Session, tmp_path: Path) -> None:
    campaign, _ = _attacked(session, "Threaten me.", "Scare me.")
    project = session.get_one(Project, campaign.project_id)
    frozen = freeze_dataset(session, tmp_path, project, "plain", DatasetKind.PROMPTS, DatasetFilter(people="both"))
    records = list(read_lines(PromptRecord, tmp_path / frozen.location / "prompts.jsonl"))
    assert [record.prompt[-1].content for record in records] == ["No attack at all."]
    asked = DatasetFilter(people="both", attacks=True)
    assert freeze_dataset(session, tmp_path, project, "all", DatasetKind.PROMPTS, asked).rows == 3
    assert len(session.scalars(select(Prompt).where(Prompt.kind == PromptKind.ATTACK)).all()) == 2
