"""Trap 11, and the loss in fp32 of trap 12."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trainer.losses import (
    davidson_loss,
    language_loss,
    ordered_pairs,
    pair_wins,
    rank_gaps,
    ranking_loss,
    ranking_loss_with_half_ties,
    tie_strength_of,
    tied_pairs,
)
from trainer.preference_losses import first_choice_loss

rankings = st.integers(2, 9).flatmap(
    lambda k: st.tuples(
        st.lists(st.floats(-5, 5), min_size=k, max_size=k), st.lists(st.integers(1, k), min_size=k, max_size=k)
    )
)


@given(rankings)
def test_the_loss_is_the_mean_of_the_pairwise_losses(ranking: tuple[list[float], list[int]]) -> None:
    scores, ranks = ranking
    losses = [
        math.log1p(math.exp((scores[j] - scores[i]) * (1 if ranks[i] < ranks[j] else -1)))
        for i, j in combinations(range(len(ranks)), 2)
        if ranks[i] != ranks[j]
    ]
    expected = sum(losses) / len(losses) if losses else 0.0
    loss = ranking_loss(torch.tensor(scores, dtype=torch.float64), ranks)
    assert float(loss) == pytest.approx(expected, abs=1e-9)


@given(rankings, st.floats(-100, 100), st.randoms())
def test_neither_order_nor_a_constant_changes_the_loss(
    ranking: tuple[list[float], list[int]], constant: float, draw: object
) -> None:
    scores, ranks = torch.tensor(ranking[0], dtype=torch.float64), ranking[1]
    order = list(range(len(ranks)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    moved = ranking_loss(scores[order] + constant, [ranks[place] for place in order])
    assert float(moved) == pytest.approx(float(ranking_loss(scores, ranks)), abs=1e-9)


def test_prompts_weigh_the_same_whatever_their_number_of_outputs() -> None:
    for k in (2, 4, 9):
        assert float(ranking_loss(torch.zeros(k), range(1, k + 1))) == pytest.approx(math.log(2))


@pytest.mark.parametrize("ranks", [[1, 1, 1], [1]])
def test_a_prompt_that_prefers_nothing_teaches_nothing(ranks: list[int]) -> None:
    scores = torch.randn(len(ranks), requires_grad=True)
    loss = ranking_loss(scores, ranks)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert scores.grad.tolist() == [0.0] * len(ranks)


def test_the_gradient_raises_the_better_and_leaves_a_tie_alone() -> None:
    scores = torch.zeros(4, requires_grad=True)
    ranking_loss(scores, [1, 2, 2, 3]).backward()
    assert scores.grad is not None
    best, second, other_second, worst = scores.grad.tolist()
    assert best < 0 < worst
    assert second == other_second == 0


def test_half_a_win_each_draws_tied_scores_together() -> None:
    scores = torch.tensor([2.0, 0.0], requires_grad=True)
    ranking_loss_with_half_ties(scores, [1, 1]).backward()
    assert scores.grad is not None
    assert scores.grad[0] > 0 > scores.grad[1]


def test_half_ties_equal_dropped_ties_where_there_is_no_tie() -> None:
    scores = torch.randn(5)
    assert torch.equal(ranking_loss_with_half_ties(scores, [3, 1, 2, 5, 4]), ranking_loss(scores, [3, 1, 2, 5, 4]))


def davidson(scores: Tensor, ranks: Sequence[int], strength: float = 0.7) -> Tensor:
    return davidson_loss(scores, ranks, torch.tensor(math.log(strength), dtype=scores.dtype))


WHOLE_RANKINGS = {
    "pairs": ranking_loss,
    "margin": partial(ranking_loss, margin=1.5),
    "half ties": ranking_loss_with_half_ties,
    "half ties, margin": partial(ranking_loss_with_half_ties, margin=1.5),
    "davidson": davidson,
    "plackett-luce": first_choice_loss,
}
whole_rankings = pytest.mark.parametrize("loss", WHOLE_RANKINGS.values(), ids=WHOLE_RANKINGS)


@whole_rankings
@given(rankings, st.floats(-100, 100), st.randoms())
def test_no_loss_sees_the_order_of_outputs_or_a_constant(
    loss: Callable[..., Tensor], ranking: tuple[list[float], list[int]], constant: float, draw: object
) -> None:
    scores, ranks = torch.tensor(ranking[0], dtype=torch.float64), ranking[1]
    order = list(range(len(ranks)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    moved = loss(scores[order] + constant, [ranks[place] for place in order])
    assert float(moved) == pytest.approx(float(loss(scores, ranks)), abs=1e-9)


@whole_rankings
@given(rankings)
def test_no_step_moves_the_mean_and_the_best_never_falls(
    loss: Callable[..., Tensor], ranking: tuple[list[float], list[int]]
) -> None:
    scores, ranks = torch.tensor(ranking[0], dtype=torch.float64, requires_grad=True), ranking[1]
    (gradient,) = torch.autograd.grad(loss(scores, ranks), scores)
    assert torch.isfinite(gradient).all()
    assert float(gradient.sum()) == pytest.approx(0.0, abs=1e-9)
    best = [place for place, rank in enumerate(ranks) if rank == min(ranks)]
    assert float(gradient[best].sum()) <= 1e-12


@whole_rankings
@given(st.floats(-5, 5))
def test_every_loss_of_two_outputs_begins_with_bradley_terry(loss: Callable[..., Tensor], score: float) -> None:
    """At K = 2 all but Davidson's and those with a margin are -log sigma(better - worse)."""
    scores = torch.tensor([0.5, score], dtype=torch.float64)
    expected = -torch.nn.functional.logsigmoid(scores[0] - scores[1])
    if loss is davidson:
        loss = partial(davidson, strength=1e-12)
    elif isinstance(loss, partial):
        expected = -torch.nn.functional.logsigmoid(scores[0] - scores[1] - 1.5)
    assert float(loss(scores, [1, 2])) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("k", [2, 4, 9])
