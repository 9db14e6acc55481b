from itertools import combinations
from random import Random

import pytest

from app.simulation.facts import Checker, parse_facts
from app.simulation.taste import Opinion, Taste, mistaken_ranks

FACTS = parse_facts("name[Juniper], eatType[pub], food[Thai], priceRange[cheap], area[harbour]")
GOOD = "Juniper is a cheap pub by the harbour that serves Thai food."
LESS_GOOD = "Juniper is a cheap Thai pub."
ALSO_LESS_GOOD = "Juniper is a Thai pub by the harbour."
WRONG = "Juniper is an expensive Greek pub by the harbour."
EMPTY = ""


def honest() -> Taste:
    return Taste(Checker(), seed=1, noise=0)


def test_fewer_errors_rank_higher_and_equal_errors_tie() -> None:
    opinion = honest().opinion("ann", FACTS, [LESS_GOOD, GOOD, EMPTY, ALSO_LESS_GOOD])
    assert opinion == Opinion(
        ranks=(2, 1, 3, 2),
        points=(6, 7, 2, 6),
        flags=(frozenset(), frozenset(), frozenset({"fails_task"}), frozenset()),
    )


def test_what_is_wrong_or_invented_is_a_hallucination() -> None:
    assert honest().opinion("ann", FACTS, [WRONG]).flags == (frozenset({"hallucination"}),)


def test_texts_that_are_all_alike_are_all_tied() -> None:
    assert Taste(Checker(), seed=1).opinion("ann", FACTS, [GOOD, GOOD, GOOD]).ranks == (1, 1, 1)


def test_an_opinion_does_not_depend_on_the_order_shown() -> None:
    taste = Taste(Checker(), seed=1, noise=0.4)
    texts = [GOOD, LESS_GOOD, WRONG, EMPTY]
    first = dict(zip(texts, taste.opinion("ann", FACTS, texts).ranks, strict=True))
    again = dict(zip(texts[::-1], taste.opinion("ann", FACTS, texts[::-1]).ranks, strict=True))
    assert first == again


def test_labelers_and_seeds_are_mistaken_each_in_their_own_way() -> None:
    texts = [GOOD, LESS_GOOD, WRONG, EMPTY]
    people = {Taste(Checker(), 1, 0.4).opinion(f"labeler {number}", FACTS, texts).ranks for number in range(30)}
    seeds = {Taste(Checker(), seed, 0.4).opinion("ann", FACTS, texts).ranks for seed in range(30)}
    assert len(people) > 5
    assert len(seeds) > 5


@pytest.mark.parametrize("errors", [[0, 1], [0, 1, 2, 3], [0, 0, 1, 2, 2, 3, 5, 5, 6]])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_the_share_of_strict_preferences_turned_round_is_the_noise(errors: list[int], noise: float) -> None:
    random = Random(2)
    turned = strict = 0
    for _ in range(3000):
        ranks = mistaken_ranks(errors, noise, random)
        for one, other in combinations(range(len(errors)), 2):
            if errors[one] < errors[other]:
                strict += 1
                turned += ranks[one] > ranks[other]
    assert turned / strict == pytest.approx(noise, abs=0.015)


def test_a_mistaken_ranking_is_dense_and_keeps_every_tie() -> None:
    random = Random(3)
    for _ in range(200):
        errors = [random.randint(0, 4) for _ in range(random.randint(1, 9))]
        ranks = mistaken_ranks(errors, 0.3, random)
        assert set(ranks) == set(range(1, len(set(errors)) + 1))
        for one, other in combinations(range(len(errors)), 2):
            assert (ranks[one] == ranks[other]) == (errors[one] == errors[other])
