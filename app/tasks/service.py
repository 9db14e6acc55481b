"""Filling a campaign with tasks, and deciding about those that were set aside."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.service import CampaignClosed
from app.completions.models import Completion
from app.errors import DomainError, message
from app.prompts.models import Prompt
from app.tasks.briefs import Brief
from app.tasks.models import Task, TaskCompletion

RANKED = (CampaignKind.COMPARE, CampaignKind.EVALUATE)
WRITTEN = (CampaignKind.WRITE_PROMPTS, CampaignKind.RED_TEAM)
FEWEST, MOST = 2, 9  # two and three make a vote, four to nine a ranking (InstructGPT, section 3.5)


class WrongKind(DomainError):
    sentence = message("The campaign {name} is of the kind {kind}, which takes other tasks.")


class OutputsOutOfRange(DomainError):
    sentence = message("A comparison needs from 2 to 9 outputs; prompt {prompt} has {count}.")


class EqualOutputs(DomainError):
    sentence = message("Prompt {prompt} has two outputs with the same text: nobody can rank a text against itself.")


class OutputWithoutText(DomainError):
    sentence = message("An output of prompt {prompt} has no text to show.")


def add_demonstrate_tasks(session: Session, campaign: Campaign, prompts: Iterable[Prompt]) -> list[Task]:
    _expect(campaign, CampaignKind.DEMONSTRATE)
    return _add_tasks(session, campaign, [(prompt, ()) for prompt in prompts])


def add_rate_tasks(session: Session, campaign: Campaign, pairs: Iterable[tuple[Prompt, Completion]]) -> list[Task]:
    _expect(campaign, CampaignKind.RATE)
    return _add_tasks(session, campaign, [(prompt, (completion,)) for prompt, completion in pairs])


def add_compare_tasks(
    session: Session, campaign: Campaign, groups: Iterable[tuple[Prompt, Sequence[Completion]]]
) -> list[Task]:
    """One task a group, of 2 to 9 different texts for its prompt, also for campaigns of the kind `evaluate`."""
    _expect(campaign, *RANKED)
    groups = list(groups)
    for prompt, completions in groups:
        _check_group(prompt, completions)
    return _add_tasks(session, campaign, groups)


def add_writing_tasks(session: Session, campaign: Campaign, briefs: Iterable[Brief]) -> list[Task]:
    """One task a brief, for campaigns in which prompts are written."""
    _expect(campaign, *WRITTEN)
    rows = [_row(campaign) | {"brief": brief.model_dump(mode="json", exclude_defaults=True)} for brief in briefs]
    return _insert(session, rows)


def withdraw_prompt(session: Session, prompt: Prompt) -> int:
    """Set aside the tasks that still hand it out, until a researcher decides about each; returns how many.

    What is on a labeler's desk already may still be submitted.
    """
    still_out = (Task.prompt_id == prompt.id, Task.remaining > 0, ~Task.set_aside)
    return len(session.scalars(update(Task).where(*still_out).values(set_aside=True).returning(Task.id)).all())


def put_back(session: Session, task: Task) -> None:
    """Hand a set-aside task out again, its skips forgotten."""
    task.set_aside, task.skips = False, 0
    session.flush()


def drop(session: Session, task: Task) -> None:
    """Ask for no more answers to a set-aside task than it has; those stay."""
    session.refresh(task, with_for_update=True)
    task.overlap, task.remaining = task.overlap - task.remaining, 0
    session.flush()


def _expect(campaign: Campaign, *kinds: CampaignKind) -> None:
    if campaign.kind not in kinds:
        raise WrongKind(name=campaign.name, kind=campaign.kind)
    if campaign.state is CampaignState.CLOSED and not campaign.imported:
        raise CampaignClosed(name=campaign.name)


def _check_group(prompt: Prompt, completions: Sequence[Completion]) -> None:
    if not FEWEST <= len(completions) <= MOST:
        raise OutputsOutOfRange(prompt=prompt.id, count=len(completions))
    if len({completion.digest for completion in completions}) < len(completions):
        raise EqualOutputs(prompt=prompt.id)


def _add_tasks(
    session: Session, campaign: Campaign, groups: Sequence[tuple[Prompt, Sequence[Completion]]]
) -> list[Task]:
    """Two statements, however many tasks."""
    for prompt, completions in groups:
        if not campaign.imported and any(completion.text is None for completion in completions):
            raise OutputWithoutText(prompt=prompt.id)
    tasks = _insert(session, [_row(campaign) | {"prompt_id": prompt.id} for prompt, _ in groups])
    outputs = [
        {"task_id": task.id, "completion_id": completion.id, "prompt_id": prompt.id, "position": position}
        for task, (prompt, completions) in zip(tasks, groups, strict=True)
        for position, completion in enumerate(completions)
    ]
    if outputs:
        session.execute(insert(TaskCompletion), outputs)
    return tasks


def _row(campaign: Campaign) -> dict[str, Any]:
    slots = 0 if campaign.imported else campaign.overlap  # an imported task was answered before it came
    return {"campaign_id": campaign.id, "kind": campaign.kind, "overlap": campaign.overlap, "remaining": slots}


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> list[Task]:
    if not rows:
        return []
    return list(session.scalars(insert(Task).returning(Task, sort_by_parameter_order=True), rows))
