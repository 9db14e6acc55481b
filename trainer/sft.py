"""Supervised fine-tuning: the completion is learned, its end token too; the prompt is only read."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from trainer.card import report
from trainer.checkpoints import Stateful
from trainer.config import BadSetting, SFTConfig
from trainer.distributed import summed
from trainer.economy import economise
from trainer.encoding import Encoder, groups_from_demonstrations, load_encoder
from trainer.epochs import Judge, choose, keep
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import RankedGroup, Sampler, micro_batches
from trainer.layout_choice import LayOut
from trainer.logprobs import packed_logprobs
from trainer.loop import Loop, make_learner, prepare
from trainer.losses import language_loss
from trainer.models import add_residual_dropout, check_room, load_policy, save_with_tokenizer
from trainer.processes import own_parts
from trainer.records import Demonstration, read_lines
from trainer.texts import PretrainingTexts


def main(config: SFTConfig, folder: RunFolder) -> None:
    device = prepare(config)
    encoder = load_encoder(config.model, config)
    records = list(read_lines(Demonstration, Path(config.demonstrations)))
    train, held_out = (
        groups_from_demonstrations(encoder, [row for row in records if row.split == split])
        for split in ("train", "validation")
    )
    if not train:
        raise TrainerError(f"{config.demonstrations} holds no demonstration of the split train.")
    policy = load_policy(config.model)
    check_room(policy, max(group.longest for group in train + held_out))
    add_residual_dropout(policy, config.residual_dropout)
    economise(policy, config, device)
    lay_out = LayOut(policy.base_model, config.layout, encoder.pad_id, device)
    texts = MixedTexts(config, encoder, policy) if config.texts else None
    judge = make_judge(config, encoder, policy, records, device)

    sampler = Sampler([group.longest for group in train], config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(policy, config, steps)
    parts: dict[str, Stateful] = {"model": policy, "learner": learner}
    loop = Loop(folder, config, steps, parts)
    for step in loop:
        policy.train()
        batch = [train[index] for index in sampler.at(step)] + (texts.at_step(step) if texts else [])
        loss = accumulate(policy, lay_out, micro_batches(batch, config.micro_batch))
        norm = learner.update(step)
        validation = None
        if held_out and (step + 1) % sampler.per_epoch == 0:
            validation = mean_loss(policy, lay_out, held_out, config.batch)
        if validation is not None and config.keep == "best":
            keep(folder, (step + 1) // sampler.per_epoch, policy, validation)
        rate = learner.schedule.rate(step)
        loop.log(step, loss=loss, norm=norm, rate=rate, validation_loss=validation, tokens=labels_in(batch))

    epochs = choose(folder, policy, judge) if held_out and config.keep == "best" else []
    measured = {
        "demonstrations": len(train),
        **({"texts": texts.before(steps)} if texts else {}),
        "truncated": sum(any(group.truncated) for group in train),
        "validation_loss": mean_loss(policy, lay_out, held_out, config.batch) if held_out else None,
        "epochs": [vars(epoch) for epoch in epochs],
    }
    save_with_tokenizer(policy, encoder.tokenizer, folder.model)
    report(folder, config, measured)


class MixedTexts:
    """Texts of pretraining that make `texts_share` of what a step learns from, on average [InstructGPT C.3]."""

    def __init__(self, config: SFTConfig, encoder: Encoder, policy: Any) -> None:
        longest = min(policy.config.max_position_embeddings, config.max_prompt_tokens + config.max_completion_tokens)
        self.texts = PretrainingTexts(config.texts, encoder, longest, 1, config.seed)
        self.each_step = config.batch * config.texts_share / (1 - config.texts_share)

    def before(self, step: int) -> int:
        """How many were learned before this step, counted from 0."""
        return math.floor(step * self.each_step + 1e-9)

    def at_step(self, step: int) -> list[RankedGroup]:
        return [group for number in range(self.before(step), self.before(step + 1)) for group in self.texts.at(number)]


def make_judge(
    config: SFTConfig, encoder: Encoder, policy: Any, records: Sequence[Demonstration], device: torch.device
) -> Judge | None:
    """None where the validation loss chooses."""
    if not config.reward_model:
        return None
    prompts = {row.prompt_id: row.prompt for row in records if row.split == "validation"}
    if not prompts or config.keep != "best":
        raise BadSetting("reward_model", "needs demonstrations of the split validation, and keep best")
    return Judge(config, encoder, policy, list(prompts.values()), device)


def accumulate(policy: Any, lay_out: LayOut, parts: Sequence[Sequence[RankedGroup]]) -> float:
    """Add the gradient of the mean loss per label of all parts; that loss, in nats.

    Laid out as `shared`, the examples of a part stand in one row, where none sees another and positions begin anew.
    """
    labels = sum(labels_in(part) for part in parts)
    total = 0.0
    for part, weight in own_parts(parts):
        loss = weight * language_loss(packed_logprobs(policy, lay_out.to_predict(part)), labels)
        loss.backward()
        total += float(loss.detach())
    return summed(total)[0]


@torch.no_grad()
def mean_loss(policy: Any, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> float:
    """Nats per label."""
    policy.eval()
    total = 0.0
    for part, weight in own_parts(micro_batches(sorted(groups, key=lambda group: group.longest), batch)):
        total -= weight * float(packed_logprobs(policy, lay_out.to_predict(part)).sum())
    return summed(total)[0] / labels_in(groups)


def labels_in(groups: Sequence[RankedGroup]) -> int:
    return sum(group.written for group in groups)
