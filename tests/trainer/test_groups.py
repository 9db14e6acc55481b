from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.tiny import make_group
from trainer.groups import Sampler, epoch_batches, micro_batches, token_batches


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 3))
def test_a_pass_takes_every_example_once(lengths: list[int], batch: int, epoch: int) -> None:
    batches = epoch_batches(lengths, batch, 0, epoch)
    assert sorted(index for members in batches for index in members) == list(range(len(lengths)))
    assert max(map(len, batches)) <= batch


def test_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = list(range(100))
    assert epoch_batches(lengths, 8, 1, 2) == epoch_batches(lengths, 8, 1, 2)
    assert epoch_batches(lengths, 8, 1, 2) != epoch_batches(lengths, 8, 1, 3)
    assert epoch_batches(lengths, 8, 1, 2) != epoch_batches(lengths, 8, 2, 2)


def test_examples_of_like_length_meet() -> None:
    lengths = [index % 10 + 1 for index in range(320)]
    batches = epoch_batches(lengths, 10, 0, 0)
    spread = [max(lengths[i] for i in members) - min(lengths[i] for i in members) for members in batches]
    assert max(spread) <= 1


def test_a_sampler_can_start_anywhere() -> None:
    whole, late = Sampler([3] * 10, 4, 0), Sampler([3] * 10, 4, 0)
    steps = [whole.at(step) for step in range(9)]
    assert [late.at(step) for step in (7, 2, 8)] == [steps[7], steps[2], steps[8]]
    assert sorted(index for members in steps[3:6] for index in members) == list(range(10))


def test_micro_batches_keep_order_and_zero_takes_all() -> None:
    groups = [make_group(seed=seed) for seed in range(5)]
    assert [len(part) for part in micro_batches(groups, 2)] == [2, 2, 1]
    assert micro_batches(groups, 0) == [groups]


@given(st.lists(st.tuples(st.integers(1, 30), st.lists(st.integers(0, 20), min_size=1, max_size=5)), max_size=12))
def test_a_budget_of_tokens_is_kept_and_loses_nobody(shape: list[tuple[int, list[int]]]) -> None:
    groups = [make_group(range(1, len(r) + 1), p, r, seed) for seed, (p, r) in enumerate(shape)]
    parts = token_batches(groups, 60)
    assert sorted(group.prompt_id for part in parts for group in part) == sorted(group.prompt_id for group in groups)
    assert all(len(part) == 1 or sum(group.tokens for group in part) <= 60 for part in parts)
    longest = [group.longest for part in parts for group in part]
    assert longest == sorted(longest)


def test_a_group_knows_whether_it_prefers_anything() -> None:
    assert make_group((1, 2, 1)).has_preference
    assert not make_group((1, 1, 1)).has_preference
    assert make_group().longest == 5 + 7
