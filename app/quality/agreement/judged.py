"""What labelers said, as arrays: one label for each judge of each item."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import func, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.quality.agreement.pairs import VERDICTS, verdicts
from app.quality.agreement.scope import Scope, from_task, joined
from app.quality.resampling import Floats, Integers
from app.tasks.models import Assignment, Task, TaskCompletion

MOST_PAIRS = 36  # of nine outputs


@dataclass(frozen=True)
class Judgements:
    """Parallel arrays, a row for each label that somebody gave: which item, by whom, label 0..C-1, of which prompt."""

    items: Integers
    raters: Integers
    labels: Integers
    clusters: Integers
    size: int  # C: how many labels could have been given

    @cached_property
    def _places(self) -> tuple[Integers, Integers]:
        """Of each item its first row, and of each row its item, counted from 0."""
        _, first, places = np.unique(self.items, return_index=True, return_inverse=True)
        return first, places

    @cached_property
    def counts(self) -> Floats:
        """[N, C]: how many gave item n the label c."""
        first, places = self._places
        flat = np.bincount(places * self.size + self.labels, minlength=len(first) * self.size)
        return flat.reshape(len(first), self.size).astype(np.float64)

    @cached_property
    def item_clusters(self) -> Integers:
        """[N]"""
        return self.clusters[self._places[0]]

    def table(self) -> tuple[Integers, Integers]:
        """The raters [R], and their labels [N, R]; -1 where a rater did not judge the item."""
        raters, columns = np.unique(self.raters, return_inverse=True)
        first, places = self._places
        table = np.full((len(first), len(raters)), -1, dtype=np.int64)
        table[places, columns] = self.labels
        return raters, table


@dataclass(frozen=True)
class Ranking:
    """`ranks` go with `completions`, which are in the task's order; `shown` is the order that this labeler saw."""

    annotation: int
    task: int
    prompt: int
    labeler: int
    completions: tuple[int, ...]
    ranks: tuple[int, ...]
    shown: tuple[int, ...]

    @property
    def ranks_as_shown(self) -> list[int]:
        by_completion = dict(zip(self.completions, self.ranks, strict=True))
        return [by_completion[number] for number in self.shown if number in by_completion]


def rankings_in(session: Session, scope: Scope, since_task: int | None = None) -> list[Ranking]:
    """In the order of tasks."""
    query = (
        joined(
            select(
                Annotation.id,
                Annotation.task_id,
                Task.prompt_id,
                Annotation.labeler_id,
                func.array_agg(aggregate_order_by(AnnotatedOutput.completion_id, TaskCompletion.position)),
                func.array_agg(aggregate_order_by(AnnotatedOutput.rank, TaskCompletion.position)),
                Assignment.shown_order,
            )
        )
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .join(
            TaskCompletion,
            (TaskCompletion.task_id == Annotation.task_id)
            & (TaskCompletion.completion_id == AnnotatedOutput.completion_id),
        )
        .where(*scope.conditions(), Annotation.kind == AnnotationKind.RANKING, AnnotatedOutput.rank.is_not(None))
        .group_by(Annotation.id, Task.prompt_id, Assignment.shown_order)
        .order_by(Annotation.task_id, Annotation.id)
    )
    if since_task is not None:
        query = query.where(*from_task(since_task))
    return [
        Ranking(number, task, prompt, labeler, tuple(ids), tuple(ranks), tuple(shown))
        for number, task, prompt, labeler, ids, ranks, shown in session.execute(query)
    ]


def pair_verdicts(rankings: Iterable[Ranking]) -> Judgements:
    """Each pair of outputs of a task, in the task's own order."""
    blocks = []
    for same in _by_size(rankings):
        said = verdicts(np.array([ranking.ranks for ranking in same], dtype=np.int64))
        tasks = np.array([ranking.task for ranking in same], dtype=np.int64)
        blocks.append(_block(same, tasks[:, None] * MOST_PAIRS + np.arange(said.shape[1]), said))
    return _joined(blocks, VERDICTS)


def verdicts_as_shown(rankings: Iterable[Ranking]) -> Judgements:
    """Each pair of outputs of a prompt in the order shown; the same labeler may have judged one twice."""
    blocks = []
    for same in _by_size(rankings):
        said = verdicts(np.array([ranking.ranks_as_shown for ranking in same], dtype=np.int64))
        shown = np.array([_shown(ranking) for ranking in same], dtype=np.int64)
        one, other = np.triu_indices(shown.shape[1], k=1)
        blocks.append(_block(same, np.stack([shown[:, one], shown[:, other]], axis=2), said))
    return _joined(blocks, VERDICTS)


