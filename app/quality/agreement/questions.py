"""What labelers were asked, as questions of one level of measurement each, and the coefficients that suit it.

Yes or no and choices are nominal, the steps of a scale ordinal and interval; which of two outputs is better has rules
of its own for ties.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.projects.forms import Attribute, AttributeType, parse_form
from app.projects.models import FormVersion
from app.quality.agreement.judged import (
    Judgements,
    Ranking,
    Rated,
    answers_by_question,
    judgements_from,
    pair_verdicts,
    prompt_ratings_in,
    ranks_of_outputs,
    ratings_in,
)
from app.quality.agreement.scope import Scope
from app.quality.resampling import Floats

MOST_LABELS_OF_A_TEXT = 20  # more distinct answers are free text, on which nobody agrees


class Measure(StrEnum):
    STRICT = "strict_agreement"
    HALF_TIES = "agreement_ties_half"
    RAW = "agreement"
    COHEN = "cohen_kappa"
    FLEISS = "fleiss_kappa"
    ALPHA_NOMINAL = "krippendorff_alpha_nominal"
    ALPHA_ORDINAL = "krippendorff_alpha_ordinal"
    ALPHA_INTERVAL = "krippendorff_alpha_interval"
    AC1 = "gwet_ac1"
    TAU_B = "kendall_tau_b"
    WMT_INTER = "wmt_kappa_inter"
    WMT_INTRA = "wmt_kappa_intra"


class Part(StrEnum):
    """What a question was about."""

    PAIRS = "pairs"  # which of two outputs is better
    RANKS = "ranks"  # at which rank an output stands
    OUTPUT = "output"
    PROMPT = "prompt"


@dataclass(frozen=True)
class Question:
    part: Part
    name: str
    label: str
    judgements: Judgements
    measures: tuple[Measure, ...]
    values: Floats  # [C]: what the labels stand for on an interval scale


NOMINAL = (Measure.RAW, Measure.FLEISS, Measure.ALPHA_NOMINAL, Measure.AC1)
ORDINAL = (Measure.RAW, Measure.FLEISS, Measure.ALPHA_ORDINAL, Measure.ALPHA_INTERVAL, Measure.AC1)
OF_PAIRS = (Measure.STRICT, Measure.HALF_TIES, *NOMINAL)
OF_RANKS = (Measure.ALPHA_ORDINAL, Measure.ALPHA_INTERVAL)


def of_rankings(rankings: Sequence[Ranking]) -> list[Question]:
    if not rankings:
        return []
    ranks = ranks_of_outputs(rankings)
    return [
        Question(Part.PAIRS, "", "", pair_verdicts(rankings), OF_PAIRS, np.arange(3.0)),
        Question(Part.RANKS, "", "", ranks, OF_RANKS, np.arange(1.0, ranks.size + 1)),
    ]


def of_ratings(session: Session, scope: Scope, since: int | None) -> list[Question]:
    rated = {
        Part.OUTPUT: ratings_in(session, scope, since),
        Part.PROMPT: prompt_ratings_in(session, scope, since),
    }
    forms = _forms(session, {each.form for answers in rated.values() for each in answers})
    answers = {part: answers_by_question(each) for part, each in rated.items()}
    return [
        question
        for part, by_name in answers.items()
        for attribute in _attributes(forms, part)
        if (question := _question(part, attribute, by_name.get(attribute.name, []))) is not None
    ]


def _forms(session: Session, numbers: Iterable[int]) -> list[FormVersion]:
    return list(session.scalars(select(FormVersion).where(FormVersion.id.in_(numbers)).order_by(FormVersion.id)))


def _attributes(forms: Iterable[FormVersion], part: Part) -> list[Attribute]:
    """By name and type; where versions differ in their steps or options, the newest says which there are."""
    found: dict[tuple[str, AttributeType], Attribute] = {}
    for version in forms:
        form = parse_form(version.definition)
        for attribute in form.output if part is Part.OUTPUT else form.prompt:
            found[attribute.name, attribute.type] = attribute
    return list(found.values())


def _question(part: Part, attribute: Attribute, given: Sequence[tuple[Rated, Any]]) -> Question | None:
    answers = _possible_answers(attribute, {answer for _, answer in given})
    if answers is None:
        return None
    labels = {(type(answer), answer): number for number, answer in enumerate(answers)}
    judgements = judgements_from(given, labels)
    if not len(judgements.items):
        return None
    is_scale = attribute.type is AttributeType.SCALE
    values = np.array(answers if is_scale else range(len(answers)), dtype=np.float64)
    return Question(part, attribute.name, attribute.label, judgements, ORDINAL if is_scale else NOMINAL, values)


def _possible_answers(attribute: Attribute, seen: Set[Any]) -> list[Any] | None:
    """Those of the form and those that were given; None for free text."""
    if attribute.type is AttributeType.FLAG:
        return [False, True]
    if attribute.type is AttributeType.SCALE:
        return sorted({*attribute.steps, *(answer for answer in seen if type(answer) is int)})
    if attribute.type is AttributeType.CHOICE:
        return [*attribute.options, *sorted(answer for answer in seen - {*attribute.options} if type(answer) is str)]
    texts = sorted(answer for answer in seen if type(answer) is str)
    return texts if 2 <= len(texts) <= MOST_LABELS_OF_A_TEXT else None
