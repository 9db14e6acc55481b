"""What policies answered: read from the files of sampling runs, or from the table of completions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.db import among
from app.prompts.words import words_in
from app.rounds.approval.measures import repetition
from app.rounds.looks import look_of
from app.rounds.turn import Turn
from app.runs.models import Run
from app.runs.results import samples_of


@dataclass(frozen=True)
class Answer:
    """An output of a policy. `reward` and `likelihood` (nats a token) where they are known, `ended` likewise."""

    prompt: int
    completion: int
    text: str
    ended: bool | None
    reward: float | None
    likelihood: float | None

    @cached_property
    def words(self) -> int:
        return len(words_in(self.text))

    @cached_property
    def repetition(self) -> float:
        return repetition(self.text)

    @cached_property
    def look(self) -> bytes:
        return look_of(self.text)


def answers_in(turn: Turn, runs: Iterable[Run], policy: Checkpoint) -> list[Answer]:
    """Every line that the runs wrote by this policy, equal texts too."""
    return [
        Answer(each.prompt_id, each.completion_id, each.text, each.ended, each.reward, each.likelihood)
        for run in runs
        for each in samples_of(turn.session, run, turn.files)
        if each.checkpoint_id == policy.id
    ]


def earlier_answers(session: Session, policy: Checkpoint, prompts: Sequence[int]) -> list[Answer]:
    """What it answered to these prompts at any time, each text once."""
    return _stored(session, prompts, CompletionAuthor.checkpoint_id == policy.id)


def answers_of_people(session: Session, prompts: Sequence[int]) -> list[Answer]:
    """Demonstrations for these prompts."""
    return _stored(session, prompts, CompletionAuthor.user_id.is_not(None))


def _stored(session: Session, prompts: Sequence[int], by_whom: ColumnElement[bool]) -> list[Answer]:
    tokens = func.cardinality(CompletionAuthor.token_ids)
    query = (
        select(
            Completion.prompt_id,
            Completion.id,
            Completion.text,
            CompletionAuthor.finish_reason,
            CompletionAuthor.logprob,
            tokens,
        )
        .join(CompletionAuthor, CompletionAuthor.completion_id == Completion.id)
        .where(among(Completion.prompt_id, prompts), Completion.text.is_not(None), by_whom)
        .order_by(Completion.id, CompletionAuthor.id)
    )
    return [
        Answer(prompt, number, text or "", None if end is None else end == "stop", None, _per_token(logprob, length))
        for prompt, number, text, end, logprob, length in session.execute(query)
    ]


def _per_token(logprob: float | None, tokens: int | None) -> float | None:
    return logprob / tokens if logprob is not None and tokens else None
