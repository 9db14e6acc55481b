import pytest
import torch

from tests.trainer.tiny import make_group, make_policy
from trainer.layout import rows_from_pairs
from trainer.layout_choice import LayOut
from trainer.models import RewardModel
from trainer.scoring import Scorer

PROMPTS = [(5, 6, 7), (9, 8), (5, 6, 7), (4, 3, 5, 6), (9, 8), (5, 6, 7)]
COMPLETIONS = make_group((1,) * 6, lengths=(4, 0, 7, 2, 5, 1)).completion_ids


@pytest.mark.parametrize("layout", ["rows", "shared", "auto"])
@pytest.mark.parametrize("batch", [1, 2, 4, 100])
def test_scores_come_back_in_the_order_asked_whatever_goes_together(layout: str, batch: int) -> None:
    model = RewardModel(make_policy().base_model).eval()
    lay_out = LayOut(model.backbone, layout, 0, torch.device("cpu"))
    scores = Scorer(model, lay_out, batch).scores(PROMPTS, COMPLETIONS)
    for score, prompt, completion in zip(scores, PROMPTS, COMPLETIONS, strict=True):
        alone = model(rows_from_pairs([prompt], [completion], 0))[0].detach()
        assert float(score) == pytest.approx(float(alone), abs=1e-5)


def test_a_prompt_is_read_once_for_its_completions() -> None:
    model, read = RewardModel(make_policy().base_model).eval(), []
    model.backbone.get_input_embeddings().register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    lay_out = LayOut(model.backbone, "shared", 0, torch.device("cpu"))
    Scorer(model, lay_out, 100).scores(PROMPTS, COMPLETIONS)
    assert read == [3 + 2 + 4 + sum(map(len, COMPLETIONS))]
