"""Which prompts and outputs a new campaign is made of."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.db import among
from app.projects.models import Project
from app.prompts.models import Prompt, PromptKind, Split

Group = tuple[Prompt, list[Completion]]


def random_prompts(session: Session, project: Project, split: Split | None, number: int) -> Sequence[Prompt]:
    """Up to `number` prompts of the project, of one split or of all."""
    return session.scalars(select(Prompt).where(*_of(project, split)).order_by(func.random()).limit(number)).all()


def random_groups(
    session: Session, project: Project, split: Split | None, checkpoints: Sequence[Checkpoint], *, number: int, k: int
) -> list[Group]:
    """Up to `number` prompts that have `k` different outputs by these checkpoints, the checkpoints taking turns."""
    written = (
        select(CompletionAuthor.completion_id)
        .where(CompletionAuthor.checkpoint_id.in_([checkpoint.id for checkpoint in checkpoints]))
        .distinct()
    )
    enough = (
        select(Prompt.id)
        .join(Completion, Completion.prompt_id == Prompt.id)
        .where(*_of(project, split), Completion.text.is_not(None), Completion.id.in_(written))
        .group_by(Prompt.id)
        .having(func.count() >= k)
        .order_by(func.random())
        .limit(number)
    )
    prompts = session.scalars(select(Prompt).where(Prompt.id.in_(enough)).order_by(Prompt.id)).all()
    outputs = _outputs_in_turn(session, prompts, checkpoints)
    return [(prompt, outputs[prompt.id][:k]) for prompt in prompts]


def matchups(
    session: Session, project: Project, split: Split | None, policies: Sequence[Checkpoint], number: int
) -> list[Group]:
    """Up to `number` prompts that every policy answered, with one output of each, drawn at random.

    Where policies wrote the same text it is there once; prompts that all of them answered alike are left out, for
    nobody ranks a text against itself.
    """
    author = CompletionAuthor.checkpoint_id
    answered = (
        select(Prompt.id)
        .join(Completion, Completion.prompt_id == Prompt.id)
        .join(CompletionAuthor, CompletionAuthor.completion_id == Completion.id)
        .where(*_of(project, split), Completion.text.is_not(None), author.in_([each.id for each in policies]))
        .group_by(Prompt.id)
        .having(func.count(author.distinct()) == len(policies), func.count(Completion.id.distinct()) > 1)
        .order_by(func.random())
    )
    prompts = session.scalars(select(Prompt).where(Prompt.id.in_(answered.limit(number))).order_by(Prompt.id)).all()
    drawn = _one_of_each(session, prompts, policies)
    return [(prompt, drawn[prompt.id]) for prompt in prompts if len(drawn[prompt.id]) > 1]


def _one_of_each(
    session: Session, prompts: Sequence[Prompt], policies: Sequence[Checkpoint]
) -> dict[int, list[Completion]]:
    """By prompt id: an output of each policy, each text once."""
    author = CompletionAuthor.checkpoint_id
    drawn = (
        select(Completion.id)
        .join(CompletionAuthor, CompletionAuthor.completion_id == Completion.id)
        .where(among(Completion.prompt_id, (prompt.id for prompt in prompts)), Completion.text.is_not(None))
        .where(author.in_([policy.id for policy in policies]))
        .order_by(Completion.prompt_id, author, func.random())
        .ext(distinct_on(Completion.prompt_id, author))
    )
    found: dict[int, list[Completion]] = defaultdict(list)
    for completion in session.scalars(select(Completion).where(Completion.id.in_(drawn)).order_by(func.random())):
        found[completion.prompt_id].append(completion)
    return found


def _of(project: Project, split: Split | None) -> list[ColumnElement[bool]]:
    """Attacks are answered and judged on their rule; nothing else is drawn from them."""
    drawn: list[ColumnElement[bool]] = [
        Prompt.project_id == project.id,
        Prompt.in_use.is_(True),
        Prompt.kind.is_distinct_from(PromptKind.ATTACK),
    ]
    return [*drawn, Prompt.split == split] if split else drawn


def _outputs_in_turn(
    session: Session, prompts: Sequence[Prompt], checkpoints: Sequence[Checkpoint]
) -> dict[int, list[Completion]]:
    """By prompt id: first one output of each checkpoint, then a second of each; one text counts once."""
    author = CompletionAuthor.checkpoint_id
    turn = func.row_number().over(partition_by=[Completion.prompt_id, author], order_by=func.random())
    query = (
        select(Completion)
        .join(CompletionAuthor, CompletionAuthor.completion_id == Completion.id)
        .where(among(Completion.prompt_id, (prompt.id for prompt in prompts)), Completion.text.is_not(None))
        .where(author.in_([checkpoint.id for checkpoint in checkpoints]))
        .order_by(turn, func.random())
    )
    found: dict[int, dict[int, Completion]] = defaultdict(dict)
    for completion in session.scalars(query):
        found[completion.prompt_id].setdefault(completion.id, completion)
    return {prompt_id: list(outputs.values()) for prompt_id, outputs in found.items()}
