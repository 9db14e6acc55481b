"""The four models of a PPO run, the same in every process that asks for them."""

from typing import Any

import torch
from transformers import LlamaForCausalLM, LlamaForSequenceClassification

from tests.benchmarks.ppo_cases import Case
from tests.benchmarks.small_models import model_config


def make_language_model(case: Case, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(model_config(case.hidden, case.layers)).eval()


def make_scorer(case: Case, seed: int) -> Any:
    """A backbone with a head of one number, as transformers builds it."""
    torch.manual_seed(seed)
    return LlamaForSequenceClassification(model_config(case.hidden, case.layers)).eval()


def make_models(case: Case) -> tuple[LlamaForCausalLM, LlamaForCausalLM, Any, Any]:
    """Policy, a reference that is not the policy, so that there is a KL to pay for, reward model, value model."""
    return make_language_model(case, 0), make_language_model(case, 1), make_scorer(case, 2), make_scorer(case, 2)
