"""Stage `align`: a policy from rankings without reinforcement learning, by one of several methods.

compare        dpo, dpo_ranking, ipo, slic, rrhf, pro: a loss on the likelihoods of a prompt's ranked completions
               rso: the same on what the start policy drew, accepted and ranked by the reward model
learn_grades   conditional: each completion is learned after a control token that says its rank
copy_the_best  expert_iteration: of n completions that the policy drew, the best is learned, round after round

The start policy is the reference. Its log-probabilities are computed once, before the first step, so that one model
is in memory while another learns. Dropout is off: what it hides would look like a policy that has moved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from trainer.candidates import Candidates, accepted_ranking, best_completion, drawn_candidates
from trainer.card import report
from trainer.config import AlignConfig, BadSetting
from trainer.control_tokens import add_control_tokens, after_control, graded
from trainer.economy import economise, freeze
from trainer.encoding import groups_from_comparisons, load_encoder
from trainer.errors import TrainerError
from trainer.experience import in_parts
from trainer.folder import RunFolder
from trainer.groups import RankedGroup, Sampler
from trainer.layout import rows_from_groups
from trainer.likelihoods import Speaker, all_group_logprobs, group_logprobs, sampled_kl
from trainer.logprobs import packed_logprobs
from trainer.loop import Loop, make_learner, prepare
from trainer.losses import language_loss, pair_wins
from trainer.models import check_room, load_policy, remove_dropout, save_with_tokenizer
from trainer.preference_losses import (
    Likelihoods,
    dpo_loss,
    dpo_ranking_loss,
    hinge_loss,
    ipo_loss,
    margins,
    pro_loss,
    rrhf_loss,
    slic_loss,
)
from trainer.prompts import prompts_to_learn_from
from trainer.records import SPLITS, Comparison, Message, PromptRecord, read_lines
from trainer.rollouts import check_fits

PreferenceLoss = Callable[[Likelihoods, Sequence[int]], Tensor]
Prompts = Sequence[tuple[Message, ...]]

DRAWING = ("rso", "expert_iteration")
HELD_OUT = ("validation", "test")


@dataclass(frozen=True)
class Lesson:
    """A ranked prompt, and what the reference says of its completions: [K], summed log-probabilities."""

    group: RankedGroup
    reference: Tensor


@dataclass(frozen=True)
class Seen:
    """Sums over prompts, over their untied pairs, and over their completions."""

    prompts: int = 0
    loss: float = 0.0
    pairs: int = 0
    won: float = 0.0
    margin: float = 0.0
    completions: int = 0
    drift: float = 0.0

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(Seen)))

    @property
    def order(self) -> dict[str, float]:
        """Of log policy - log reference: how often it puts a pair in its order, and by how many nats on average."""
        pairs = max(1, self.pairs)
        return {"accuracy": self.won / pairs, "margin": self.margin / pairs}

    @property
    def means(self) -> dict[str, float]:
        """`drift` is log reference - log policy: an estimate of KL(start || policy) on what the start has written."""
        loss, drift = self.loss / max(1, self.prompts), self.drift / max(1, self.completions)
        return {"loss": loss, **self.order, "drift": drift}


@dataclass(frozen=True)
class Aligned:
    speaker: Speaker
    measured: Mapping[str, Any]


def main(config: AlignConfig, folder: RunFolder) -> None:
    require_inputs(config)
    device = prepare(config)
    start = load_speaker(config, device)
    economise(start.model, config, device)
    asked = prompts_for_kl(config)
    check_fits(start.model, start.encoder.prompts(asked), config.max_new_tokens)
    learn = {"conditional": learn_grades, "expert_iteration": copy_the_best}.get(config.method, compare)
    aligned = learn(config, folder, start)

    save_with_tokenizer(aligned.speaker.model, aligned.speaker.encoder.tokenizer, folder.model)
    report(folder, config, {**aligned.measured, "kl": measured_kl(config, aligned.speaker, asked, device)})


def require_inputs(config: AlignConfig) -> None:
    needed = ("prompts", "reward_model") if config.method in DRAWING else ("comparisons",)
    for name in needed:
        if not getattr(config, name):
            raise BadSetting(name, f"is required by the method {config.method}")
    if config.method == "conditional" and config.lora_rank:
        raise BadSetting("lora_rank", "must be 0 with the method conditional, whose new tokens are learned")
    if config.method == "rso" and config.accepted > config.candidates:
        raise BadSetting("accepted", f"must be at most candidates, which is {config.candidates}")


def load_speaker(config: AlignConfig, device: torch.device) -> Speaker:
    model = load_policy(config.model)
    remove_dropout(model)
    return Speaker(model.to(device).eval(), load_encoder(config.model, config))


def compare(config: AlignConfig, folder: RunFolder, start: Speaker) -> Aligned:
    """Learn from the likelihoods of ranked completions."""
    loss_of = preference_loss(config)
    groups = drawn_rankings(config, folder, start) if config.method == "rso" else ranked_groups(config, start)
    lessons = {split: with_reference(start, rows, config.sample_batch) for split, rows in groups.items()}
    train = lessons["train"]
    sampler = Sampler([lesson.group.longest for lesson in train], config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(start.model, config, steps)
    loop = Loop(folder, config, steps, {"model": start.model, "learner": learner})
    for step in loop:
        batch = [train[index] for index in sampler.at(step)]
        seen = accumulate_preferences(start, batch, loss_of, config.micro_batch)
        norm = learner.update(step)
        held_out = Seen()
        if (step + 1) % sampler.per_epoch == 0:
            held_out = evaluate(start, lessons["validation"], loss_of, config.sample_batch)
        loop.log(step, **seen.means, norm=norm, rate=learner.schedule.rate(step), **validation_of(held_out))

    ends = {split: evaluate(start, lessons[split], loss_of, config.sample_batch) for split in HELD_OUT}
    return Aligned(start, {"rankings": len(train), **{split: vars(seen) | seen.means for split, seen in ends.items()}})


def preference_loss(config: AlignConfig) -> PreferenceLoss:
    losses: dict[str, PreferenceLoss] = {
        "dpo": partial(dpo_loss, beta=config.beta),
        "dpo_ranking": partial(dpo_ranking_loss, beta=config.beta),
        "ipo": partial(ipo_loss, tau=config.beta),
        "slic": partial(slic_loss, margin=config.margin, best_weight=config.best_weight),
        "rrhf": partial(rrhf_loss, best_weight=config.best_weight),
        "pro": partial(pro_loss, best_weight=config.best_weight),
        "rso": partial(dpo_loss if config.pair_loss == "sigmoid" else hinge_loss, beta=config.beta),
    }
    return losses[config.method]


def ranked_groups(config: AlignConfig, speaker: Speaker) -> dict[str, list[RankedGroup]]:
    """By split; what prefers nothing is left out of train."""
    records = list(read_lines(Comparison, Path(config.comparisons)))
    groups = {
        split: groups_from_comparisons(speaker.encoder, [row for row in records if row.split == split])
        for split in SPLITS
    }
    groups["train"] = [group for group in groups["train"] if group.has_preference]
    if not groups["train"]:
        raise TrainerError(f"{config.comparisons} holds no ranking of the split train that prefers anything.")
    check_room(speaker.model, max(group.longest for rows in groups.values() for group in rows))
    return groups


def drawn_rankings(config: AlignConfig, folder: RunFolder, start: Speaker) -> dict[str, list[RankedGroup]]:
    """What the start policy says, accepted and ranked by the reward model [RSO, Liu et al. 2023]."""
    drawn = drawn_candidates(config, folder, start, prompts_to_learn_from(config.prompts, start.encoder), turn=0)
    accepted = [accepted_ranking(candidates, config) for candidates in drawn]
    train = [group for group in accepted if group.has_preference]
    if not train:
        raise TrainerError("The reward model prefers nothing among the completions that the policy drew.")
    return {"train": train, "validation": [], "test": []}


def with_reference(start: Speaker, groups: Sequence[RankedGroup], batch: int) -> list[Lesson]:
    reference = all_group_logprobs(start.model, groups, start.encoder.pad_id, batch)
    return [Lesson(group, logprobs) for group, logprobs in zip(groups, reference, strict=True)]


def accumulate_preferences(
    speaker: Speaker, batch: Sequence[Lesson], loss_of: PreferenceLoss, micro_batch: int
) -> Seen:
    """Add the gradient of the mean loss per prompt of the whole batch; what was seen before the update."""
    seen = Seen()
    for part in in_parts(range(len(batch)), [lesson.group.longest for lesson in batch], micro_batch):
        lessons = [batch[index] for index in part]
        logprobs = group_logprobs(speaker.model, [lesson.group for lesson in lessons], speaker.encoder.pad_id)
        told = [likelihoods(policy, lesson) for policy, lesson in zip(logprobs, lessons, strict=True)]
        losses = [loss_of(one, lesson.group.ranks) for one, lesson in zip(told, lessons, strict=True)]
        (torch.stack(losses).sum() / len(batch)).backward()
        parts = zip(told, losses, lessons, strict=True)
        seen = sum((seen_in(one, loss, lesson.group.ranks) for one, loss, lesson in parts), seen)
    return seen


def likelihoods(policy: Tensor, lesson: Lesson) -> Likelihoods:
    lengths = torch.tensor([len(ids) for ids in lesson.group.completion_ids], device=policy.device)
    return Likelihoods(policy, lesson.reference, lengths)


@torch.no_grad()
def seen_in(told: Likelihoods, loss: Tensor, ranks: Sequence[int]) -> Seen:
    won, pairs = pair_wins(told.log_ratios.tolist(), ranks)
    margin, drift = float(margins(told.log_ratios, ranks).sum()), -float(told.log_ratios.sum())
    return Seen(1, float(loss), pairs, won, margin, len(ranks), drift)


def evaluate(speaker: Speaker, lessons: Sequence[Lesson], loss_of: PreferenceLoss, batch: int) -> Seen:
    logprobs = all_group_logprobs(speaker.model, [lesson.group for lesson in lessons], speaker.encoder.pad_id, batch)
    seen = Seen()
    for policy, lesson in zip(logprobs, lessons, strict=True):
        told = likelihoods(policy, lesson)
        seen += seen_in(told, loss_of(told, lesson.group.ranks), lesson.group.ranks)
    return seen


def learn_grades(config: AlignConfig, folder: RunFolder, start: Speaker) -> Aligned:
    """Learn every completion after the control token of its rank."""
    controls = add_control_tokens(start.model, start.encoder.tokenizer, config.grades)
    groups = ranked_groups(config, start)
    train = groups["train"]
    sampler = Sampler([group.longest for group in train], config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(start.model, config, steps)
    loop = Loop(folder, config, steps, {"model": start.model, "learner": learner})
    for step in loop:
        batch = [graded(train[index], controls) for index in sampler.at(step)]
        loss = accumulate_imitation(start, batch, config.micro_batch)
        norm = learner.update(step)
        held_out = Seen()
        if (step + 1) % sampler.per_epoch == 0:
            held_out = told_apart(start, groups["validation"], controls, config.sample_batch)
        loop.log(step, loss=loss, norm=norm, rate=learner.schedule.rate(step), **validation_of(held_out))

    ends = {split: told_apart(start, groups[split], controls, config.sample_batch) for split in HELD_OUT}
    return Aligned(start, {"rankings": len(train), **{split: seen.order for split, seen in ends.items()}})


def told_apart(speaker: Speaker, groups: Sequence[RankedGroup], controls: Sequence[int], batch: int) -> Seen:
    """How the likelihood after the best token, over that after the worst, orders completions."""
    best, worst = (
        all_group_logprobs(
            speaker.model, [after_control(group, control) for group in groups], speaker.encoder.pad_id, batch
        )
        for control in (controls[0], controls[-1])
    )
    seen = Seen()
    for group, after_best, after_worst in zip(groups, best, worst, strict=True):
        told = likelihoods(after_best, Lesson(group, after_worst))
        seen += seen_in(told, after_best.new_zeros(()), group.ranks)
    return seen


def copy_the_best(config: AlignConfig, folder: RunFolder, start: Speaker) -> Aligned:
    """Learn the best of what the policy itself draws, and draw anew.

    Sources: expert iteration (Anthony et al. 2017), RAFT (Dong et al. 2023), rejection sampling in Llama 2.
    """
    prompts = prompts_to_learn_from(config.prompts, start.encoder)
    sampler = Sampler([len(prompt.ids) for prompt in prompts], config.batch, config.seed)
    steps_per_round = config.epochs * sampler.per_epoch
    steps = config.rounds * steps_per_round
    learner = make_learner(start.model, config, steps)
    loop = Loop(folder, config, steps, {"model": start.model, "learner": learner})
    turn, best, scores = -1, list[RankedGroup](), dict[str, float]()
    for step in loop:
        if step // steps_per_round != turn:
            turn = step // steps_per_round
            drawn = drawn_candidates(config, folder, start, prompts, turn)
            best, scores = [best_completion(candidates) for candidates in drawn], mean_scores(drawn)
        loss = accumulate_imitation(start, [[best[index]] for index in sampler.at(step)], config.micro_batch)
        norm = learner.update(step)
        loop.log(step, loss=loss, norm=norm, rate=learner.schedule.rate(step), **scores)
    last = mean_scores(drawn_candidates(config, folder, start, prompts, config.rounds - 1))
    return Aligned(start, {"prompts": len(prompts), **last})


def mean_scores(drawn: Sequence[Candidates]) -> dict[str, float]:
    """Of all that the policy drew, and of the best for each prompt."""
    everything = [score for candidates in drawn for score in candidates.scores]
    return {"score": fmean(everything), "best_score": fmean(max(candidates.scores) for candidates in drawn)}


def accumulate_imitation(speaker: Speaker, batch: Sequence[Sequence[RankedGroup]], micro_batch: int) -> float:
    """Add the gradient of the mean loss per label of the whole batch, prompt by prompt; that loss, in nats."""
    labels = sum(len(ids) for groups in batch for group in groups for ids in group.completion_ids)
    total = 0.0
    for part in in_parts(range(len(batch)), [max(group.longest for group in groups) for groups in batch], micro_batch):
        groups = [group for index in part for group in batch[index]]
        rows = rows_from_groups(groups, speaker.encoder.pad_id).to(speaker.model.device)
        loss = language_loss(packed_logprobs(speaker.model, rows), labels)
        loss.backward()
        total += float(loss.detach())
    return total


def validation_of(seen: Seen) -> dict[str, float | None]:
    """Nothing where nothing was held out, or where the epoch is not over."""
    return {f"validation_{name}": value for name, value in seen.order.items()} if seen.prompts else {}


def prompts_for_kl(config: AlignConfig) -> Prompts:
    """The first few prompts of the split validation, or of train where there is no other."""
    rows: Iterable[PromptRecord | Comparison] = read_lines(Comparison, Path(config.comparisons))
    if config.method in DRAWING:
        rows = read_lines(PromptRecord, Path(config.prompts))
    by_split: dict[str, dict[str, tuple[Message, ...]]] = {split: {} for split in SPLITS}
    for row in rows:
        by_split[row.split][row.prompt_id] = row.prompt
    chosen = by_split["validation"] or by_split["train"]
    return list(chosen.values())[: config.kl_prompts]


def measured_kl(config: AlignConfig, aligned: Speaker, prompts: Prompts, device: torch.device) -> float | None:
    """Nats per completion between the aligned policy, as it is sampled from, and the start."""
    if not prompts:
        return None
    start = load_speaker(config, device)
    freeze(start.model, config, device)
    return sampled_kl(aligned, start, prompts, config.max_new_tokens, config.seed, config.sample_batch)
