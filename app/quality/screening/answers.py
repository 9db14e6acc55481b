"""Known answers of screening tasks: what a researcher says of them, on a page or in a file.

A file has a line for each task, in the words of `comparisons.jsonl`: `task_id`, `prompt`, `completions`, `ranks` (1
best, ties equal), `ratings` (of each output its flags) and `prompt_ratings`. It is downloaded, filled in and sent
back; the texts need not come back with it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.ranking import dense_ranks
from app.completions.models import Completion
from app.errors import InvalidInput
from app.prompts.importing import Problems, as_text, json_lines
from app.prompts.models import Prompt
from app.quality.screening.making import ScreeningBegun
from app.quality.screening.models import KnownAnswer, Part, Screening
from app.quality.screening.queries import outputs_of_tasks, parts_of, somebody_began
from app.tasks.models import Task
from app.translation import gettext as _

ASKED = (Part.FLAGS, Part.RANKINGS)


@dataclass(frozen=True)
class Answer:
    """Of the outputs in the task's fixed order: ranks in a ranking, and the names of the flags that are ticked."""

    ranks: tuple[int, ...] = ()
    ticks: tuple[frozenset[str], ...] = ()
    prompt_ticks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ToAnswer:
    """A task of a part, its outputs in their fixed order, and its known answer, where there is one."""

    part: Part
    task: Task
    prompt: Prompt
    outputs: Sequence[Completion]
    known: KnownAnswer | None

    def ranks(self) -> list[int | None]:
        """Of the outputs; none where they are not known."""
        known = (self.known.ranks if self.known else None) or {}
        return [known.get(str(output.id)) for output in self.outputs]

    def ratings(self) -> list[dict[str, Any]]:
        known = self.known.ratings if self.known else {}
        return [known.get(str(output.id), {}) for output in self.outputs]

    def prompt_ratings(self) -> dict[str, Any]:
        return self.known.prompt_ratings if self.known else {}


def tasks_to_answer(session: Session, screening: Screening) -> list[ToAnswer]:
    """Of flags first, then of rankings, by number."""
    parts = {campaign.id: part for part, campaign in parts_of(session, screening).items() if part in ASKED}
    query = (
        select(Task, Prompt, KnownAnswer)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .outerjoin(KnownAnswer, KnownAnswer.task_id == Task.id)
        .where(Task.campaign_id.in_(parts), ~Task.set_aside)
        .order_by(Task.id)
    )
    rows = session.execute(query).all()
    outputs = outputs_of_tasks(session, [row[0] for row in rows])
    found = [ToAnswer(parts[task.campaign_id], task, prompt, outputs[task.id], known) for task, prompt, known in rows]
    return sorted(found, key=lambda each: ASKED.index(each.part))


def give_answer(session: Session, screening: Screening, each: ToAnswer, answer: Answer, by: User | None) -> None:
    """Raises `ScreeningBegun`, and `InvalidInput` where it does not fit the task."""
    if somebody_began(session, screening):
        raise ScreeningBegun
    _keep(session, each, answer, by)
    session.flush()


def _keep(session: Session, each: ToAnswer, answer: Answer, by: User | None) -> None:
    outputs = each.outputs
    _check(each.part, answer, len(outputs))
    known = each.known or KnownAnswer(task_id=each.task.id)
    known.given_by_id = by.id if by else None
    known.ranks = _ranks(answer, outputs) if each.part is Part.RANKINGS else None
    if each.part is Part.FLAGS:
        ticks = answer.ticks or (frozenset(),) * len(outputs)
        known.ratings = {str(one.id): _ticked(names) for one, names in zip(outputs, ticks, strict=True)}
        known.prompt_ratings = _ticked(answer.prompt_ticks)
    session.add(known)


def _check(part: Part, answer: Answer, count: int) -> None:
    if part is Part.RANKINGS and (len(answer.ranks) != count or not all(1 <= rank <= count for rank in answer.ranks)):
        raise InvalidInput(reason=_("A rank from 1 to {count} is needed for each output.").format(count=count))
    if part is Part.FLAGS and len(answer.ticks) not in (0, count):
        raise InvalidInput(reason=_("There have to be as many ratings as outputs, {count}.").format(count=count))


def _ranks(answer: Answer, outputs: Sequence[Completion]) -> dict[str, int]:
    return {str(one.id): rank for one, rank in zip(outputs, dense_ranks(answer.ranks), strict=True)}


def _ticked(names: frozenset[str]) -> dict[str, bool]:
    return dict.fromkeys(sorted(names), True)


def answer_lines(session: Session, screening: Screening) -> Iterator[str]:
    """One JSON line for each task, with what is known so far."""
    for each in tasks_to_answer(session, screening):
        line: dict[str, Any] = {"task_id": str(each.task.id), "prompt": each.prompt.messages}
        line["completions"] = [output.text for output in each.outputs]
        if each.part is Part.RANKINGS:
            line["ranks"] = each.ranks() if each.known else None
        else:
            line |= {"ratings": each.ratings(), "prompt_ratings": each.prompt_ratings()}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def import_answers(session: Session, screening: Screening, file: BinaryIO, by: User) -> int:
    """Known answers by `task_id`; returns how many. Raises `ImportRefused` with every bad line, `ScreeningBegun`."""
    if somebody_began(session, screening):
        raise ScreeningBegun
    tasks = {each.task.id: each for each in tasks_to_answer(session, screening)}
    problems, added = Problems(), 0
    with as_text(file) as text:
        for number, line in json_lines(text):
            try:
                each, answer = _read(line, tasks)
                _keep(session, each, answer, by)
                added += 1
            except InvalidInput as error:
                problems.add(number, error.localized())
    problems.refuse()
    session.flush()
    if not added:
        raise InvalidInput(reason=_("The file holds no rows."))
    return added


def _read(line: str, tasks: Mapping[int, ToAnswer]) -> tuple[ToAnswer, Answer]:
    try:
        row = json.loads(line)
        number = int(row["task_id"])
        ranks = tuple(int(rank) for rank in row.get("ranks") or ())
        ticks = tuple(_names(each) for each in row.get("ratings") or ())
        answer = Answer(ranks, ticks, _names(row.get("prompt_ratings") or {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(reason=_("This is no JSON object with task_id and ranks or ratings.")) from error
    if number not in tasks:
        raise InvalidInput(reason=_("Task {number} is no part of this screening.").format(number=number))
    return tasks[number], answer


def _names(ratings: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, value in ratings.items() if value is True)
