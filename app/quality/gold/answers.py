"""Known answers: made of a task and a ranking that somebody vouches for, and taken out of use again.

A known answer is a task of its own with the same prompt and outputs, so that what was answered to the first one stays
in datasets and agreement. It has no slots: nobody claims it, it is given to one labeler at a time (`gold_mixing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.ranking import dense_ranks
from app.campaigns.models import Campaign
from app.completions.models import Completion
from app.errors import DomainError, InvalidInput, NotFound, message
from app.prompts.models import Prompt
from app.quality.gold.models import GoldAnswer, GoldOutput
from app.tasks.models import Purpose, Task, TaskCompletion
from app.tasks.service import RANKED

LONGEST_EXPLANATION = 4_000


class OnlyRankingsAreKnown(DomainError):
    sentence = message("Known answers are rankings: the campaign {name} has none.")


class NothingIsKnown(InvalidInput):
    sentence = message("A known answer says which outputs are better: not all of them can be tied.")


class OutputsUnknown(InvalidInput):
    sentence = message("A known answer ranks every output of the task.")


class KnownAlready(DomainError):
    sentence = message("This task is a known answer already.")


@dataclass(frozen=True)
class Known:
    """By completion id: ranks, 1 the best, ties equal; and the ratings that labelers are held against, if any."""

    ranks: Mapping[int, int]
    ratings: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    explanation: str = ""


def make_known(
    session: Session, task: Task, known: Known, author: User | None, purpose: Purpose = Purpose.GOLD
) -> Task:
    """A task of its own in the same campaign. Raises `OnlyRankingsAreKnown`, `OutputsUnknown`, `NothingIsKnown`,
    `KnownAlready`."""
    campaign = session.get_one(Campaign, task.campaign_id)
    if task.purpose is not Purpose.REAL:
        raise KnownAlready
    outputs = session.scalars(
        select(TaskCompletion).where(TaskCompletion.task_id == task.id).order_by(TaskCompletion.position)
    ).all()
    _check(campaign, [output.completion_id for output in outputs], known)
    copied = check_task(session, task, purpose)
    _keep(session, copied, known, author, from_task=task)
    return copied


def known_of(session: Session, annotation: Annotation, explanation: str = "") -> Known:
    """A labeler's, a reviewer's or an adjudicated ranking as the known answer, with its flags and scales."""
    outputs = session.scalars(select(AnnotatedOutput).where(AnnotatedOutput.annotation_id == annotation.id)).all()
    ranks = {output.completion_id: output.rank for output in outputs if output.rank is not None}
    return Known(ranks, {output.completion_id: comparable(output.ratings) for output in outputs}, explanation)


def comparable(ratings: Mapping[str, Any]) -> dict[str, Any]:
    """What can be alike: flags, scales and choices that stand for something, not notes."""
    return {name: value for name, value in ratings.items() if isinstance(value, (bool, int))}


def add_known(
    session: Session,
    campaign: Campaign,
    prompt: Prompt,
    outputs: Sequence[Completion],
    known: Known,
    author: User | None,
    purpose: Purpose = Purpose.GOLD,
) -> Task:
    """Of outputs that no task of the campaign shows. Raises as `make_known`."""
    _check(campaign, [output.id for output in outputs], known)
    added = _without_slots(session, campaign, prompt.id, purpose)
    rows = [
        {"task_id": added.id, "completion_id": output.id, "prompt_id": prompt.id, "position": place}
        for place, output in enumerate(outputs)
    ]
    session.execute(insert(TaskCompletion), rows)
    _keep(session, added, known, author)
    return added


def check_task(session: Session, task: Task, purpose: Purpose) -> Task:
    """The same prompt and outputs without slots."""
    copied = _without_slots(session, session.get_one(Campaign, task.campaign_id), task.prompt_id, purpose)
    outputs = select(
        literal(copied.id), TaskCompletion.completion_id, TaskCompletion.prompt_id, TaskCompletion.position
    ).where(TaskCompletion.task_id == task.id)
    session.execute(insert(TaskCompletion).from_select(["task_id", "completion_id", "prompt_id", "position"], outputs))
    return copied


def _without_slots(session: Session, campaign: Campaign, prompt_id: int | None, purpose: Purpose) -> Task:
    task = Task(
        campaign_id=campaign.id, kind=campaign.kind, prompt_id=prompt_id, purpose=purpose, overlap=0, remaining=0
    )
    session.add(task)
    if purpose is Purpose.TRAINING:
        campaign.trains = True
    session.flush()
    return task


def withdraw(session: Session, task: Task) -> None:
    """Give it to nobody else; the scores that it gave stay. `tasks.service.put_back` takes it into use again."""
    task.set_aside = True
    session.flush()


def gold_answer(session: Session, number: int) -> GoldAnswer:
    """By its task's number. Raises `NotFound`."""
    found = session.get(GoldAnswer, number)
    if found is None:
        raise NotFound(what="task", number=number)
    return found


def _check(campaign: Campaign, outputs: Sequence[int], known: Known) -> None:
    if campaign.kind not in RANKED:
        raise OnlyRankingsAreKnown(name=campaign.name)
    if set(outputs) != set(known.ranks):
        raise OutputsUnknown
    if len(set(known.ranks.values())) == 1:
        raise NothingIsKnown


def _keep(session: Session, task: Task, known: Known, author: User | None, from_task: Task | None = None) -> None:
    answer = GoldAnswer(
        task_id=task.id,
        explanation=known.explanation.strip()[:LONGEST_EXPLANATION],
        from_task_id=from_task.id if from_task else None,
        author_id=author.id if author else None,
    )
    session.add(answer)
    session.flush()
    numbers, ranks = list(known.ranks), dense_ranks(list(known.ranks.values()))
    rows = [
        {
            "task_id": task.id,
            "completion_id": number,
            "rank": rank,
            "ratings": comparable(known.ratings.get(number, {})),
        }
        for number, rank in zip(numbers, ranks, strict=True)
    ]
    session.execute(insert(GoldOutput), rows)
