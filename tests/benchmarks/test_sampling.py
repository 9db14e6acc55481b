import pytest
import torch
from transformers import LlamaForCausalLM, LlamaModel

from tests.benchmarks.sampling import (
    Case,
    NotTheSame,
    generated,
    require_same_scores,
    require_same_tokens,
    sampled,
    scored_groups,
    scores,
)
from tests.benchmarks.small_models import model_config
from trainer.models import RewardModel

CASE = Case(k=3, prompt=12, completion=5, prompts=2)
CONFIG = model_config(hidden=32, layers=2)


def test_both_samplers_give_the_same_likeliest_tokens_and_one_other_token_is_noticed():
    model = LlamaForCausalLM(CONFIG).eval()
    theirs, ours = generated(model, CASE, likeliest=True), sampled(model, CASE, likeliest=True)
    assert [len(ids) for ids in ours] == [5] * 6
    require_same_tokens(theirs, ours)
    ours[4][2] += 1
    with pytest.raises(NotTheSame, match="Completion 4"):
        require_same_tokens(theirs, ours)


def test_both_samplers_draw_as_many_tokens():
    model = LlamaForCausalLM(CONFIG).eval()
    assert [len(ids) for ids in generated(model, CASE)] == [len(ids) for ids in sampled(model, CASE)] == [5] * 6


def test_both_layouts_give_the_same_scores_and_two_swapped_ones_are_noticed():
    model = RewardModel(LlamaModel(CONFIG)).eval()
    groups = scored_groups(CASE)
    theirs, ours = scores(model, groups, "rows"), scores(model, groups, "shared")
    assert ours.shape == (6,)
    require_same_scores(theirs, ours)
    with pytest.raises(NotTheSame, match="Scores"):
        require_same_scores(theirs, ours[torch.tensor([1, 0, 2, 3, 4, 5])])
