import torch

from tests.trainer.tiny import make_group
from trainer.layout import left_filled, rows_from_groups, rows_from_pairs

PAD = 0


def test_a_group_is_k_rows_that_share_their_prompt() -> None:
    group = make_group(lengths=(4, 2, 7))
    rows = rows_from_groups([group, make_group((1,), lengths=(3,))], PAD)
    assert rows.input_ids.shape == (4, 12)
    assert rows.groups.tolist() == [0, 0, 0, 1]
    assert rows.ends.tolist() == [9, 7, 12, 8]
    assert rows.input_ids[1].tolist() == [*group.prompt_ids, *group.completion_ids[1], *[PAD] * 5]


def test_masks_mark_exactly_what_they_name() -> None:
    rows = rows_from_pairs([[5, 6], [7]], [[8], [9, 10, 11]], PAD)
    assert rows.input_ids[rows.completion_mask].tolist() == [8, 9, 10, 11]
    assert rows.input_ids[rows.predicting_mask].tolist() == [6, 7, 9, 10]
    assert rows.input_ids[rows.token_mask].tolist() == [5, 6, 8, 7, 9, 10, 11]
    assert rows.response_mask.tolist() == [[True, False, False], [True, True, True]]
    assert rows.completion_ids[rows.response_mask].tolist() == [8, 9, 10, 11]
    assert rows.input_ids[torch.arange(2), rows.last].tolist() == [8, 11]


def test_a_pad_id_among_the_words_is_a_word() -> None:
    rows = rows_from_pairs([[5]], [[PAD, 6, PAD]], PAD)
    assert rows.completion_lengths.tolist() == [3]
    assert rows.input_ids[rows.completion_mask].tolist() == [PAD, 6, PAD]


def test_an_empty_completion_ends_with_its_prompt() -> None:
    rows = rows_from_pairs([[5, 6], [7]], [[], [8]], PAD)
    assert rows.last.tolist() == [1, 1]
    assert rows.completion_mask.sum(1).tolist() == rows.predicting_mask.sum(1).tolist() == [0, 1]


def test_rows_moved_right_keep_their_words() -> None:
    rows = rows_from_pairs([[5, 6], [7]], [[8], [9, 10, 11]], PAD)
    moved = rows.moved_right(3, PAD)
    for mask in ("token_mask", "completion_mask", "predicting_mask"):
        assert rows.input_ids[getattr(rows, mask)].tolist() == moved.input_ids[getattr(moved, mask)].tolist()
    assert moved.model_inputs()["position_ids"][1].tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert torch.equal(moved.completion_ids[moved.response_mask], rows.completion_ids[rows.response_mask])


def test_prompts_filled_on_the_left_end_together() -> None:
    inputs = left_filled([[5, 6, 7], [8]], PAD)
    assert inputs["input_ids"].tolist() == [[5, 6, 7], [PAD, PAD, 8]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert inputs["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
