"""Reads about completions. Who wrote a text is for researchers only: nothing here may reach the desk."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor, CompletionScore
from app.db import in_batches
from app.prompts.models import Prompt

BATCH = 1000


@dataclass(frozen=True)
class AuthoredText:
    """`scores`: by the reward model's name."""

    completion: Completion
    authors: list[str]
    scores: dict[str, float]


def texts_for(session: Session, prompt: Prompt, at_most: int = 100) -> list[AuthoredText]:
    """The first texts for a prompt, oldest first."""
    query = select(Completion).where(Completion.prompt_id == prompt.id).order_by(Completion.id).limit(at_most)
    texts = {each.id: AuthoredText(each, [], {}) for each in session.scalars(query)}
    for completion_id, author in session.execute(_authors(list(texts))):
        texts[completion_id].authors.append(author)
    for completion_id, name, score in session.execute(_scores(list(texts))):
        texts[completion_id].scores[name] = score
    return list(texts.values())


def authors_of(session: Session, completions: Iterable[Completion]) -> dict[int, list[str]]:
    """Names of models and people by completion id, in the order in which they wrote the text."""
    names: dict[int, list[str]] = {completion.id: [] for completion in completions}
    for completion_id, author in session.execute(_authors(list(names))):
        names[completion_id].append(author)
    return names


def _authors(ids: list[int]) -> Select[int, str]:
    return (
        select(CompletionAuthor.completion_id, func.coalesce(Checkpoint.name, User.name))
        .outerjoin(Checkpoint, Checkpoint.id == CompletionAuthor.checkpoint_id)
        .outerjoin(User, User.id == CompletionAuthor.user_id)
        .where(CompletionAuthor.completion_id.in_(ids))
        .order_by(CompletionAuthor.id)
    )


def _scores(ids: list[int]) -> Select[int, str, float]:
    return (
        select(CompletionScore.completion_id, Checkpoint.name, CompletionScore.score)
        .join(Checkpoint, Checkpoint.id == CompletionScore.checkpoint_id)
        .where(CompletionScore.completion_id.in_(ids))
    )


def completion_ids(session: Session, keys: Iterable[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
    """By prompt id and digest; those that are not there are left out."""
    key = tuple_(Completion.prompt_id, Completion.digest)
    ids: dict[tuple[int, bytes], int] = {}
    for batch in in_batches(keys, BATCH):
        query = select(Completion.prompt_id, Completion.digest, Completion.id).where(key.in_(batch))
        ids |= {(prompt_id, digest): number for prompt_id, digest, number in session.execute(query)}
    return ids


@dataclass(frozen=True)
class Work:
    """What a checkpoint has done: texts it wrote, texts it scored."""

    completions: int
    scores: int


def work_of(session: Session, checkpoint: Checkpoint) -> Work:
    wrote = select(func.count()).where(CompletionAuthor.checkpoint_id == checkpoint.id)
    scored = select(func.count()).where(CompletionScore.checkpoint_id == checkpoint.id)
    return Work(session.scalars(wrote).one(), session.scalars(scored).one())
