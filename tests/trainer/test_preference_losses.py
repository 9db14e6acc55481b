"""Hand-computed cases, and what must hold of every loss: no ties taught, no order of outputs, the right direction."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.preference_losses import (
    Likelihoods,
    best_of,
    dpo_loss,
    dpo_ranking_loss,
    first_choice_loss,
    hinge_loss,
    ipo_loss,
    margins,
    pro_loss,
    rrhf_loss,
    slic_loss,
)

Loss = Callable[[Likelihoods, Sequence[int]], Tensor]

OF_RATIOS: dict[str, Loss] = {
    "dpo": partial(dpo_loss, beta=0.5),
    "dpo_ranking": partial(dpo_ranking_loss, beta=0.5),
    "ipo": partial(ipo_loss, tau=0.1),
    "hinge": partial(hinge_loss, beta=0.5),
}
OF_LIKELIHOODS: dict[str, Loss] = {
    "slic": partial(slic_loss, margin=1.0, best_weight=0.25),
    "rrhf": partial(rrhf_loss, best_weight=0.25),
    "pro": partial(pro_loss, best_weight=0.25),
}
LOSSES = OF_RATIOS | OF_LIKELIHOODS


def told(
    policy: Sequence[float], reference: Sequence[float] | None = None, lengths: Sequence[int] | None = None
) -> Likelihoods:
    k = len(policy)
    values = (policy, reference or [0.0] * k, lengths or [1] * k)
    return Likelihoods(*(torch.tensor(list(row), dtype=torch.float64) for row in values))


def gradient(loss: Loss, likelihoods: Likelihoods, ranks: Sequence[int]) -> Tensor:
    policy = likelihoods.policy.clone().requires_grad_()
    loss(Likelihoods(policy, likelihoods.reference, likelihoods.lengths), ranks).backward()
    assert policy.grad is not None
    return policy.grad


quick = settings(max_examples=50, deadline=None)
nats = st.floats(-20, -0.5)
numbers_and_ranks = st.integers(2, 9).flatmap(
    lambda k: st.tuples(
        st.lists(nats, min_size=k, max_size=k),
        st.lists(nats, min_size=k, max_size=k),
        st.lists(st.integers(1, 30), min_size=k, max_size=k),
        st.lists(st.integers(1, k), min_size=k, max_size=k),
    )
)
Drawn = tuple[list[float], list[float], list[int], list[int]]

# The better has log-probability -2 (reference -3), the worse -4 (reference -3): the ratios are 1 and -1, 2 apart.
# log sigma(1) = -0.3132616875; at beta = 0.5 the pair is 0.5 * 2 = 1 apart.
PAIR = told([-2.0, -4.0], [-3.0, -3.0], [4, 2])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dpo", 0.3132616875),
        ("dpo_ranking", 0.3132616875),
        ("ipo", 9.0),  # (2 - 1 / 0.2) squared
        ("hinge", 0.0),  # 1 - 0.5 * 2
        ("slic", 0.5),  # the hinge is max(0, 1 - 2) = 0; 0.25 * 2 nats of the best
        ("rrhf", 0.5),  # per token -0.5 and -2: in order
        ("pro", 0.5 + 0.2014132780),  # -log sigma(1.5)
    ],
)
def test_a_pair_by_hand(name: str, expected: float) -> None:
    assert float(LOSSES[name](PAIR, [1, 2])) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dpo", 1.3132616875),  # one nat the wrong way round
        ("dpo_ranking", 1.3132616875),
        ("ipo", 49.0),  # (-2 - 5) squared
        ("hinge", 2.0),
        ("slic", 3.0 + 1.0),  # 1 + 2, and 0.25 * 4 nats
        ("rrhf", 1.5 + 1.0),  # -0.5 - -2
        ("pro", 1.7014132780 + 1.0),
    ],
)
def test_the_same_pair_the_wrong_way_round(name: str, expected: float) -> None:
    assert float(LOSSES[name](PAIR, [2, 1])) == pytest.approx(expected, abs=1e-9)


def test_a_ranking_of_three_by_hand() -> None:
    """exp of the values is 4, 2 and 1: the first is chosen with 4/7, the second with 2/3; pairs with 2/3, 4/5, 2/3."""
    values = [math.log(4), math.log(2), 0.0]
    chosen = (math.log(7 / 4) + math.log(3 / 2)) / 2
    assert float(first_choice_loss(torch.tensor(values), [1, 2, 3])) == pytest.approx(chosen)
    assert float(dpo_ranking_loss(told(values), [1, 2, 3], beta=1.0)) == pytest.approx(chosen)
    pairs = (2 * math.log(3 / 2) + math.log(5 / 4)) / 3
    assert float(dpo_loss(told(values), [1, 2, 3], beta=1.0)) == pytest.approx(pairs)


def test_tied_completions_are_each_chosen_before_what_is_below_them_alone() -> None:
    """exp is 4, 2, 1 with the first two tied: shares 4/5 and 2/3 against the last."""
    values = [math.log(4), math.log(2), 0.0]
    expected = (math.log(5 / 4) + math.log(3 / 2)) / 2
    assert float(first_choice_loss(torch.tensor(values), [1, 1, 2])) == pytest.approx(expected)


def test_the_best_are_those_of_the_first_tier() -> None:
    values = torch.tensor([-1.0, -5.0, -3.0])
    assert float(best_of(values, [1, 2, 1])) == -2.0
    assert float(best_of(values, [1, 1, 1])) == 0.0
    assert margins(values, [2, 1, 2]).tolist() == [-4.0, -2.0]


@quick
@given(nats, nats, nats, nats)
def test_for_two_outputs_a_ranking_is_a_pair(one: float, other: float, before: float, after: float) -> None:
    likelihoods = told([one, other], [before, after])
    whole, pair = dpo_ranking_loss(likelihoods, [2, 1], 0.3), dpo_loss(likelihoods, [2, 1], 0.3)
    assert float(whole) == pytest.approx(float(pair), abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
@quick
@given(drawn=numbers_and_ranks, draw=st.randoms())
def test_the_order_of_outputs_does_not_matter(name: str, drawn: Drawn, draw: object) -> None:
    policy, reference, lengths, ranks = drawn
    order = list(range(len(ranks)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    moved = told(*([row[place] for place in order] for row in (policy, reference, lengths)))
    loss = LOSSES[name](moved, [ranks[place] for place in order])
    assert float(loss) == pytest.approx(float(LOSSES[name](told(policy, reference, lengths), ranks)), abs=1e-9)


@pytest.mark.parametrize("name", OF_RATIOS)
@quick
@given(drawn=numbers_and_ranks, constant=st.floats(-50, 50))
def test_what_all_completions_gain_alike_changes_nothing(name: str, drawn: Drawn, constant: float) -> None:
    policy, reference, lengths, ranks = drawn
    raised = told([value + constant for value in policy], reference, lengths)
    loss = OF_RATIOS[name](told(policy, reference, lengths), ranks)
    assert float(OF_RATIOS[name](raised, ranks)) == pytest.approx(float(loss), abs=1e-9)


@pytest.mark.parametrize("name", OF_LIKELIHOODS)
@quick
@given(drawn=numbers_and_ranks)
def test_methods_without_a_reference_do_not_look_at_it(name: str, drawn: Drawn) -> None:
    policy, reference, lengths, ranks = drawn
    with_it, without = told(policy, reference, lengths), told(policy, None, lengths)
    assert float(LOSSES[name](with_it, ranks)) == float(LOSSES[name](without, ranks))


@pytest.mark.parametrize("name", LOSSES)
@quick
@given(drawn=numbers_and_ranks)
def test_no_loss_lowers_the_best_or_raises_the_worst(name: str, drawn: Drawn) -> None:
    """Descent never moves the first tier down against the last; IPO alone pulls back pairs that are too far apart."""
    policy, reference, lengths, ranks = drawn
    if name == "ipo":
        reference = [value + 0.01 * place for place, value in enumerate(policy)]
    slopes = gradient(LOSSES[name], told(policy, reference, lengths), ranks).tolist()
    if len(set(ranks)) > 1:
        assert all(slope <= 1e-12 for slope, rank in zip(slopes, ranks, strict=True) if rank == min(ranks))
        assert all(slope >= -1e-12 for slope, rank in zip(slopes, ranks, strict=True) if rank == max(ranks))


@pytest.mark.parametrize("name", ["dpo", "dpo_ranking", "ipo", "pro"])
def test_the_gradient_raises_the_better_of_a_pair(name: str) -> None:
    better, worse = gradient(LOSSES[name], told([-3.0, -3.0], [-3.0, -3.0]), [1, 2]).tolist()
    assert better < 0 < worse


def test_a_pair_that_is_far_enough_apart_is_left_alone_or_drawn_back() -> None:
    apart = told([-1.0, -20.0], [-10.0, -10.0])
    assert gradient(LOSSES["hinge"], apart, [1, 2]).tolist() == [0.0, 0.0]
    assert gradient(partial(slic_loss, margin=1.0, best_weight=0.0), apart, [1, 2]).tolist() == [0.0, 0.0]
    assert gradient(partial(rrhf_loss, best_weight=0.0), apart, [1, 2]).tolist() == [0.0, 0.0]
    better, worse = gradient(LOSSES["ipo"], apart, [1, 2]).tolist()  # 19 apart, where 5 will do
    assert better > 0 > worse


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("ranks", [[1, 1, 1], [1]])
def test_outputs_that_are_all_tied_teach_nothing(name: str, ranks: list[int]) -> None:
    likelihoods = told([-1.0, -7.0, -3.0][: len(ranks)], lengths=[3, 2, 1][: len(ranks)])
    assert float(LOSSES[name](likelihoods, ranks)) == 0.0
    assert gradient(LOSSES[name], likelihoods, ranks).tolist() == [0.0] * len(ranks)


@pytest.mark.parametrize("name", ["dpo", "ipo", "hinge"])
def test_prompts_weigh_the_same_whatever_their_number_of_outputs(name: str) -> None:
    values = {k: float(LOSSES[name](told([-2.0] * k), range(1, k + 1))) for k in (2, 4, 9)}
    assert values[4] == pytest.approx(values[2])
    assert values[9] == pytest.approx(values[2])


@pytest.mark.parametrize("name", ["rrhf", "pro"])
def test_a_longer_completion_of_the_same_words_counts_the_same_in_the_comparison(name: str) -> None:
    loss = partial(rrhf_loss if name == "rrhf" else pro_loss, best_weight=0.0)
    short, long = told([-2.0, -1.0], lengths=[2, 2]), told([-6.0, -1.0], lengths=[6, 2])
    assert float(loss(short, [1, 2])) == pytest.approx(float(loss(long, [1, 2])))
    assert float(slic_loss(short, [1, 2], 1.0, 0.0)) != float(slic_loss(long, [1, 2], 1.0, 0.0))
