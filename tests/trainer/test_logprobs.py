"""The shortcut round the vocabulary gives what the whole model gives, in both layouts and in parts."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.tiny import CONFIGS, make_group, make_policy
from trainer.layout import Rows, rows_from_groups
from trainer.logprobs import completion_logprobs, logprobs_and_entropy, packed_logprobs
from trainer.shared_prompt import SharedPrompts, shared_from_groups

GROUPS = [make_group(), make_group((1, 2), prompt=9, lengths=(3, 6), seed=1)]
UNEVEN = [*GROUPS, make_group((1, 2, 3), prompt=1, lengths=(0, 1, 5), seed=2)]


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


def learned(policy: Any, batch: Rows | SharedPrompts, at_once: int = 0) -> tuple[Tensor, Tensor]:
    """Log-probabilities and the gradient of a sum that weighs each of them otherwise."""
    policy.zero_grad()
    logprobs = completion_logprobs(policy, batch, 0.7, at_once)
    weights = torch.linspace(-1, 1, logprobs.numel()).view_as(logprobs)
    (logprobs * weights).sum().backward()
    gradients = [parameter.grad for parameter in policy.parameters() if parameter.grad is not None]
    return logprobs.detach(), torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("architecture", CONFIGS)
@pytest.mark.parametrize("groups", [UNEVEN, GROUPS[:1]], ids=["uneven", "one prompt"])
def test_shared_prompts_and_rows_predict_alike(architecture: str, groups: Sequence[Any]) -> None:
    policy = make_policy(architecture)
    by_rows, gradient = learned(policy, rows_from_groups(groups, 0))
    shared, shared_gradient = learned(policy, shared_from_groups(groups))
    torch.testing.assert_close(shared, by_rows, atol=1e-5, rtol=1e-5)
    assert float((shared_gradient - gradient).norm() / gradient.norm()) < 1e-5


@pytest.mark.parametrize("architecture", CONFIGS)
@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_a_vocabulary_in_parts_changes_neither_loss_nor_gradient(architecture: str, at_once: int) -> None:
    policy = make_policy(architecture)
    for batch in (rows_from_groups(UNEVEN, 0), shared_from_groups(UNEVEN)):
        whole, gradient = learned(policy, batch)
        parts, parts_gradient = learned(policy, batch, at_once)
        torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-6)
        assert float((parts_gradient - gradient).norm() / gradient.norm()) < 1e-6
        with torch.no_grad():
            for one, other in zip(
                logprobs_and_entropy(policy, batch), logprobs_and_entropy(policy, batch, at_once=at_once), strict=True
            ):
                torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


class LargestVocabulary(TorchDispatchMode):
    """The most rows that any tensor as wide as the vocabulary had, but for the head itself."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary, self.rows = vocabulary, 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        if (
            function is not torch.ops.aten.t.default
            and isinstance(made, Tensor)
            and made.ndim == 2
            and made.shape[1] == self.vocabulary
        ):
            self.rows = max(self.rows, made.shape[0])
        return made


@pytest.mark.parametrize(("at_once", "rows"), [(0, 28), (5, 5)])
def test_no_more_logits_exist_than_asked_for_forward_and_backward(at_once: int, rows: int) -> None:
    policy = make_policy()
    policy.get_output_embeddings().requires_grad_(False)
    batch = rows_from_groups(UNEVEN, 0)
    assert len(batch.targets) == 28
    with LargestVocabulary(policy.config.vocab_size) as seen:
        learned(policy, batch, at_once)
    assert seen.rows == rows
