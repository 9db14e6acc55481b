from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.cross_validation.dealing import dealt

labelers = st.sets(st.integers(1, 10_000), max_size=60)


@given(labelers, st.integers(2, 10), st.integers(0, 5))
def test_every_labeler_is_in_one_fold_and_folds_differ_by_one_at_most(people, folds, seed):
    found = dealt(people, folds, seed)
    assert found.keys() == people
    sizes = Counter(found.values())
    assert set(sizes) == set(range(1, min(folds, len(people)) + 1))
    assert not sizes or max(sizes.values()) - min(sizes.values()) <= 1


@given(st.permutations(range(1, 21)), st.integers(0, 5))
def test_the_same_seed_deals_alike_in_whatever_order_labelers_come(people, seed):
    assert dealt(people, 5, seed) == dealt(range(1, 21), 5, seed)


def test_another_seed_deals_otherwise():
    assert dealt(range(1, 41), 5, 0) != dealt(range(1, 41), 5, 1)