def _shown(ranking: Ranking) -> list[int]:
    ranked = set(ranking.completions)
    return [number for number in ranking.shown if number in ranked]


def ranks_of_outputs(rankings: Sequence[Ranking]) -> Judgements:
    """Each output of a task by the rank it got, the best being label 0."""
    blocks = []
    for same in _by_size(rankings):
        ranks = np.array([ranking.ranks for ranking in same], dtype=np.int64)
        outputs = np.array([ranking.completions for ranking in same], dtype=np.int64)
        tasks = np.broadcast_to(np.array([[ranking.task] for ranking in same], dtype=np.int64), outputs.shape)
        blocks.append(_block(same, np.stack([tasks, outputs], axis=2), ranks - 1))
    return _joined(blocks, max((max(ranking.ranks) for ranking in rankings), default=1))


def _by_size(rankings: Iterable[Ranking]) -> Iterable[list[Ranking]]:
    """Those of as many outputs together, so that their ranks are an array."""
    by_size: dict[int, list[Ranking]] = defaultdict(list)
    for ranking in rankings:
        by_size[len(ranking.ranks)].append(ranking)
    return by_size.values()


Block = tuple[Integers, Integers, Integers, Integers]
"""Items [A * M] or [A * M, 2], raters, labels and clusters [A * M] of A rankings with M items each."""


def _block(same: Sequence[Ranking], items: Integers, labels: Integers) -> Block:
    """`items` [A, M], or [A, M, 2] where it takes two numbers to name one; `labels` [A, M]."""
    raters = np.array([ranking.labeler for ranking in same], dtype=np.int64)
    prompts = np.array([ranking.prompt for ranking in same], dtype=np.int64)
    many = labels.shape[1]
    return items.reshape(-1, *items.shape[2:]), np.repeat(raters, many), labels.ravel(), np.repeat(prompts, many)


def _joined(blocks: Sequence[Block], size: int) -> Judgements:
    if not blocks:
        return _arrays([], size)
    items, raters, labels, clusters = (np.concatenate([block[part] for block in blocks]) for part in range(4))
    if items.ndim == 2:
        names, places = np.unique(items, return_inverse=True)
        first, second = places.reshape(-1, 2).T
        items = first * len(names) + second
    return Judgements(items, raters, labels, clusters, size)


def _arrays(rows: Sequence[tuple[int, int, int, int]], size: int) -> Judgements:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Judgements(columns[0], columns[1], columns[2], columns[3], size)


@dataclass(frozen=True)
class Rated:
    """What one labeler answered about one output, or about the prompt (`completion` is None)."""

    task: int
    prompt: int
    labeler: int
    form: int
    completion: int | None
    answers: Mapping[str, Any]


def ratings_in(session: Session, scope: Scope, since_task: int | None = None) -> list[Rated]:
    """Of outputs."""
    query = (
        joined(
            select(
                Annotation.task_id,
                Task.prompt_id,
                Annotation.labeler_id,
                Annotation.form_version_id,
                AnnotatedOutput.completion_id,
                AnnotatedOutput.ratings,
            )
        )
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .where(*scope.conditions(), AnnotatedOutput.ratings != {})
    )
    return _rated(session, query, since_task)


def prompt_ratings_in(session: Session, scope: Scope, since_task: int | None = None) -> list[Rated]:
    query = joined(
        select(
            Annotation.task_id,
            Task.prompt_id,
            Annotation.labeler_id,
            Annotation.form_version_id,
            null(),
            Annotation.prompt_ratings,
        )
    ).where(*scope.conditions(), Annotation.prompt_ratings != {})
    return _rated(session, query, since_task)


def _rated(session: Session, query: Any, since_task: int | None) -> list[Rated]:
    if since_task is not None:
        query = query.where(*from_task(since_task))
    return [Rated(*row) for row in session.execute(query)]


def answers_by_question(rated: Iterable[Rated]) -> dict[str, list[tuple[Rated, Any]]]:
    """What was answered to each question, without those left open."""
    found: dict[str, list[tuple[Rated, Any]]] = defaultdict(list)
    for each in rated:
        for name, answer in each.answers.items():
            if answer is not None:
                found[name].append((each, answer))
    return found


def judgements_from(answers: Iterable[tuple[Rated, Any]], labels: Mapping[Any, int]) -> Judgements:
    """Answers to one question; `labels` numbers the answers there may be. Other answers are left out."""
    numbers: dict[Hashable, int] = {}
    rows = [
        (numbers.setdefault((each.task, each.completion), len(numbers)), each.labeler, label, each.prompt)
        for each, answer in answers
        if (label := labels.get((type(answer), answer))) is not None
    ]
    return _arrays(rows, max(len(labels), 1))
