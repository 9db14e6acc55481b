"""A reward model from whole rankings: each completion scored once, all its pairs compared [InstructGPT 3.5]."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from trainer.card import report
from trainer.checkpoints import Stateful
from trainer.config import BadSetting, RewardConfig
from trainer.distributed import of_all_processes, summed, through
from trainer.economy import economise
from trainer.encoding import Encoder, groups_from_comparisons, groups_from_demonstrations, load_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import RankedGroup, Sampler, micro_batches, rated_alone, token_batches
from trainer.layout_choice import LayOut
from trainer.loop import Loop, make_learner, prepare
from trainer.losses import davidson_loss, ranking_loss, ranking_loss_with_half_ties, tie_strength_of
from trainer.models import (
    Average,
    Best,
    RewardModel,
    add_residual_dropout,
    check_room,
    load_backbone,
    save_with_tokenizer,
)
from trainer.preference_losses import first_choice_loss
from trainer.processes import own_parts
from trainer.ratings import attributes_of, ratings_loss, targets
from trainer.records import SPLITS, Comparison, Demonstration, read_lines
from trainer.reward_measures import Accuracy, counted, measures, measures_of_ratings

DEMONSTRATIONS_SCORED = 1000

GroupLoss = Callable[[Tensor, Sequence[int]], Tensor]


def main(config: RewardConfig, folder: RunFolder) -> None:
    check_loss(config)
    device = prepare(config)
    encoder = load_encoder(config.model, config)
    groups = ranked_groups(config, encoder)
    train, validation = groups["train"], groups["validation"]
    model = RewardModel(load_backbone(config.model))
    check_room(model.backbone, max(group.longest for rows in groups.values() for group in rows))
    add_residual_dropout(model, config.residual_dropout)
    group_loss = make_loss(config, model, [group.ranks for group in train])
    if config.ratings:
        model.expect_ratings(attributes_of(config.ratings, train))
    economise(model, config, device)
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
        seen = accumulate(model, lay_out, parts_of(batch, config), group_loss, config.ratings_weight)
        norm = learner.update(step)
        if isinstance(kept, Average):
            kept.update(model)
        held_out = None
        if validation and (step + 1) % sampler.per_epoch == 0:
            held_out = accuracy(model, lay_out, validation, config.batch).share
        if isinstance(kept, Best) and held_out is not None:
            kept.offer(model, held_out)
        rate = learner.schedule.rate(step)
        told = {"loss": seen.loss, "ratings_loss": seen.ratings_loss, "accuracy": seen.accuracy.share}
        loop.log(step, **told, norm=norm, rate=rate, validation_accuracy=held_out)

    if kept:
        kept.copy_to(model)
    centre(model, lay_out, reference_groups(config, encoder) or train, config.batch)
    save_with_tokenizer(model, encoder.tokenizer, folder.model)
    report(folder, config, measured_on(groups, model, lay_out, config.batch))


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
    """By split; what teaches nothing is left out of train. Where ratings are learned, those without a ranking count."""
    records = list(read_lines(Comparison, Path(config.comparisons)))
    groups = groups_by_split(encoder, records)
    idle = [group for group in groups["train"] if config.ties == "drop" and not group.has_preference]
    groups["train"] = [group for group in groups["train"] if config.ties != "drop" or group.has_preference]
    if not groups["train"]:
        raise TrainerError(f"{config.comparisons} holds no ranking of the split train that prefers anything.")
    if config.ratings:
        unranked = [replace(row, ranks=(1,) * len(row.completions)) for row in records if row.ranks is None]
        for split, rated in groups_by_split(encoder, unranked).items():
            rated += idle if split == "train" else []
            groups[split] += [single for group in rated for single in rated_alone(group)]
    return groups


def groups_by_split(encoder: Encoder, records: Sequence[Comparison]) -> dict[str, list[RankedGroup]]:
    return {split: groups_from_comparisons(encoder, [row for row in records if row.split == split]) for split in SPLITS}


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


@dataclass(frozen=True)
class Seen:
    """Of one step: mean loss of a ranking and of a rating, in their own units, and the accuracy."""

    loss: float
    ratings_loss: float | None
    accuracy: Accuracy


def accumulate(
    model: RewardModel,
    lay_out: LayOut,
    parts: Sequence[Sequence[RankedGroup]],
    group_loss: GroupLoss,
    ratings_weight: float = 0.0,
) -> Seen:
    """Add the gradient of the mean loss per ranking and the weighted mean loss per rating over all parts."""
    rankings = max(1, sum(group.k > 1 for part in parts for group in part))
    rated = sum(int(targets(model.attributes, part).isfinite().sum()) for part in parts)
    totals: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)  # losses, pairs won, pairs
    for part, weight in own_parts(parts):
        scores, outputs = through(model, RewardModel.judge, lay_out(part))
        by_group = torch.split(scores, [group.k for group in part])
        losses = [group_loss(scores, group.ranks) for scores, group in zip(by_group, part, strict=True)]
        of_rankings = torch.stack(losses).sum() / rankings
        wanted = targets(model.attributes, part).to(outputs.device)
        of_ratings = ratings_loss(outputs, wanted, model.attributes) / max(1, rated)
        (weight * (of_rankings + ratings_weight * of_ratings)).backward()
        seen = counted(by_group, part)
        here = (float(of_rankings.detach()), float(of_ratings.detach()), seen.won, seen.pairs)
        totals = tuple(total + weight * value for total, value in zip(totals, here, strict=True))
    loss, loss_of_ratings, won, pairs = summed(*totals)
    return Seen(loss, loss_of_ratings if rated else None, Accuracy(won, int(pairs)))


@torch.no_grad()
def judgements(
    model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int
) -> list[tuple[Tensor, Tensor]]:
    """[K] scores and [K, A] outputs for ratings of each group, in the order of `groups`, without dropout."""
    model.eval()
    order = sorted(range(len(groups)), key=lambda index: groups[index].longest)
    found: dict[int, tuple[Tensor, Tensor]] = {}
    for chosen, _ in own_parts([order[start : start + batch] for start in range(0, len(order), batch)]):
        sizes = [groups[index].k for index in chosen]
        told = through(model, RewardModel.judge, lay_out([groups[index] for index in chosen]))
        found |= zip(chosen, zip(*(part.cpu().split(sizes) for part in told), strict=True), strict=True)
    found = {index: told for part in of_all_processes(found) for index, told in part.items()}
    return [found[index] for index in range(len(groups))]


def all_scores(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> list[Tensor]:
    """[K] scores of each group, in the order of `groups`, without dropout."""
    return [scores for scores, _ in judgements(model, lay_out, groups, batch)]


def accuracy(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> Accuracy:
    return counted(all_scores(model, lay_out, groups, batch), groups)


def measured_on(
    groups: Mapping[str, Sequence[RankedGroup]], model: RewardModel, lay_out: LayOut, batch: int
) -> dict[str, Any]:
    """For results and card: what the model makes of validation and test."""
    measured: dict[str, Any] = {}
    for split in ("validation", "test"):
        found = judgements(model, lay_out, groups[split], batch)
        ranked = [(scores, group) for (scores, _), group in zip(found, groups[split], strict=True) if group.k > 1]
        measured[split] = measures([scores for scores, _ in ranked], [group for _, group in ranked])
        if model.attributes and found:
            outputs = torch.cat([outputs for _, outputs in found])
            wanted = targets(model.attributes, groups[split])
            measured[split]["ratings"] = measures_of_ratings(outputs, wanted, model.attributes)
    if model.tie_strength is not None:
        measured["tie_strength"] = round(model.tie_strength, 6)
    return measured


def centre(model: RewardModel, lay_out: LayOut, groups: Sequence[RankedGroup], batch: int) -> None:
    """Set the bias so that these completions score 0 on average [InstructGPT 3.5]."""
    model.bias += torch.cat(all_scores(model, lay_out, groups, batch)).mean()
