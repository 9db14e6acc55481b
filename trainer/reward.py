"""A reward model from whole rankings: each completion scored once, all its pairs compared [InstructGPT 3.5]."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from trainer.card import digests, write_card
from trainer.config import BadSetting, RewardConfig
from trainer.encoding import Encoder, groups_from_comparisons, groups_from_demonstrations, load_tokenizer, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import RankedGroup, Sampler, micro_batches, token_batches
from trainer.layout_choice import LayOut
from trainer.loop import Loop, Stateful, make_learner, prepare
from trainer.losses import davidson_loss, ranking_loss, ranking_loss_with_half_ties, tie_strength_of
from trainer.models import Average, Best, RewardModel, add_residual_dropout, check_room, load_backbone
from trainer.preference_losses import first_choice_loss
from trainer.records import SPLITS, Comparison, Demonstration, read_lines
from trainer.reward_measures import Accuracy, counted, measures

DEMONSTRATIONS_SCORED = 1000

GroupLoss = Callable[[Tensor, Sequence[int]], Tensor]


def main(config: RewardConfig, folder: RunFolder) -> None:
    check_loss(config)
    device = prepare(config)
    tokenizer = load_tokenizer(config.model)
    encoder = make_encoder(tokenizer, config.max_prompt_tokens, config.max_completion_tokens)
    groups = ranked_groups(config, encoder)
    train, validation = groups["train"], groups["validation"]
    model = RewardModel(load_backbone(config.model)).to(device)
    check_room(model.backbone, max(group.longest for rows in groups.values() for group in rows))
    add_residual_dropout(model, config.residual_dropout)
    group_loss = make_loss(config, model, [group.ranks for group in train])
    lay_out = LayOut(model.backbone, config.layout, encoder.pad_id, device)

    sampler = Sampler([group.longest for group in train], config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(model, config, steps)
    kept = make_keeper(config, model, validation)
    parts: dict[str, Stateful] = {"model": model, "learner": learner}
    if kept:
        parts["kept"] = kept
    loop = Loop(folder, config, steps, parts)
    for step in loop:
        model.train()
        batch = [train[index] for index in sampler.at(step)]
        loss, seen = accumulate(model, lay_out, parts_of(batch, config), group_loss)
        norm = learner.update(step)
        if isinstance(kept, Average):
            kept.update(model)
        held_out = None
        if validation and (step + 1) % sampler.per_epoch == 0:
            held_out = accuracy(model, lay_out, validation, config.batch).share
        if isinstance(kept, Best) and held_out is not None:
            kept.offer(model, held_out)
        rate = learner.schedule.rate(step)
        loop.log(step, loss=loss, accuracy=seen.share, norm=norm, rate=rate, validation_accuracy=held_out)

    if kept:
        kept.copy_to(model)
    centre(model, lay_out, reference_groups(config, encoder) or train, config.batch)
    model.save(folder.model)
    tokenizer.save_pretrained(folder.model)
    measured = measured_on(groups, model, lay_out, config.batch)
    sources = digests(model=config.model, comparisons=config.comparisons, demonstrations=config.demonstrations)
    write_card(folder.model, config, sources, measured)
    folder.write_results(measured)


def check_loss(config: RewardConfig) -> None:
    """Raises `BadSetting` for settings that do not go together."""
    if config.loss == "plackett_luce" and config.ties != "drop":
        raise BadSetting("ties", "must be drop with plackett_luce, where tied outputs do not compete with each other")
    if config.margin and (config.loss == "plackett_luce" or config.ties == "davidson"):
        raise BadSetting("margin", "needs the loss pairwise and ties drop or half")


def make_loss(config: RewardConfig, model: RewardModel, rankings: Sequence[Sequence[int]]) -> GroupLoss:
    """Of one prompt's scores and ranks; Davidson's looks up the model's tie strength, which this gives it."""
    if config.loss == "plackett_luce":
        return first_choice_loss
    if config.ties == "davidson":
        model.expect_ties(config.tie_strength or tie_strength_of(rankings), learned=config.tie_strength is None)
        return lambda scores, ranks: davidson_loss(scores, ranks, cast("Tensor", model.log_tie_strength))
    pairwise = {"drop": ranking_loss, "half": ranking_loss_with_half_ties}[config.ties]
    return partial(pairwise, margin=config.margin)


