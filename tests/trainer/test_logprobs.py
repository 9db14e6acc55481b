"""The shortcut round the vocabulary gives what the whole model gives."""

import pytest
import torch

from tests.trainer.tiny import CONFIGS, make_group, make_policy
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs, packed_logprobs

GROUPS = [make_group(), make_group((1, 2), prompt=9, lengths=(3, 6), seed=1)]


@pytest.mark.parametrize("architecture", CONFIGS)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_they_are_those_of_the_whole_model(architecture: str, temperature: float) -> None:
    policy = make_policy(architecture)
    rows = rows_from_groups(GROUPS, 0)
    whole = torch.log_softmax(policy(rows.input_ids).logits / temperature, dim=-1)
    found = completion_logprobs(policy, rows, temperature)
    for row, (start, end) in enumerate(zip(rows.prompt_ends.tolist(), rows.ends.tolist(), strict=True)):
        expected = torch.stack([whole[row, t - 1, rows.input_ids[row, t]] for t in range(start, end)])
        torch.testing.assert_close(found[row, : end - start], expected, atol=1e-5, rtol=1e-5)
        assert found[row, end - start :].tolist() == [0.0] * (found.shape[1] - end + start)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_filling_does_not_change_them(architecture: str) -> None:
    policy = make_policy(architecture)
    rows = rows_from_groups(GROUPS, 0)
    moved = completion_logprobs(policy, rows.moved_right(4, 0))
    torch.testing.assert_close(moved, completion_logprobs(policy, rows), atol=1e-5, rtol=1e-5)


def test_an_unknown_architecture_takes_the_whole_road() -> None:
    policy = make_policy()
    rows = rows_from_groups(GROUPS, 0)
    short = packed_logprobs(policy, rows)
    policy.config.model_type = "unheard-of"
    torch.testing.assert_close(packed_logprobs(policy, rows), short)
