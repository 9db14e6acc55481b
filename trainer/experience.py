"""What PPO learns from: rollouts, what the models say of them, and the rewards and advantages that follow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from trainer.advantages import generalized_advantages, penalised_rewards, whiten
from trainer.config import PPOConfig
from trainer.distributed import add_up, of_all_processes, whole
from trainer.encoding import Encoder
from trainer.errors import TrainerError
from trainer.groups import RankedGroup, unranked
from trainer.layout_choice import LayOut
from trainer.logprobs import completion_logprobs, logprobs_and_entropy
from trainer.lora import adapters_off
from trainer.models import RewardModel, ValueModel
from trainer.processes import in_turn, own_parts, own_share, share_of
from trainer.prompts import Prompt
from trainer.rollouts import SampledCompletion, SampleRequest, SamplingSettings, sample_completions, seed_of


@dataclass(frozen=True)
class Models:
    """All in evaluation mode: what dropout hides would look like a policy that has moved."""

    policy: Any
    reference: Any
    reward: RewardModel
    value: ValueModel
    held_out: RewardModel | None = None  # watched only: nothing is learned from it

    @property
    def all(self) -> list[Any]:
        return [model for model in vars(self).values() if model is not None]


class LayOuts:
    """How each kind of model is given a batch: the policy like its reference, the reward model like the value model."""

    def __init__(self, models: Models, layout: str, pad_id: int) -> None:
        device = models.policy.device
        self.policy = LayOut(models.policy.base_model, layout, pad_id, device)
        self.reward = LayOut(models.reward.backbone, layout, pad_id, device)
        self.held_out = LayOut(models.held_out.backbone, layout, pad_id, device) if models.held_out else None


@dataclass(frozen=True)
class Rollouts:
    """N completions; `prompts` is parallel to them."""

    prompts: list[Prompt]
    completions: list[SampledCompletion]

    def groups(self, indices: Sequence[int]) -> list[RankedGroup]:
        """Their completions in this order, those of one prompt together where they stand side by side."""
        by_prompt = groupby(indices, key=lambda index: self.prompts[index].ids)
        return [unranked(ids, [self.completions[index].token_ids for index in members]) for ids, members in by_prompt]

    def parts(self, indices: Iterable[int], size: int) -> list[list[int]]:
        """At most `size` at once (0: all): prompts of like length together, the completions of each side by side."""
        longest: dict[tuple[int, ...], int] = {}
        lengths = [len(completion.token_ids) for completion in self.completions]
        for prompt, length in zip(self.prompts, lengths, strict=True):
            longest[prompt.ids] = max(length, longest.get(prompt.ids, 0))
        whole = [len(prompt.ids) + longest[prompt.ids] for prompt in self.prompts]
        keys = [(most, prompt.ids, own) for most, prompt, own in zip(whole, self.prompts, lengths, strict=True)]
        return in_parts(indices, keys, size)


@dataclass(frozen=True)
class Judgement:
    """What the models say of the rollouts before any update: `[N, R]`, scores `[N]`."""

    response_mask: Tensor
    logprobs: Tensor
    reference_logprobs: Tensor
    entropy: Tensor
    values: Tensor
    scores: Tensor
    held_out_scores: Tensor | None = None


@dataclass(frozen=True)
class Experience:
    """What the updates learn from, `[N, R]`."""

    response_mask: Tensor
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def part(self, indices: list[int], width: int) -> "Experience":
        """Of those completions, none of which is longer than `width`."""
        return Experience(*(tensor[indices, :width] for tensor in vars(self).values()))


def roll_out(policy: Any, prompts: Sequence[Prompt], config: PPOConfig, encoder: Encoder, step: int) -> Rollouts:
    """`samples_per_prompt` completions of each prompt; what they are depends on the step's number, not on the past."""
    requests = [
        SampleRequest(
            prompt.ids,
            [seed_of(config.seed, step, prompt.prompt_id, index) for index in range(config.samples_per_prompt)],
        )
        for prompt in prompts
    ]
    settings = SamplingSettings(config.max_new_tokens, config.temperature)
    with whole(policy):
        own = sample_completions(policy, own_share(requests), settings, [encoder.end_id], config.sample_batch)
    drawn = in_turn(of_all_processes(own))
    return Rollouts(
        [prompt for prompt in prompts for _ in range(config.samples_per_prompt)],
        [completion for completions in drawn for completion in completions],
    )


