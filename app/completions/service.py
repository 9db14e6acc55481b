"""Completions: equal texts for one prompt are one completion with several authors."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.completions.evidence import Evidence, stored
from app.completions.models import Completion, CompletionAuthor, CompletionScore
from app.completions.queries import BATCH, completion_ids
from app.db import in_batches
from app.errors import InvalidInput
from app.prompts.messages import checked_text
from app.prompts.models import Prompt
from app.translation import gettext


@dataclass(frozen=True)
class NewCompletion:
    """A text (or, where a set lacks the texts, an external id) for a prompt, by one author or by nobody known."""

    prompt_id: int
    text: str | None
    external_id: str | None = None
    checkpoint_id: int | None = None
    user_id: int | None = None
    token_ids: Sequence[int] | None = None
    finish_reason: str | None = None
    logprob: float | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = ()

    @property
    def digest(self) -> bytes:
        return completion_digest(self.text, self.external_id)


def completion_digest(text: str | None, external_id: str | None = None) -> bytes:
    if text is not None:
        return hashlib.sha256(b"text:" + text.encode("utf-8", "surrogatepass")).digest()
    if external_id is None:
        raise InvalidInput(reason=gettext("A completion needs a text or a name of its own."))
    return hashlib.sha256(b"name:" + external_id.encode()).digest()


def add_completion(
    session: Session,
    prompt: Prompt,
    text: str,
    *,
    checkpoint: Checkpoint | None = None,
    user: User | None = None,
    token_ids: Sequence[int] | None = None,
    finish_reason: str | None = None,
    logprob: float | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Completion:
    """This text as a completion of the prompt, its author added to those it already has."""
    new = NewCompletion(
        prompt.id,
        text,
        checkpoint_id=checkpoint.id if checkpoint else None,
        user_id=user.id if user else None,
        token_ids=token_ids,
        finish_reason=finish_reason,
        logprob=logprob,
        sampling=sampling or {},
    )
    ids, _ = add_completions(session, [new])
    return session.get_one(Completion, ids[prompt.id, new.digest])


def add_completions(session: Session, completions: Iterable[NewCompletion]) -> tuple[dict[tuple[int, bytes], int], int]:
    """Many at once: their ids by (prompt id, digest), old ones included, and how many texts are new."""
    ids: dict[tuple[int, bytes], int] = {}
    added = 0
    for batch in in_batches(completions, BATCH):
        texts = {(new.prompt_id, new.digest): _row(new) for new in batch}
        statement = insert(Completion).on_conflict_do_nothing(index_elements=["prompt_id", "digest"])
        added += len(session.scalars(statement.returning(Completion.id), list(texts.values())).all())
        ids.update(completion_ids(session, texts))
        _add_authors(session, batch, ids)
    return ids, added


def _row(new: NewCompletion) -> dict[str, Any]:
    text = checked_text(new.text) if new.text is not None else None
    row = {"prompt_id": new.prompt_id, "text": text, "digest": new.digest, "external_id": new.external_id}
    return row | {"evidence": stored(new.evidence)}


def _add_authors(session: Session, batch: Iterable[NewCompletion], ids: Mapping[tuple[int, bytes], int]) -> None:
    rows = [
        {
            "completion_id": ids[new.prompt_id, new.digest],
            "checkpoint_id": new.checkpoint_id,
            "user_id": new.user_id,
            "token_ids": list(new.token_ids) if new.token_ids is not None else None,
            "finish_reason": new.finish_reason,
            "logprob": new.logprob,
            "sampling": dict(new.sampling),
        }
        for new in batch
        if new.checkpoint_id is not None or new.user_id is not None
    ]
    if rows:
        session.execute(insert(CompletionAuthor).on_conflict_do_nothing(), rows)


def record_scores(session: Session, checkpoint: Checkpoint, scores: Mapping[int, float]) -> None:
    """What a reward model says of completions, by completion id; a later score replaces an earlier one."""
    rows = [
        {"completion_id": completion_id, "checkpoint_id": checkpoint.id, "score": score}
        for completion_id, score in scores.items()
    ]
    if rows:
        statement = insert(CompletionScore)
        replace = {"score": statement.excluded.score}
        session.execute(
            statement.on_conflict_do_update(index_elements=["completion_id", "checkpoint_id"], set_=replace), rows
        )
