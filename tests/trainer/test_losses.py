"""Trap 11, and the loss in fp32 of trap 12."""

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.losses import language_loss, ordered_pairs, pair_wins, ranking_loss, ranking_loss_with_half_ties

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


def test_equal_scores_win_half_a_pair() -> None:
    assert pair_wins([1.0, 1.0, 0.0], [1, 2, 3]) == (2.5, 3)
    assert pair_wins([1.0, 2.0], [1, 1]) == (0, 0)


def test_pairs_name_the_better_first() -> None:
    assert ordered_pairs([2, 1, 2]) == [(1, 0), (1, 2)]


def test_language_loss_counts_the_labels_of_the_whole_step() -> None:
    first, second = torch.tensor([-1.0, -2.0]), torch.tensor([-6.0])
    whole = language_loss(torch.cat([first, second]), 3)
    assert float(whole) == float(language_loss(first, 3) + language_loss(second, 3)) == 3.0
