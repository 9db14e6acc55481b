"""Policies against each other: win rates, with length controlled, and strengths."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation
from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.evaluation.bradley_terry import Outcomes, Strengths, strengths
from app.evaluation.choosing import Chosen, judgements, voice_of_annotation
from app.evaluation.length_control import ControlledRate, LengthVerdict, length_controlled
from app.evaluation.win_rate import Verdict, WinRate, win_rate
from app.tasks.models import Task


@dataclass(frozen=True)
class Duel:
    """What one voice said of an output of each of two checkpoints, `first` having the lower number.

    `longer_by`: characters of the first's text less the second's; None where an imported set lacks a text.
    """

    voice: str
    prompt_id: int
    first: int
    second: int
    longer_by: int | None
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class AgainstBaseline:
    voice: str
    policy: int
    rate: WinRate
    controlled: ControlledRate | None


def duels(session: Session, chosen: Chosen) -> list[Duel]:
    """Every pair of ranked outputs of two checkpoints; a text that both wrote is a tie."""
    ours, theirs = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    our_author, their_author = aliased(CompletionAuthor), aliased(CompletionAuthor)
    our_text, their_text = aliased(Completion), aliased(Completion)
    longer_by = func.length(our_text.text) - func.length(their_text.text)
    said_by = voice_of_annotation()
    query = (
        judgements(session, chosen)
        .join(ours, ours.annotation_id == Annotation.id)
        .join(theirs, theirs.annotation_id == Annotation.id)
        .join(our_author, our_author.completion_id == ours.completion_id)
        .join(
            their_author,
            and_(
                their_author.completion_id == theirs.completion_id,
                their_author.checkpoint_id > our_author.checkpoint_id,
            ),
        )
        .join(our_text, our_text.id == ours.completion_id)
        .join(their_text, their_text.id == theirs.completion_id)
        .where(ours.rank.is_not(None), theirs.rank.is_not(None))
        .add_columns(
            said_by,
            Task.prompt_id,
            our_author.checkpoint_id,
            their_author.checkpoint_id,
            longer_by,
            func.count().filter(ours.rank < theirs.rank),
            func.count().filter(ours.rank == theirs.rank),
            func.count().filter(ours.rank > theirs.rank),
        )
        .group_by(
            said_by, Task.prompt_id, our_author.checkpoint_id, their_author.checkpoint_id, ours.completion_id,
            theirs.completion_id, longer_by,
        )
        .order_by(said_by, Task.prompt_id, ours.completion_id, theirs.completion_id)
    )  # fmt: skip
    return [Duel(*row) for row in session.execute(query)]


def names_of(session: Session, numbers: Iterable[int]) -> dict[int, str]:
    query = select(Checkpoint.id, Checkpoint.name).where(Checkpoint.id.in_(sorted(set(numbers))))
    return {number: name for number, name in session.execute(query)}  # noqa: C416


def compared(found: Sequence[Duel]) -> list[int]:
    """The checkpoints in them, oldest first: the first is the baseline unless another is chosen."""
    return sorted({number for duel in found for number in (duel.first, duel.second)})


def against_baseline(found: Sequence[Duel], baseline: int) -> list[AgainstBaseline]:
    """A line for each voice and each policy that was compared with the baseline itself."""
    by_policy: dict[tuple[str, int], list[Duel]] = defaultdict(list)
    for duel in found:
        if baseline in (duel.first, duel.second):
            by_policy[duel.voice, _other(duel, baseline)].append(duel)
    return [_against(voice, policy, of_both) for (voice, policy), of_both in sorted(by_policy.items())]


def _other(duel: Duel, baseline: int) -> int:
    return duel.second if duel.first == baseline else duel.first


def _against(voice: str, policy: int, of_both: list[Duel]) -> AgainstBaseline:
    verdicts = [verdict for duel in of_both for verdict in _verdicts(duel, policy)]
    rate = win_rate(Verdict(verdict.prompt_id, verdict.outcome) for verdict in verdicts)
    assert rate is not None
    has_texts = all(duel.longer_by is not None for duel in of_both)
    return AgainstBaseline(voice, policy, rate, length_controlled(verdicts) if has_texts else None)


def _verdicts(duel: Duel, policy: int) -> list[LengthVerdict]:
    """As the policy sees them."""
    sign = 1 if duel.first == policy else -1
    longer_by = sign * (duel.longer_by or 0)
    wins, losses = (duel.wins, duel.losses) if sign == 1 else (duel.losses, duel.wins)
    outcomes = [1.0] * wins + [0.5] * duel.ties + [0.0] * losses
    return [LengthVerdict(duel.prompt_id, outcome, longer_by) for outcome in outcomes]


def strengths_by_voice(found: Sequence[Duel], baseline: int) -> dict[str, Strengths]:
    """Without the voices that never compared anything with the baseline."""
    counts: dict[str, dict[int, dict[tuple[int, int], Outcomes]]] = {}
    for duel in found:
        pairs = counts.setdefault(duel.voice, {}).setdefault(duel.prompt_id, {})
        wins, ties, losses = pairs.get((duel.first, duel.second), (0.0, 0.0, 0.0))
        pairs[duel.first, duel.second] = (wins + duel.wins, ties + duel.ties, losses + duel.losses)
    by_voice = {voice: strengths(of_voice, baseline) for voice, of_voice in counts.items()}
    return {voice: each for voice, each in by_voice.items() if each is not None}
