"""Tables of agreement: of each question every coefficient that suits it, with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.quality.agreement.coefficients import (
    FLEISS_KAPPA,
    GWET_AC1,
    RAW_AGREEMENT,
    Coefficient,
    Figure,
    cohen_features,
    cohen_kappa,
    figure,
    figure_of,
    interval_distances,
    krippendorff_alpha,
    nominal_distances,
    ordinal_distances,
)
from app.quality.agreement.groups import Group, agreement_by_group
from app.quality.agreement.judged import (
    Judgements,
    Ranking,
    rankings_in,
    verdicts_as_shown,
)
from app.quality.agreement.pairs import (
    HALF_TIES_AGREEMENT,
    STRICT_AGREEMENT,
    WMT_KAPPA,
    mean_tau,
    tau_b,
    verdicts,
    wmt_chance,
)
from app.quality.agreement.questions import OF_PAIRS, Measure, Part, Question, of_rankings, of_ratings
from app.quality.agreement.scope import Scope, excluded_in, oldest_task
from app.quality.resampling import DRAWS, Floats, Integers


@dataclass(frozen=True)
class Line:
    """One figure: `question` is the name of an attribute, empty for rankings; `details` are the counts behind it."""

    part: Part
    question: str
    label: str
    measure: Measure
    figure: Figure
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelerPair:
    """Two labelers on what both judged. Without strict orders, or with constant labels, a figure is undefined."""

    part: Part
    question: str
    label: str
    first_id: int
    second_id: int
    figures: Mapping[Measure, Figure]
    first: str = ""
    second: str = ""


@dataclass(frozen=True)
class Agreement:
    """`cut`: only the newest tasks were looked at; `excluded`: how many answers reviewers keep out of the scope."""

    lines: list[Line]
    pairs: list[LabelerPair]
    labelers: int
    cut: bool
    groups: list[Group] = field(default_factory=list)
    excluded: int = 0


def agreement_in(session: Session, scope: Scope, *, draws: int = DRAWS, most_pairs: int = 0) -> Agreement:
    """All questions that two or more labelers answered; `most_pairs` labelers' pairs a question, those that share most.

    Three queries for what was said, one each for groups, forms, names and what is excluded, however much there is.
    """
    since = oldest_task(session, scope)
    rankings = rankings_in(session, scope, since)
    questions = [*of_rankings(rankings), *of_ratings(session, scope, since)]
    lines = [line for question in questions for line in _lines(question, draws)]
    lines[len(OF_PAIRS) : len(OF_PAIRS)] = _more_of_rankings(rankings, draws)
    pairs = [pair for question in questions for pair in _labeler_pairs(question, draws, most_pairs)]
    people = {int(rater) for question in questions for rater in np.unique(question.judgements.raters)}
    groups = agreement_by_group(session, scope, since, rankings, draws)
    return Agreement(
        lines, _named(session, pairs), len(people), since is not None, groups, excluded_in(session, scope, since)
    )


def _coefficient(measure: Measure, values: Floats) -> Coefficient:
    return {
        Measure.STRICT: STRICT_AGREEMENT,
        Measure.HALF_TIES: HALF_TIES_AGREEMENT,
        Measure.RAW: RAW_AGREEMENT,
        Measure.FLEISS: FLEISS_KAPPA,
        Measure.AC1: GWET_AC1,
        Measure.ALPHA_NOMINAL: krippendorff_alpha(nominal_distances),
        Measure.ALPHA_ORDINAL: krippendorff_alpha(ordinal_distances),
        Measure.ALPHA_INTERVAL: krippendorff_alpha(interval_distances(values)),
    }[measure]


def _lines(question: Question, draws: int) -> list[Line]:
    said = question.judgements
    return [
        Line(
            question.part,
            question.name,
            question.label,
            measure,
            figure(_coefficient(measure, question.values), said.counts, said.item_clusters, draws=draws),
        )
        for measure in question.measures
    ]


def _more_of_rankings(rankings: Sequence[Ranking], draws: int) -> list[Line]:
    """What needs whole rankings, or the order in which they were shown."""
    if not rankings:
        return []
    shown = verdicts_as_shown(rankings)
    return [
        Line(Part.PAIRS, "", "", Measure.TAU_B, _kendall(rankings, draws)),
        _wmt_line(Measure.WMT_INTER, shown, draws),
        _wmt_line(Measure.WMT_INTRA, within_labelers(shown), draws),
    ]


def _kendall(rankings: Sequence[Ranking], draws: int) -> Figure:
    """The mean over every two rankings of the same task."""
    by_task: dict[int, list[Ranking]] = {}
    for ranking in rankings:
        by_task.setdefault(ranking.task, []).append(ranking)
    taus: list[Floats] = []
    clusters: list[Integers] = []
    for same in by_task.values():
        if len(same) > 1 and len({ranking.completions for ranking in same}) == 1:
            ranks = np.array([ranking.ranks for ranking in same])
            taus.append(tau_b(verdicts(ranks)))
            clusters.append(np.full(len(taus[-1]), same[0].prompt))
    if not taus:
        return mean_tau(np.empty(0), np.empty(0, dtype=np.int64), draws=draws)
    return mean_tau(np.concatenate(taus), np.concatenate(clusters), draws=draws)


def within_labelers(shown: Judgements) -> Judgements:
    """A labeler's own judgements of the same item against each other.

    Of those who judged anything on a prompt twice, all that they said of the prompt counts for chance, as WMT has it.
    """
    _, people = np.unique(np.stack([shown.clusters, shown.raters]), axis=1, return_inverse=True)
    _, items, counts = np.unique(np.stack([shown.items, shown.raters]), axis=1, return_inverse=True, return_counts=True)
    people, items = people.ravel(), items.ravel()
    kept = np.isin(people, people[counts[items] > 1])
    return Judgements(items[kept], shown.raters[kept], shown.labels[kept], shown.clusters[kept], shown.size)


def _wmt_line(measure: Measure, said: Judgements, draws: int) -> Line:
    if not len(said.items):
        nothing = figure_of(np.empty((0, 4)), said.clusters, WMT_KAPPA.statistic, 0, np.empty(0, dtype=bool), draws)
        return Line(Part.PAIRS, "", "", measure, nothing)
    found = figure(WMT_KAPPA, said.counts, said.item_clusters, draws=draws)
    agreed, comparable, ties, judgements = WMT_KAPPA.features(said.counts).sum(axis=0)
    details = {"agreed": agreed, "comparable": comparable, "ties": ties, "judgements": judgements}
    details |= {"chance": wmt_chance(said.counts), "agreement": RAW_AGREEMENT.of(said.counts)}
    return Line(Part.PAIRS, "", "", measure, found, {name: float(value) for name, value in details.items()})


def _labeler_pairs(question: Question, draws: int, most: int) -> list[LabelerPair]:
    """Those who share most, first."""
    if not most or question.part is Part.RANKS:
        return []
    raters, table = question.judgements.table()
    judged = (table >= 0).astype(np.float64)
    one, other = np.triu_indices(len(raters), k=1)
    shared = (judged.T @ judged)[one, other]
    order = [place for place in np.argsort(-shared, kind="stable")[:most] if shared[place]]
    return [
        LabelerPair(
            question.part,
            question.name,
            question.label,
            int(raters[one[place]]),
            int(raters[other[place]]),
            _figures_of_two(question, table[:, one[place]], table[:, other[place]], draws),
        )
        for place in order
    ]


def _figures_of_two(question: Question, first: Integers, second: Integers, draws: int) -> dict[Measure, Figure]:
    """`first` and `second` [N] are their labels, -1 where there is none."""
    both = (first >= 0) & (second >= 0)
    first, second, clusters = first[both], second[both], question.judgements.item_clusters[both]
    size, rows = question.judgements.size, np.arange(len(first))
    counts = np.zeros((len(first), size))
    counts[rows, first] += 1
    counts[rows, second] += 1
    measures = {Measure.STRICT: STRICT_AGREEMENT} if question.part is Part.PAIRS else {}
    measures[Measure.RAW] = RAW_AGREEMENT
    figures = {measure: figure(each, counts, clusters, draws=draws) for measure, each in measures.items()}
    table = cohen_features(first, second, size)
    everything = np.ones(len(first), dtype=bool)
    return figures | {Measure.COHEN: figure_of(table, clusters, cohen_kappa, len(first), everything, draws)}


def _named(session: Session, pairs: Sequence[LabelerPair]) -> list[LabelerPair]:
    numbers = {number for pair in pairs for number in (pair.first_id, pair.second_id)}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(numbers))).all())
    return [replace(pair, first=names[pair.first_id], second=names[pair.second_id]) for pair in pairs]
