"""What a plan fills a new campaign with: by its kind, tasks from prompts, from models' outputs, or to write by."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, User
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import CampaignNameTaken, HeldOutEvaluates, RuleMissing, create_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import checkpoints_of
from app.errors import DomainError, message
from app.projects.models import Project
from app.projects.rules import RuleArchived, rule_numbered
from app.projects.service import NoSuchForm, keep_ready_made_form
from app.prompts.models import PromptKind, Split
from app.prompts.use_cases import INSTRUCT_GPT, BadMix, NoMix, parse_mix, written_mix
from app.tasks.briefs import ATTACK, planned_briefs
from app.tasks.choosing import matchups, random_groups, random_prompts
from app.tasks.models import Task
from app.tasks.service import (
    FEWEST,
    MOST,
    add_compare_tasks,
    add_demonstrate_tasks,
    add_rate_tasks,
    add_writing_tasks,
)

LABELERS_WRITE = (PromptKind.PLAIN, PromptKind.FEW_SHOT, PromptKind.USER_BASED)


class NoPrompts(DomainError):
    sentence = message("The project has no prompts there. Import some, or choose another split.")


class NoOutputs(DomainError):
    sentence = message(
        "The project has no prompts, or none with that many outputs by the models ticked. "
        "Import some, tick more models, or ask for fewer outputs."
    )


class NothingToMatch(DomainError):
    sentence = message("No prompt there has different outputs by all of these models. Sample them first.")


class BaselineMissing(DomainError):
    sentence = message("Choose the model that the others are compared with.")


class PoliciesOutOfRange(DomainError):
    sentence = message("Tick from 1 to {most} models to compare with the baseline.")


class KindsMissing(DomainError):
    sentence = message("Tick at least one kind of prompt.")


class ScenariosMissing(DomainError):
    sentence = message("Write down what prompts are needed for, one a line: user-based ones are written from it.")


class ScenariosUnused(DomainError):
    sentence = message("Tick user-based prompts too, or leave the scenarios empty: nothing else uses them.")


FIELD_OF: dict[type[DomainError], str] = {
    CampaignNameTaken: "name",
    HeldOutEvaluates: "cohort",
    NoSuchForm: "form",
    NoPrompts: "split",
    NoOutputs: "checkpoints[]",
    NothingToMatch: "checkpoints[]",
    PoliciesOutOfRange: "checkpoints[]",
    BaselineMissing: "baseline",
    KindsMissing: "prompt_kinds[]",
    ScenariosMissing: "scenarios",
    ScenariosUnused: "scenarios",
    BadMix: "mix",
    NoMix: "mix",
    RuleMissing: "rule",
    RuleArchived: "rule",
}


class NewCampaign(BaseModel):
    """What the page of one kind asks; the fields of others stay as they are."""

    name: str = Field(max_length=200)
    kind: CampaignKind
    cohort: Cohort = Cohort.TRAINING
    overlap: int = Field(default=1, ge=1, le=20)
    priority: int = Field(default=0, ge=-1000, le=1000)
    lease_minutes: int = Field(default=60, ge=1, le=1440)
    content_warning: str | None = Field(default=None, max_length=500)
    form: str = ""
    split: Split | None = None
    prompts: int = Field(default=100, ge=1, le=100_000)
    outputs: int = Field(default=4, ge=FEWEST, le=MOST)
    checkpoints: list[int] = Field(default_factory=list)
    baseline: int | None = None
    tasks: int = Field(default=100, ge=1, le=100_000)
    prompt_kinds: list[PromptKind] = Field(default_factory=list)
    mix: str = Field(default=written_mix(INSTRUCT_GPT), max_length=10_000)
    scenarios: str = Field(default="", max_length=100_000)
    rule: int | None = None


@dataclass(frozen=True)
class Draft:
    """A campaign still without tasks, and what it is to be filled by."""

    session: Session
    project: Project
    campaign: Campaign
    plan: NewCampaign


def plan_campaign(session: Session, project: Project, plan: NewCampaign, user: User) -> Campaign:
    """A draft with its tasks. Raises the errors of `FIELD_OF`."""
    campaign = create_campaign(
        session,
        project,
        plan.name,
        plan.kind,
        overlap=plan.overlap,
        cohort=Cohort.HELD_OUT if plan.kind is CampaignKind.EVALUATE else plan.cohort,
        priority=plan.priority,
        lease_minutes=plan.lease_minutes,
        rule=rule_numbered(session, project, plan.rule) if plan.rule else None,
        form=keep_ready_made_form(session, project, plan.form) if plan.form else None,
        content_warning=plan.content_warning,
        created_by=user,
    )
    FILL[plan.kind](Draft(session, project, campaign, plan))
    return campaign


def authors(session: Session, project: Project) -> list[Checkpoint]:
    """The models that may have written outputs."""
    return [each for each in checkpoints_of(session, project) if each.kind is not CheckpointKind.REWARD]


def _demonstrate(draft: Draft) -> None:
    prompts = random_prompts(draft.session, draft.project, draft.plan.split, draft.plan.prompts)
    _expect(add_demonstrate_tasks(draft.session, draft.campaign, prompts), NoPrompts)


def _compare(draft: Draft) -> None:
    ticked = _ticked(draft)
    groups = random_groups(
        draft.session, draft.project, draft.plan.split, ticked, number=draft.plan.prompts, k=draft.plan.outputs
    )
    _expect(add_compare_tasks(draft.session, draft.campaign, groups), NoOutputs)


def _rate(draft: Draft) -> None:
    ticked = _ticked(draft)
    groups = random_groups(draft.session, draft.project, draft.plan.split, ticked, number=draft.plan.prompts, k=1)
    _expect(
        add_rate_tasks(draft.session, draft.campaign, [(prompt, output) for prompt, (output,) in groups]), NoOutputs
    )


def _evaluate(draft: Draft) -> None:
    """One output of each policy and of the baseline a task."""
    baseline = next((each for each in authors(draft.session, draft.project) if each.id == draft.plan.baseline), None)
    if baseline is None:
        raise BaselineMissing
    policies = [each for each in _ticked(draft) if each.id != baseline.id]
    if not 1 <= len(policies) < MOST:
        raise PoliciesOutOfRange(most=MOST - 1)
    groups = matchups(draft.session, draft.project, draft.plan.split, [baseline, *policies], draft.plan.prompts)
    _expect(add_compare_tasks(draft.session, draft.campaign, groups), NothingToMatch)


def _write_prompts(draft: Draft) -> None:
    kinds = [kind for kind in LABELERS_WRITE if kind in draft.plan.prompt_kinds]
    scenarios = [line.strip() for line in draft.plan.scenarios.splitlines() if line.strip()]
    if not kinds:
        raise KindsMissing
    if PromptKind.USER_BASED in kinds and not scenarios:
        raise ScenariosMissing
    if scenarios and PromptKind.USER_BASED not in kinds:
        raise ScenariosUnused
    add_writing_tasks(
        draft.session, draft.campaign, planned_briefs(kinds, draft.plan.tasks, parse_mix(draft.plan.mix), scenarios)
    )


def _red_team(draft: Draft) -> None:
    add_writing_tasks(draft.session, draft.campaign, [ATTACK] * draft.plan.tasks)


def _ticked(draft: Draft) -> list[Checkpoint]:
    return [each for each in authors(draft.session, draft.project) if each.id in draft.plan.checkpoints]


def _expect(tasks: list[Task], otherwise: type[DomainError]) -> None:
    if not tasks:
        raise otherwise


FILL: dict[CampaignKind, Callable[[Draft], None]] = {
    CampaignKind.DEMONSTRATE: _demonstrate,
    CampaignKind.COMPARE: _compare,
    CampaignKind.RATE: _rate,
    CampaignKind.EVALUATE: _evaluate,
    CampaignKind.WRITE_PROMPTS: _write_prompts,
    CampaignKind.RED_TEAM: _red_team,
}