@torch.no_grad()
def judge(models: Models, rollouts: Rollouts, config: PPOConfig, encoder: Encoder) -> Judgement:
    """One forward pass of each model, in parts of like length; each prompt once where that is cheaper."""
    device, count = models.policy.device, len(rollouts.completions)
    lengths = torch.tensor([len(completion.token_ids) for completion in rollouts.completions], device=device)
    mask = torch.arange(int(lengths.max()), device=device) < lengths[:, None]
    logprobs, reference_logprobs, entropy, values = (torch.zeros(mask.shape, device=device) for _ in range(4))
    scores, held_out_scores = (torch.zeros(count, device=device) for _ in range(2))
    lay_outs = LayOuts(models, config.layout, encoder.pad_id)
    settings = config.temperature, config.logits_at_once
    for part, weight in own_parts(rollouts.parts(range(count), config.micro_batch or config.minibatch)):
        groups = rollouts.groups(part)
        batch = lay_outs.policy.to_predict(groups)
        width = batch.response_mask.shape[1]
        chosen, spread_out = logprobs_and_entropy(models.policy, batch, *settings)
        logprobs[part, :width], entropy[part, :width] = weight * chosen, weight * spread_out
        with adapters_off(models.reference):
            reference_logprobs[part, :width] = weight * completion_logprobs(models.reference, batch, *settings)
        values[part, :width] = weight * models.value(lay_outs.reward.to_predict(groups))
        scores[part] = weight * models.reward(lay_outs.reward(groups))
        if models.held_out and lay_outs.held_out:
            held_out_scores[part] = weight * models.held_out(lay_outs.held_out(groups))
    add_up([logprobs, reference_logprobs, entropy, values, scores, held_out_scores])
    watched = held_out_scores if models.held_out else None
    return Judgement(mask, logprobs, reference_logprobs, entropy, values, scores, watched)


def learn_from(
    rollouts: Rollouts, judgement: Judgement, kl: Tensor, config: PPOConfig, coefficient: float
) -> Experience:
    """Rewards and advantages, from what was judged before the update."""
    mask = judgement.response_mask
    unended = torch.tensor([completion.finish_reason == "length" for completion in rollouts.completions])
    scores = judgement.scores - config.missing_eos_penalty * unended.to(mask.device)
    rewards = penalised_rewards(scores, kl, mask, coefficient)
    advantages, returns = generalized_advantages(rewards, judgement.values, mask, config.gamma, config.gae_lambda)
    if config.whiten == "advantages":
        advantages = whiten(advantages, mask)
    return Experience(mask, judgement.logprobs, judgement.values, advantages, returns)


def in_parts(indices: Iterable[int], keys: Sequence[Any], size: int) -> list[list[int]]:
    """At most `size` at once (0: all), sorted by their keys: by length, so that little is padded.

    All at once means each process its share."""
    ordered = sorted(indices, key=lambda index: keys[index])
    step = size or max(1, share_of(len(ordered)))
    return [ordered[start : start + step] for start in range(0, len(ordered), step)]


def require_finite(judgement: Judgement, step: int) -> None:
    for name, values in vars(judgement).items():
        if values is not None and not bool(values.isfinite().all()):
            raise TrainerError(
                f"Step {step + 1}: {name.replace('_', ' ')} are not finite. Start again from the last checkpoint with "
                f"a lower learning rate, or check the reward model."
            )
