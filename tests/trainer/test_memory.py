"""Too little memory is an error like any other: one sentence, and what to lower."""

import pytest
import torch

from trainer.config import PPOConfig, RewardConfig, SampleConfig
from trainer.memory import advice, ran_out_of_memory


def test_what_torch_and_python_raise_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8, device="cpu")
    for error in (caught.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")):
        assert ran_out_of_memory(error)
    assert not ran_out_of_memory(RuntimeError("a shape is wrong"))


def test_the_advice_names_settings_that_the_stage_has() -> None:
    said = advice(RewardConfig(micro_batch=4))
    assert "micro_tokens (now 0, which sets no limit), micro_batch (now 4), batch (now 64)" in said
    assert "gradient_checkpointing" in said
    assert "lora_rank" in said
    assert "minibatch (now 64)" in advice(PPOConfig())
    assert advice(SampleConfig()).count(". ") == 0
    assert "gradient_checkpointing" not in advice(RewardConfig(gradient_checkpointing="on"))
