from copy import copy

import pytest
import torch
from transformers import LlamaConfig, LlamaModel

from tests.trainer.tiny import CONFIGS, make_group, make_policy
from trainer.config import BadSetting
from trainer.layout import Rows
from trainer.layout_choice import LAST_LAYER, Cost, LayOut, layouts_of
from trainer.models import RewardModel, remove_dropout
from trainer.shared_prompt import SharedPrompts

CPU = torch.device("cpu")
LONG_PROMPTS = [make_group(range(1, 10), prompt=60, lengths=[20] * 9, seed=seed) for seed in range(4)]
NO_PROMPTS_TO_SPEAK_OF = [make_group((1, 2), prompt=1, lengths=(2, 2))]


def make_lay_out(layout: str, architecture: str = "llama") -> LayOut:
    return LayOut(make_policy(architecture).base_model, layout, 0, CPU)


def test_a_setting_that_names_a_layout_is_obeyed() -> None:
    for groups in (LONG_PROMPTS, NO_PROMPTS_TO_SPEAK_OF):
        assert isinstance(make_lay_out("rows")(groups), Rows)
        assert isinstance(make_lay_out("shared")(groups), SharedPrompts)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_auto_shares_prompts_that_are_long_and_asked_often(architecture: str) -> None:
    lay_out = make_lay_out("auto", architecture)
    assert lay_out.cost is not None
    lay_out.cost.extra = 0.0
    assert isinstance(lay_out(LONG_PROMPTS), SharedPrompts)


def test_auto_keeps_rows_where_sharing_costs_more_than_it_saves() -> None:
    assert isinstance(make_lay_out("auto")(NO_PROMPTS_TO_SPEAK_OF), Rows)


@pytest.mark.parametrize(
    ("groups", "k", "prompt", "completion", "faster"),
    [
        (1, 2, 5, 10, Rows),
        (1, 4, 10, 10, Rows),
        (8, 2, 1, 5, Rows),
        (8, 1, 50, 35, SharedPrompts),
        (8, 4, 4, 35, SharedPrompts),
        (8, 4, 50, 35, SharedPrompts),
        (1, 2, 100, 100, SharedPrompts),
    ],
)
def test_auto_takes_what_was_measured_to_be_faster(
    groups: int, k: int, prompt: int, completion: int, faster: type
) -> None:
    """On one core, forward and backward, the small model of the demo."""
    sizes = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 256}
    lay_out = LayOut(LlamaModel(LlamaConfig(vocab_size=320, **sizes)), "auto", 0, CPU)
    assert isinstance(lay_out([make_group(range(1, k + 1), prompt, [completion] * k)] * groups), faster)


def test_the_more_completions_a_prompt_has_the_more_sharing_saves() -> None:
    cost = make_lay_out("auto").cost
    assert cost is not None
    cost.extra = 0.0
    groups = [[make_group(range(1, k + 1), prompt=30, lengths=[10] * k)] for k in (1, 2, 4, 9)]
    savings = [cost.of_rows(group) / cost.of_shared(group) for group in groups]
    assert savings == sorted(savings)
    assert savings[-1] > 2 * savings[0]


def test_what_predicts_every_token_saves_less_of_the_last_layer() -> None:
    lay_out = make_lay_out("auto")
    assert lay_out.cost is not None
    lay_out.cost.extra = 0.0
    alike = [make_group((1,), prompt=6, lengths=(40,), seed=seed) for seed in range(8)]
    lay_out.cost.extra = (lay_out.cost.of_rows(alike) - lay_out.cost.of_shared(alike)) / lay_out.cost.layers / 2
    assert isinstance(lay_out(alike), SharedPrompts)
    assert isinstance(lay_out.to_predict(alike), Rows)
    assert isinstance(lay_out.to_predict(LONG_PROMPTS), SharedPrompts)


def test_a_decoder_that_cannot_share_takes_rows_and_says_so_if_asked_for_more() -> None:
    other = make_policy().base_model
    other.config = copy(other.config)
    other.config.model_type = "mamba"
    assert isinstance(LayOut(other, "auto", 0, CPU)(LONG_PROMPTS), Rows)
    with pytest.raises(BadSetting, match="rows or auto with mamba"):
        LayOut(other, "shared", 0, CPU)


def test_both_layouts_give_a_model_the_same_scores() -> None:
    model = RewardModel(make_policy().base_model).eval()
    scores = [model(LayOut(model.backbone, layout, 0, CPU)(LONG_PROMPTS)) for layout in ("rows", "shared", "auto")]
    torch.testing.assert_close(scores[1], scores[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(scores[2], scores[0], atol=1e-5, rtol=1e-5)


def test_blocks_are_for_a_gpu_and_for_attention_without_dropout() -> None:
    cuda = torch.device("cuda")
    assert layouts_of(make_policy().base_model, CPU) == ("rows", "shared")
    assert layouts_of(make_policy().base_model, cuda) == ("rows", "shared", "blocks")
    dropping = make_policy("gpt2")  # its attention drops a tenth by default
    assert layouts_of(dropping.base_model, cuda) == ("rows", "shared")
    remove_dropout(dropping)
    assert layouts_of(dropping.base_model, cuda) == ("rows", "shared", "blocks")
    for backbone, device in ((make_policy().base_model, CPU), (make_policy("gpt2").base_model, cuda)):
        with pytest.raises(BadSetting, match="must not be blocks"):
            LayOut(backbone, "blocks", 0, device)


def test_blocks_cost_less_where_lengths_differ_and_more_than_rows_where_all_is_short() -> None:
    cost, layouts = Cost(make_policy().base_model, 1e6), ("rows", "shared", "blocks")
    uneven = [make_group((1, 2, 3), prompt=length, lengths=(40, 300, 900), seed=length) for length in (100, 2000)]
    assert cost.least(layouts, uneven, LAST_LAYER) == "blocks"
    assert cost.least(layouts, LONG_PROMPTS, LAST_LAYER) == "shared"
    assert cost.least(layouts, NO_PROMPTS_TO_SPEAK_OF, LAST_LAYER) == "rows"
