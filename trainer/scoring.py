"""Scores of a reward model for completions in any order; each prompt is read once for those that stand together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from trainer.groups import unranked
from trainer.layout_choice import LayOut
from trainer.models import RewardModel, load_reward_model


@dataclass(frozen=True)
class Scorer:
    """`batch`: completions that go through the model at once."""

    model: RewardModel
    lay_out: LayOut
    batch: int

    def scores(self, prompts: Sequence[tuple[int, ...]], completions: Sequence[Sequence[int]]) -> Tensor:
        """[N] in the order given; `prompts` is parallel to `completions`."""
        return self.judgements(prompts, completions)[:, 0]

    @torch.no_grad()
    def judgements(self, prompts: Sequence[tuple[int, ...]], completions: Sequence[Sequence[int]]) -> Tensor:
        """[N, 1 + A] scores, then what the heads for ratings say."""
        keys = [(len(prompt), prompt, len(ids)) for prompt, ids in zip(prompts, completions, strict=True)]
        order = sorted(range(len(keys)), key=lambda index: keys[index])
        judged = torch.zeros(len(keys), 1 + len(self.model.attributes))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            by_prompt = groupby(chosen, key=lambda index: prompts[index])
            groups = [unranked(prompt, [completions[index] for index in members]) for prompt, members in by_prompt]
            judged[chosen] = torch.column_stack(self.model.judge(self.lay_out(groups))).cpu()
        return judged


def load_scorer(folder: str, layout: str, pad_id: int, device: torch.device, batch: int) -> Scorer:
    model = load_reward_model(folder).to(device).eval()
    return Scorer(model, LayOut(model.backbone, layout, pad_id, device), batch)
