"""Attacks on a rule go round: what labelers wrote is answered by a model, and the answers are judged by that rule.

A run that answers a campaign's attacks is known by its prompts: a dataset that takes attacks of this one campaign.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import rule_of
from app.campaigns.service import create_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import checkpoints_of
from app.completions.models import Completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import NothingToFreeze, freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.db import among
from app.errors import DomainError, message
from app.files.place import Files
from app.projects.models import Project
from app.projects.rules import form_of_rule
from app.prompts.models import Prompt
from app.rounds.naming import free_name
from app.runs.models import Run, RunInput, RunState, Stage
from app.runs.queries import input_checkpoint
from app.runs.results import sampled_completions
from app.runs.service import Input, enqueue_run
from app.tasks.models import Task
from app.tasks.service import add_rate_tasks


class NoAttacks(DomainError):
    sentence = message("There is no attack to answer yet.")


class NotAnswered(DomainError):
    sentence = message("Run {run} has not finished; its answers can be judged when they are there.")


class NothingAnswered(DomainError):
    sentence = message("Run {run} answered nothing that can be judged.")


class CannotAnswer(DomainError):
    sentence = message(
        "Choose a model of this project that has its files here: a base model, an SFT model or a policy."
    )


@dataclass(frozen=True)
class Answering:
    """A run over a campaign's attacks, by which model, and the campaign that judges its answers if there is one."""

    run: Run
    model: Checkpoint | None
    judged_in: Campaign | None

    @property
    def is_answered(self) -> bool:
        return self.run.state is RunState.FINISHED


def models_that_answer(session: Session, project: Project) -> list[Checkpoint]:
    """Newest first."""
    able = (CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.POLICY)
    return [each for each in checkpoints_of(session, project) if each.kind in able and each.has_files]


def attacks_in(session: Session, campaign: Campaign) -> int:
    """How many there are to answer: current ones, without surplus."""
    query = (
        select(func.count(Prompt.id.distinct()))
        .join(Annotation, Annotation.prompt_id == Prompt.id)
        .join(Task, Task.id == Annotation.task_id)
        .where(Task.campaign_id == campaign.id, Annotation.current, Prompt.in_use)
    )
    return session.scalars(query).one()


def answer_attacks(
    session: Session, files: Files, campaign: Campaign, model: Checkpoint, *, answers: int = 1, by: User | None = None
) -> Run:
    """Freezes the attacks as they are now and queues a sampling run over them, `answers` a prompt.

    Raises `NoAttacks`, `CannotAnswer`.
    """
    project = session.get_one(Project, campaign.project_id)
    if model not in models_that_answer(session, project):
        raise CannotAnswer
    name = free_name(session, project, Dataset, f"{campaign.name}: attacks")
    chosen = DatasetFilter(people="both", campaigns=(campaign.id,), attacks=True)
    try:
        prompts = freeze_dataset(session, files, project, name, DatasetKind.PROMPTS, chosen, by=by)
    except NothingToFreeze as nothing:
        raise NoAttacks from nothing
    settings = {"k_min": answers, "k_max": answers}
    return enqueue_run(session, project, Stage.SAMPLE, settings, [Input("model", model), Input("prompts", prompts)], by)


def answerings(session: Session, campaign: Campaign) -> list[Answering]:
    """Newest first."""
    frozen = Dataset.filter.contains({"attacks": True, "campaigns": [campaign.id]})
    query = (
        select(Run)
        .join(RunInput, RunInput.run_id == Run.id)
        .join(Dataset, Dataset.id == RunInput.dataset_id)
        .where(Run.stage == Stage.SAMPLE, Dataset.project_id == campaign.project_id, frozen)
        .where(func.jsonb_array_length(Dataset.filter["campaigns"]) == 1)
    )
    runs = session.scalars(query.order_by(Run.id.desc())).all()
    return [Answering(run, input_checkpoint(session, run, "model"), _judged_in(session, campaign, run)) for run in runs]


def judge_answers(session: Session, files: Files, campaign: Campaign, run: Run, *, by: User | None = None) -> Campaign:
    """A draft of a `rate` campaign on the rule's own form over what the run answered; the same one when asked again.

    Who works in it is as in the campaign of attacks. Raises `NotAnswered`, `NothingAnswered`.
    """
    if run.state is not RunState.FINISHED:
        raise NotAnswered(run=run.id)
    if judged := _judged_in(session, campaign, run):
        return judged
    rule = rule_of(session, campaign)
    assert rule is not None, "a campaign of attacks names its rule"
    pairs = _loaded(session, sampled_completions(session, run, files))
    if not pairs:
        raise NothingAnswered(run=run.id)
    judging = create_campaign(
        session,
        session.get_one(Project, campaign.project_id),
        _name(campaign, run),
        CampaignKind.RATE,
        overlap=campaign.overlap,
        cohort=campaign.cohort,
        priority=campaign.priority,
        lease_minutes=campaign.lease_minutes,
        rule=rule,
        form=form_of_rule(session, rule),
        content_warning=campaign.content_warning,
        created_by=by,
    )
    add_rate_tasks(session, judging, pairs)
    return judging


def _name(campaign: Campaign, run: Run) -> str:
    return f"{campaign.name}: answers of run {run.id}"


def _judged_in(session: Session, campaign: Campaign, run: Run) -> Campaign | None:
    return session.scalar(
        select(Campaign).where(Campaign.project_id == campaign.project_id, Campaign.name == _name(campaign, run))
    )


def _loaded(session: Session, sampled: Sequence[tuple[int, int]]) -> list[tuple[Prompt, Completion]]:
    """Each text once, in the order of the samples; empty answers are left out, for there is nothing to judge."""
    pairs = list(dict.fromkeys(sampled))
    query = select(Completion).where(among(Completion.id, [number for _, number in pairs]))
    completions = {each.id: each for each in session.scalars(query) if each.text and each.text.strip()}
    wanted = select(Prompt).where(among(Prompt.id, [number for number, _ in pairs]))
    prompts = {each.id: each for each in session.scalars(wanted)}
    return [(prompts[asked], completions[number]) for asked, number in pairs if number in completions]
