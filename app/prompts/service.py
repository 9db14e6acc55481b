"""Prompts come in once: an exact duplicate is found by its digest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import false, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.db import in_batches
from app.errors import InvalidInput
from app.projects.models import Project, Rule
from app.prompts.messages import checked_messages, messages_digest
from app.prompts.models import Prompt, PromptKind, Source, Split
from app.prompts.splitting import split_of
from app.prompts.writing import WrittenPrompt
from app.translation import gettext

BATCH = 1000


@dataclass(frozen=True)
class NewPrompt:
    """`messages` as `checked_messages` returns them."""

    messages: list[dict[str, str]]
    customer: str | None = None
    external_id: str | None = None
    use_case: str | None = None
    split: Split | None = None
    details: dict[str, Any] = field(default_factory=dict)
    content_warning: str | None = None


def add_prompt(
    session: Session,
    project: Project,
    messages: Sequence[dict[str, Any]],
    *,
    source: Source,
    kind: PromptKind | None = None,
    author: User | None = None,
    rule: Rule | None = None,
    customer: str | None = None,
    external_id: str | None = None,
    use_case: str | None = None,
    split: Split | None = None,
    details: dict[str, Any] | None = None,
) -> tuple[Prompt, bool]:
    """The prompt, and whether it is new; raises `InvalidInput` for messages that are no prompt."""
    new = NewPrompt(checked_messages(list(messages)), customer, external_id, use_case, split, details or {})
    signed = {"kind": kind, "author_id": author.id if author else None, "rule_id": rule.id if rule else None}
    row = _row(project, new, source) | signed
    statement = insert(Prompt).values(row).on_conflict_do_nothing(index_elements=["project_id", "digest"])
    created = session.scalar(statement.returning(Prompt.id)) is not None
    query = select(Prompt).where(Prompt.project_id == project.id, Prompt.digest == row["digest"])
    return session.scalars(query).one(), created


def add_written_prompt(
    session: Session,
    project: Project,
    written: WrittenPrompt,
    author: User,
    *,
    rule: Rule | None = None,
    split: Split | None = None,
) -> tuple[Prompt, bool]:
    """What a labeler wrote, and whether it is new. An attack names the rule that it attacks."""
    return add_prompt(
        session,
        project,
        written.messages,
        source=Source.LABELER,
        kind=written.kind,
        author=author,
        rule=rule,
        use_case=written.use_case,
        split=split,
        details=written.details,
    )


def use_only(session: Session, prompts: Iterable[int], kept: Prompt | None) -> None:
    """Of these versions of one prompt, by number, only `kept` is drawn or frozen from now on, or none."""
    in_use = Prompt.id == kept.id if kept else false()
    session.execute(update(Prompt).where(Prompt.id.in_(list(prompts))).values(in_use=in_use))


def add_prompts(
    session: Session, project: Project, prompts: Iterable[NewPrompt], *, source: Source
) -> tuple[dict[bytes, int], int]:
    """Many at once, a thousand a statement: their ids by digest, old ones included, and how many are new.

    One that its author had revised away is in use again: now it comes from elsewhere, too.
    """
    ids: dict[bytes, int] = {}
    added = 0
    for batch in in_batches(prompts, BATCH):
        rows = {row["digest"]: row for row in (_row(project, new, source) for new in batch)}
        _refuse_taken_names(session, project, rows)
        statement = insert(Prompt).on_conflict_do_nothing(index_elements=["project_id", "digest"])
        added += len(session.scalars(statement.returning(Prompt.id), list(rows.values())).all())
        these = (Prompt.project_id == project.id, Prompt.digest.in_(rows))
        ids.update(
            (digest, number) for digest, number in session.execute(select(Prompt.digest, Prompt.id).where(*these))
        )
        session.execute(update(Prompt).where(*these, ~Prompt.in_use).values(in_use=True))
    return ids, added


def _row(project: Project, new: NewPrompt, source: Source) -> dict[str, Any]:
    digest = messages_digest(new.messages)
    return {
        "project_id": project.id,
        "messages": new.messages,
        "digest": digest,
        "source": source,
        "use_case": new.use_case,
        "customer": new.customer,
        "external_id": new.external_id,
        "split": new.split or split_of(new.customer, digest),
        "details": new.details,
        "content_warning": new.content_warning,
    }


def _refuse_taken_names(session: Session, project: Project, rows: dict[bytes, dict[str, Any]]) -> None:
    names: dict[str, bytes] = {}
    for digest, row in rows.items():
        if row["external_id"] is not None and names.setdefault(row["external_id"], digest) != digest:
            raise _name_taken(row["external_id"])
    query = select(Prompt.external_id, Prompt.digest).where(
        Prompt.project_id == project.id, Prompt.external_id.in_(names)
    )
    for name, digest in session.execute(query):
        if name is not None and names[name] != digest:
            raise _name_taken(name)


def _name_taken(name: str) -> InvalidInput:
    return InvalidInput(
        reason=gettext("The name {name} already belongs to a prompt with other messages.").format(name=name)
    )
