import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.tiny import make_group
from trainer import shared_prompt
from trainer.layout import rows_from_groups
from trainer.shared_prompt import runs_of, shared_from_groups

shapes = st.lists(
    st.tuples(st.integers(1, 9), st.lists(st.integers(0, 6), min_size=1, max_size=5)), min_size=1, max_size=4
)


@given(shapes)
def test_each_completion_finds_its_prompt_and_its_positions(shape: list[tuple[int, list[int]]]) -> None:
    groups = [make_group(range(1, len(r) + 1), p, r, seed) for seed, (p, r) in enumerate(shape)]
    shared = shared_from_groups(groups)
    rows = rows_from_groups(groups, 0)
    assert shared.count == sum(p + sum(r) for p, r in shape)
    assert shared.groups.tolist() == rows.groups.tolist()
    for number in range(len(rows.ends)):
        tokens = whole_sequence(shared, number)
        assert shared.input_ids[tokens].tolist() == rows.input_ids[number, : rows.ends[number]].tolist()
        assert shared.positions[tokens].tolist() == list(range(len(tokens)))
        assert shared.scored[shared.readings[number]] == tokens[-1]


def whole_sequence(shared: object, number: int) -> list[int]:
    """The tokens of a completion's prompt, then its own."""
    tokens = []
    for part, row in ((shared.prompts, shared.groups[number]), (shared.completions, number)):  # type: ignore[attr-defined]
        tokens += (part.first + part.columns[row, : part.lengths[row]]).tolist()
    return tokens


@given(shapes)
def test_each_completion_token_is_predicted_by_the_one_before_it(shape: list[tuple[int, list[int]]]) -> None:
    groups = [make_group(range(1, len(r) + 1), p, r, seed) for seed, (p, r) in enumerate(shape)]
    shared, rows = shared_from_groups(groups), rows_from_groups(groups, 0)
    assert shared.input_ids[shared.predictors].tolist() == rows.input_ids[rows.predicting_mask].tolist()
    assert shared.positions[shared.predictors].tolist() == rows.predicting_mask.nonzero()[:, 1].tolist()
    assert shared.targets.tolist() == rows.targets.tolist()
    assert torch.equal(shared.response_mask, rows.response_mask)


@given(st.lists(st.integers(0, 600), max_size=20))
def test_runs_hold_every_sequence_in_order_and_fill_up_little(lengths: list[int]) -> None:
    rest = list(lengths)
    for count, width in runs_of(lengths):
        run, rest = rest[:count], rest[count:]
        assert width == max(run)
        assert count * width**2 - sum(length**2 for length in run) <= count * shared_prompt.FILLED_UP
    assert not rest


def test_one_long_prompt_does_not_fill_up_the_short_ones() -> None:
    assert runs_of([20, 30, 25, 1000, 40]) == ((3, 30), (1, 1000), (1, 40))


@given(shapes)
def test_every_token_has_one_place_in_the_columns(shape: list[tuple[int, list[int]]]) -> None:
    shared = shared_from_groups([make_group(range(1, len(r) + 1), p, r) for p, r in shape])
    for part in (shared.prompts, shared.completions):
        assert part.columns.flatten()[part.places].tolist() == list(range(part.count))
        assert part.even == (len(set(part.lengths.tolist())) == 1)


def test_a_token_where_several_completions_are_scored_is_read_once() -> None:
    shared = shared_from_groups([make_group((1, 2, 3), prompt=4, lengths=(0, 3, 0))])
    assert shared.scored.tolist() == [3, 6]
    assert shared.readings.tolist() == [0, 1, 0]
    assert shared.readings[shared.readers].tolist() == [0, 1]
    assert torch.equal(shared.scored, shared.scored.unique())
