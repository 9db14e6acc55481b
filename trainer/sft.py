"""Supervised fine-tuning: the completion is learned, its end token too; the prompt is only read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from trainer.card import digests, write_card
from trainer.config import SFTConfig
from trainer.encoding import Encoder, groups_from_demonstrations, load_tokenizer, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import RankedGroup, Sampler, micro_batches
from trainer.layout import rows_from_groups
from trainer.logprobs import packed_logprobs
from trainer.loop import Loop, Stateful, make_learner, prepare
from trainer.losses import language_loss
from trainer.models import Best, add_residual_dropout, check_room, load_policy
from trainer.records import Demonstration, read_lines


def main(config: SFTConfig, folder: RunFolder) -> None:
    device = prepare(config)
    tokenizer = load_tokenizer(config.model)
    encoder = make_encoder(tokenizer, config.max_prompt_tokens, config.max_completion_tokens)
    records = list(read_lines(Demonstration, Path(config.demonstrations)))
    train, held_out = (
        groups_from_demonstrations(encoder, [row for row in records if row.split == split])
        for split in ("train", "validation")
    )
    if not train:
        raise TrainerError(f"{config.demonstrations} holds no demonstration of the split train.")
    policy = load_policy(config.model).to(device)
    check_room(policy, max(group.longest for group in train + held_out))
    add_residual_dropout(policy, config.residual_dropout)

    sampler = Sampler([group.longest for group in train], config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(policy, config, steps)
    best = Best(policy) if held_out and config.keep == "best" else None
    parts: dict[str, Stateful] = {"model": policy, "learner": learner}
    if best:
        parts["best"] = best
    loop = Loop(folder, config, steps, parts)
    for step in loop:
        policy.train()
        batch = [train[index] for index in sampler.at(step)]
        loss = accumulate(policy, encoder, batch, config.micro_batch, device)
        norm = learner.update(step)
        validation = None
        if held_out and (step + 1) % sampler.per_epoch == 0:
            validation = mean_loss(policy, encoder, held_out, config.batch, device)
        if best and validation is not None:
            best.offer(policy, -validation)
        rate = learner.schedule.rate(step)
        loop.log(step, loss=loss, norm=norm, rate=rate, validation_loss=validation, tokens=labels_in(batch))

    if best:
        best.copy_to(policy)
    save(policy, tokenizer, folder.model)
    measured = {
        "demonstrations": len(train),
        "truncated": sum(any(group.truncated) for group in train),
        "validation_loss": mean_loss(policy, encoder, held_out, config.batch, device) if held_out else None,
    }
    sources = digests(model=config.model, demonstrations=config.demonstrations)
    write_card(folder.model, config, sources, measured)
    folder.write_results(measured)


def accumulate(
    policy: Any, encoder: Encoder, batch: Sequence[RankedGroup], micro_batch: int, device: torch.device
) -> float:
    """Add the gradient of the mean loss per label of the whole batch; that loss, in nats."""
    labels = labels_in(batch)
    total = 0.0
    for part in micro_batches(batch, micro_batch):
        rows = rows_from_groups(part, encoder.pad_id).to(device)
        loss = language_loss(packed_logprobs(policy, rows), labels)
        loss.backward()
        total += float(loss.detach())
    return total


@torch.no_grad()
def mean_loss(policy: Any, encoder: Encoder, groups: Sequence[RankedGroup], batch: int, device: torch.device) -> float:
    """Nats per label."""
    policy.eval()
    total = 0.0
    for part in micro_batches(sorted(groups, key=lambda group: group.longest), batch):
        total -= float(packed_logprobs(policy, rows_from_groups(part, encoder.pad_id).to(device)).sum())
    return total / labels_in(groups)


def labels_in(groups: Sequence[RankedGroup]) -> int:
    return sum(len(ids) for group in groups for ids in group.completion_ids)


def save(policy: Any, tokenizer: Any, folder: Path) -> None:
    policy.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
