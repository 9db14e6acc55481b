"""Control tokens: a completion is learned after a token that says how it was ranked, and asked for with the best one.

Sources: Quark (Lu et al. 2022), which grades by quantile of a reward; conditional training (Korbak et al. 2023); chain
of hindsight (Liu et al. 2023). The token stands where the assistant begins to speak. The chat template that is saved
with the policy writes the best one there, so whoever samples with that template asks for the best.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from trainer.encoding import plain_template
from trainer.groups import RankedGroup


def control_token(grade: int) -> str:
    return f"<|rank_{grade}|>"


def add_control_tokens(model: Any, tokenizer: Any, grades: int) -> list[int]:
    """Ids of the control tokens, the best first; `model` and `tokenizer` know them from here on.

    A new token begins as the mean of all, which is neither likely to be said nor far from anything.
    """
    names = [control_token(grade) for grade in range(1, grades + 1)]
    tokenizer.add_tokens(names, special_tokens=True)
    _widen(model, len(tokenizer))
    tokenizer.chat_template = asking_for(names[0], tokenizer)
    return [int(token) for token in tokenizer.convert_tokens_to_ids(names)]


@torch.no_grad()
def _widen(model: Any, vocabulary: int) -> None:
    known = model.get_input_embeddings().weight.shape[0]
    if known >= vocabulary:
        return
    model.resize_token_embeddings(vocabulary, mean_resizing=False)
    for embedding in (model.get_input_embeddings(), model.get_output_embeddings()):
        if embedding is not None:
            embedding.weight[known:] = embedding.weight[:known].mean(0)


def asking_for(control: str, tokenizer: Any) -> str:
    """The tokenizer's chat template, or the plain layout where it has none, with `control` as its last word."""
    asking = f"{{% if add_generation_prompt %}}{control}{{% endif %}}"
    template = str(tokenizer.chat_template or plain_template(tokenizer))
    return template if template.endswith(asking) else f"{template}{asking}"


def graded(group: RankedGroup, controls: Sequence[int]) -> list[RankedGroup]:
    """Each completion alone, after the control token of its rank in place of the best's, which ends the prompt."""
    worst = max(group.ranks)
    return [
        replace(
            after_control(group, controls[grade_of(rank, worst, len(controls)) - 1]),
            completion_ids=(ids,),
            ranks=(1,),
            truncated=(cut,),
        )
        for ids, rank, cut in zip(group.completion_ids, group.ranks, group.truncated, strict=True)
    ]


def after_control(group: RankedGroup, control: int) -> RankedGroup:
    """The same completions, asked for with `control`."""
    return replace(group, prompt_ids=(*group.prompt_ids[:-1], control))


def grade_of(rank: int, worst: int, grades: int) -> int:
    """From 1 for the best rank to `grades` for the worst, those between evenly spread; halves go to the better."""
    if worst == 1:
        return 1
    return 1 + math.ceil((rank - 1) * (grades - 1) / (worst - 1) - 0.5)