def ranked_groups(config: RewardConfig, encoder: Encoder) -> dict[str, list[RankedGroup]]:
    """By split; what teaches nothing is left out of train."""
    records = list(read_lines(Comparison, Path(config.comparisons)))
    groups = {
        split: groups_from_comparisons(encoder, [row for row in records if row.split == split]) for split in SPLITS
    }
    groups["train"] = [group for group in groups["train"] if config.ties != "drop" or group.has_preference]
    if not groups["train"]:
        raise TrainerError(f"{config.comparisons} holds no ranking of the split train that prefers anything.")
    return groups


def reference_groups(config: RewardConfig, encoder: Encoder) -> list[RankedGroup]:
    """The demonstrations that shall score 0 on average, evenly picked from many; none if no file is named."""
    if not config.demonstrations:
        return []
    rows = [row for row in read_lines(Demonstration, Path(config.demonstrations)) if row.split == "train"]
    return groups_from_demonstrations(encoder, rows[:: max(1, len(rows) // DEMONSTRATIONS_SCORED)])


def make_keeper(config: RewardConfig, model: RewardModel, validation: Sequence[RankedGroup]) -> Best | Average | None:
    if config.keep == "average":
        return Average(model, config.ema)
    return Best(model) if config.keep == "best" and validation else None


def parts_of(batch: Sequence[RankedGroup], config: RewardConfig) -> Sequence[Sequence[RankedGroup]]:
    """What goes through the model at once."""
    if config.micro_tokens:
        return token_batches(batch, config.micro_tokens)
    return micro_batches(batch, config.micro_batch)


def accumulate(
    model: RewardModel, lay_out: LayOut, parts: Sequence[Sequence[RankedGroup]], group_loss: GroupLoss
) -> tuple[float, Accuracy]:
    """Add the gradient of the mean loss per prompt over all parts; that loss, and the accuracy seen."""
    prompts = sum(len(part) for part in parts)
    total, won, pairs = 0.0, 0.0, 0
    for part in parts:
        by_group = scores_of(model, lay_out, part)
        losses = [group_loss(scores, group.ranks) for scores, group in zip(by_group, part, strict=True)]
        loss = torch.stack(losses).sum() / prompts
        loss.backward()
        total += float(loss.detach())
        seen = counted(by_group, part)
        won, pairs = won + seen.won, pairs + seen.pairs
    return total, Accuracy(won, pairs)


def scores_of(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup]) -> tuple[Tensor, ...]:
    """[K] scores of each group."""
    scores: Tensor = model(lay_out(groups))
    return torch.split(scores, [group.k for group in groups])


@torch.no_grad()
def all_scores(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> list[Tensor]:
    """[K] scores of each group, in the order of `groups`, without dropout."""
    model.eval()
    order = sorted(range(len(groups)), key=lambda index: groups[index].longest)
    scores: dict[int, Tensor] = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        scores |= zip(chosen, scores_of(model, lay_out, [groups[index] for index in chosen]), strict=True)
    return [scores[index] for index in range(len(groups))]


def accuracy(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> Accuracy:
    return counted(all_scores(model, lay_out, groups, batch), groups)


def measured_on(
    groups: Mapping[str, Sequence[RankedGroup]], model: RewardModel, lay_out: LayOut, batch: int
) -> dict[str, Any]:
    """For results and card: what the model makes of validation and test."""
    measured: dict[str, Any] = {
        split: measures(all_scores(model, lay_out, groups[split], batch), groups[split])
        for split in ("validation", "test")
    }
    if model.tie_strength is not None:
        measured["tie_strength"] = round(model.tie_strength, 6)
    return measured


def centre(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> None:
    """Set the bias so that these completions score 0 on average [InstructGPT 3.5]."""
    model.bias += torch.cat(all_scores(model, lay_out, groups, batch)).mean()
