"""Scores of a reward model for completions in any order; each prompt is read once for those that stand together."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from trainer.groups import unranked
from trainer.layout_choice import LayOut
from trainer.models import RewardModel


def completion_scores(
    model: RewardModel,
    lay_out: LayOut,
    prompts: Sequence[tuple[int, ...]],
    completions: Sequence[Sequence[int]],
    batch: int,
) -> Tensor:
    """[N] in the order given; `prompts` is parallel to `completions`, of which at most `batch` go at once."""
    return completion_judgements(model, lay_out, prompts, completions, batch)[:, 0]


@torch.no_grad()
def completion_judgements(
    model: RewardModel,
    lay_out: LayOut,
    prompts: Sequence[tuple[int, ...]],
    completions: Sequence[Sequence[int]],
    batch: int,
) -> Tensor:
    """[N, 1 + A] scores, then what the heads for ratings say."""
    keys = [(len(prompt), prompt, len(ids)) for prompt, ids in zip(prompts, completions, strict=True)]
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    judged = torch.zeros(len(keys), 1 + len(model.attributes))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        by_prompt = groupby(chosen, key=lambda index: prompts[index])
        groups = [unranked(prompt, [completions[index] for index in members]) for prompt, members in by_prompt]
        judged[chosen] = torch.column_stack(model.judge(lay_out(groups))).cpu()
    return judged