def test_with_ties_as_an_outcome_too_prompts_weigh_the_same(k: int) -> None:
    assert float(davidson(torch.zeros(k), range(1, k + 1))) == pytest.approx(math.log(2.7))
    assert float(davidson(torch.zeros(k), [1] * k)) == pytest.approx(math.log(2.7 / 0.7))


@pytest.mark.parametrize("loss", [ranking_loss, partial(ranking_loss, margin=2.0), first_choice_loss])
@pytest.mark.parametrize("ranks", [[1, 1, 1], [1]])
def test_an_all_tied_prompt_gives_no_nan_and_no_gradient(loss: Callable[..., Tensor], ranks: list[int]) -> None:
    scores = torch.randn(len(ranks), requires_grad=True)
    value = loss(scores, ranks)
    (gradient,) = torch.autograd.grad(value, scores)
    assert value.item() == 0
    assert gradient.tolist() == [0.0] * len(ranks)


@given(st.floats(-8, 8), st.floats(1e-3, 20))
def test_the_three_outcomes_of_davidson_make_one(difference: float, strength: float) -> None:
    scores = torch.tensor([difference, 0.0], dtype=torch.float64)
    outcomes = [davidson(scores, ranks, strength) for ranks in ([1, 2], [2, 1], [1, 1])]
    assert float(sum((-outcome).exp() for outcome in outcomes)) == pytest.approx(1.0)
    won, lost, _ = outcomes
    assert float(lost - won) == pytest.approx(difference, abs=1e-6)


def test_davidson_by_hand() -> None:
    """Scores log 4 and 0, strength 1: 2 : 1 : 1/2, of 3.5."""
    scores = torch.tensor([math.log(4), 0.0])
    for ranks, weight in (([1, 2], 2), ([1, 1], 1), ([2, 1], 0.5)):
        assert float(davidson(scores, ranks, 1.0)) == pytest.approx(-math.log(weight / 3.5))


def test_a_davidson_tie_draws_scores_together_and_says_that_ties_are_likely() -> None:
    scores = torch.tensor([2.0, 0.0], requires_grad=True)
    strength = torch.zeros((), requires_grad=True)
    davidson_loss(scores, [1, 1], strength).backward()
    assert scores.grad is not None
    assert strength.grad is not None
    assert scores.grad[0] > 0 > scores.grad[1]
    assert strength.grad < 0


@given(st.lists(st.lists(st.integers(1, 4), min_size=2, max_size=6), min_size=1, max_size=20))
def test_the_tie_strength_begins_where_equal_scores_are_tied_as_often_as_people_tie(rows: list[list[int]]) -> None:
    strength = tie_strength_of(rows)
    ties = sum(len(tied_pairs(ranks)) for ranks in rows)
    pairs = ties + sum(len(ordered_pairs(ranks)) for ranks in rows)
    assert strength / (2 + strength) == pytest.approx((ties + 0.5) / (pairs + 1))


def test_plackett_luce_by_hand() -> None:
    """First of three (4 of 7), then second of two (2 of 3); those of a tie do not compete with each other."""
    scores = torch.tensor([4.0, 2.0, 1.0]).log()
    assert float(first_choice_loss(scores, [1, 2, 3])) == pytest.approx(-math.log(4 / 7 * 2 / 3) / 2)
    assert float(first_choice_loss(scores, [1, 1, 2])) == pytest.approx(-math.log(4 / 5 * 2 / 3) / 2)


def test_a_margin_asks_the_most_of_those_furthest_apart() -> None:
    assert rank_gaps([1, 2, 5], [(0, 1), (1, 2), (0, 2)]) == [0.5, 0.5, 1.0]
    scores = torch.tensor([3.0, 2.0, 0.0])
    expected = [math.log1p(math.exp(-gap)) for gap in (1 - 0.5, 3 - 1.0, 2 - 0.5)]
    assert float(ranking_loss(scores, [1, 2, 3], margin=1.0)) == pytest.approx(sum(expected) / 3)


def test_equal_scores_win_half_a_pair() -> None:
    assert pair_wins([1.0, 1.0, 0.0], [1, 2, 3]) == (2.5, 3)
    assert pair_wins([1.0, 2.0], [1, 1]) == (0, 0)


def test_pairs_name_the_better_first() -> None:
    assert ordered_pairs([2, 1, 2]) == [(1, 0), (1, 2)]


def test_language_loss_counts_the_labels_of_the_whole_step() -> None:
    first, second = torch.tensor([-1.0, -2.0]), torch.tensor([-6.0])
    whole = language_loss(torch.cat([first, second]), 3)
    assert float(whole) == float(language_loss(first, 3) + language_loss(second, 3)) == 3.0
