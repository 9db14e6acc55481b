"""How far a labeler's answers agree with the known ones: pure, but for reading both.

Flags: the share of equal ticks on the flags that the screening looks at, over all outputs and prompts. Rankings: the
share of pairs of outputs in the same order, by `pair_agreement.HALF_TIES_AGREEMENT`: a tie against an order is half an
agreement, so that tying everything earns a half and no more. A skipped task agrees with nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.queries import judged_outputs
from app.campaigns.models import Campaign
from app.quality.agreement.pairs import HALF_TIES_AGREEMENT, VERDICTS, verdicts
from app.quality.screening.models import Attempt, KnownAnswer
from app.tasks.models import Task


@dataclass(frozen=True)
class Agreement:
    """`value` is a share from 0 to 1; `compared` counts ticks or pairs of outputs."""

    value: float
    compared: int


@dataclass(frozen=True)
class Answered:
    """A task with its known answer, and what a labeler said: no annotation where they did not say anything yet."""

    known: KnownAnswer
    annotation: Annotation | None
    outputs: Mapping[int, AnnotatedOutput]

    @property
    def is_skipped(self) -> bool:
        return self.annotation is None or self.annotation.kind is AnnotationKind.SKIP


def flag_agreement(answered: Iterable[Answered], flags: Sequence[str]) -> Agreement:
    """Flags as in `Screening.flags`."""
    equal = [tick for each in answered for tick in equal_ticks(each, flags)]
    return Agreement(sum(equal) / len(equal) if equal else 0.0, len(equal))


def equal_ticks(answered: Answered, flags: Sequence[str]) -> list[bool]:
    """Of each output each flag about it, then of the prompt."""
    known, said = answered.known, answered.annotation
    about_outputs, about_prompt = _named(flags, "output"), _named(flags, "prompt")
    equal = []
    for completion, ratings in known.ratings.items():
        judged = answered.outputs.get(int(completion))
        equal += _equal(ratings, judged.ratings if judged else {}, about_outputs)
    equal += _equal(known.prompt_ratings, said.prompt_ratings if said else {}, about_prompt)
    return [False] * len(equal) if answered.is_skipped else equal


def _named(flags: Sequence[str], of: str) -> list[str]:
    return [name.removeprefix(f"{of}.") for name in flags if name.startswith(f"{of}.")]


def _equal(known: Mapping[str, Any], said: Mapping[str, Any], names: Sequence[str]) -> list[bool]:
    return [bool(known.get(name)) == bool(said.get(name)) for name in names]


def unticked_agreement(known: Iterable[KnownAnswer], flags: Sequence[str]) -> float:
    """What somebody would reach who never ticks anything: a cut-off says little unless it is well above this."""
    empty = [Answered(each, Annotation(kind=AnnotationKind.RATING, prompt_ratings={}), {}) for each in known]
    return flag_agreement(empty, flags).value


def ranking_agreement(answered: Iterable[Answered]) -> Agreement:
    sums = np.zeros(2)  # agreements, pairs compared
    for each in answered:
        counts = _counts(each)
        features = HALF_TIES_AGREEMENT.features(counts).sum(axis=0)
        sums += [0, len(counts)] if each.is_skipped else features
    compared = int(sums[1])
    return Agreement(float(HALF_TIES_AGREEMENT.statistic(sums)) if compared else 0.0, compared)


def _counts(answered: Answered) -> Any:
    """[P, 3]: of each pair of outputs, how the two rankings order it; of a skipped task the known order twice."""
    known = {int(completion): rank for completion, rank in (answered.known.ranks or {}).items()}
    judged = {} if answered.is_skipped else answered.outputs
    said = [judged[number].rank if number in judged else rank for number, rank in known.items()]
    orders = verdicts(np.array([list(known.values()), said], dtype=np.int64).reshape(2, -1))
    return np.eye(VERDICTS)[orders].sum(axis=0)


def answered_in(session: Session, campaign: Campaign, attempt: Attempt) -> list[Answered]:
    """Every task with a known answer, and the labeler's own."""
    query = (
        select(KnownAnswer)
        .join(Task, Task.id == KnownAnswer.task_id)
        .where(Task.campaign_id == campaign.id, ~Task.set_aside)
        .order_by(Task.id)
    )
    said = {each.task_id: each for each in said_in(session, campaign, attempt)}
    outputs = judged_outputs(session, said.values())
    return [_answered(known, said.get(known.task_id), outputs) for known in session.scalars(query)]


def _answered(
    known: KnownAnswer, said: Annotation | None, outputs: Mapping[int, Mapping[int, AnnotatedOutput]]
) -> Answered:
    return Answered(known, said, outputs.get(said.id, {}) if said else {})


def said_in(session: Session, campaign: Campaign, attempt: Attempt) -> Sequence[Annotation]:
    """The labeler's answers as they stood when the attempt was finished: what they revise later changes nothing."""
    query = (
        select(Annotation)
        .join(Task, Task.id == Annotation.task_id)
        .where(Task.campaign_id == campaign.id, ~Task.set_aside, *_of(attempt.labeler_id, attempt.finished_at))
        .order_by(Annotation.assignment_id, Annotation.revision.desc())
        .ext(distinct_on(Annotation.assignment_id))
    )
    return session.scalars(query).all()


def _of(labeler: int, until: datetime | None) -> list[Any]:
    own = [Annotation.labeler_id == labeler]
    return [*own, Annotation.created_at <= until] if until else own
