"""The layout `shared` under a block mask: what `rows` computes, by torch's own FlexAttention.

On a CPU torch refuses its gradient, though it computes it: the refusal alone is taken out here.
"""

import pytest
import torch
from torch.nn.attention import flex_attention
from transformers import AutoModel, MistralConfig

from tests.trainer.test_shared_attention import EVEN, UNEVEN, assert_equal, make_reward_model
from tests.trainer.tiny import CONFIGS, LIKE_LLAMA, make_policy
from trainer.config import ModelSettings
from trainer.economy import economise, freeze
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs
from trainer.models import RewardModel
from trainer.shared_prompt import shared_from_groups

CPU = torch.device("cpu")
pytestmark = [
    pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]


@pytest.fixture
def with_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flex_attention, "_validate_device", lambda *_: None)


@pytest.mark.usefixtures("with_gradient")
@pytest.mark.parametrize("architecture", CONFIGS)
def test_scores_and_gradients_are_those_of_rows(architecture: str) -> None:
    assert_equal(make_reward_model(architecture), UNEVEN, "blocks")


@pytest.mark.usefixtures("with_gradient")
def test_sequences_of_one_length_are_no_exception() -> None:
    assert_equal(make_reward_model(), EVEN, "blocks")


@pytest.mark.usefixtures("with_gradient")
@pytest.mark.parametrize("architecture", CONFIGS)
def test_log_probabilities_and_their_gradients_are_those_of_rows(architecture: str) -> None:
    found = []
    for batch in (rows_from_groups(UNEVEN, 0), shared_from_groups(UNEVEN, "blocks")):
        policy = make_policy(architecture)
        logprobs = completion_logprobs(policy, batch)
        logprobs.sum().backward()
        gradient = [one.grad.flatten() for one in policy.parameters() if one.grad is not None]
        found.append((logprobs.detach(), torch.cat(gradient)))
    torch.testing.assert_close(found[1][0], found[0][0], atol=1e-5, rtol=1e-5)
    assert float((found[1][1] - found[0][1]).norm() / found[0][1].norm()) < 1e-5


@pytest.mark.usefixtures("with_gradient")
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_layers_that_run_again_meet_the_same_mask(architecture: str) -> None:
    model = make_reward_model(architecture)
    economise(model, ModelSettings(gradient_checkpointing="on"), CPU)
    assert_equal(model, UNEVEN, "blocks")


@pytest.mark.usefixtures("with_gradient")
@pytest.mark.parametrize("window", [1, 3, 8])
def test_a_sliding_window_hides_the_same_tokens(window: int) -> None:
    torch.manual_seed(0)
    model = RewardModel(AutoModel.from_config(MistralConfig(**LIKE_LLAMA, sliding_window=window))).eval()
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.mul_(5 if parameter.ndim > 1 else 1)
    assert_equal(model, UNEVEN, "blocks")


def test_without_a_gradient_torch_takes_it_on_a_cpu_as_it_is() -> None:
    model = make_reward_model()
    with torch.no_grad():
        scores = [model(batch) for batch in (rows_from_groups(UNEVEN, 0), shared_from_groups(UNEVEN, "blocks"))]
    torch.testing.assert_close(scores[1], scores[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_in_bf16_queries_keys_and_values_are_of_one_type(architecture: str) -> None:
    exact, model = make_reward_model(architecture), make_reward_model(architecture)
    model.head.load_state_dict(exact.head.state_dict())
    freeze(model, ModelSettings(precision="bf16"), CPU)
    batch = shared_from_groups(UNEVEN, "blocks")
    with torch.no_grad():
        torch.testing.assert_close(model(batch), exact(batch), atol=0.3, rtol=0.1)
