"""What PPO learns from: rollouts, what the models say of them, and the rewards and advantages that follow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.advantages import generalized_advantages, penalised_rewards, whiten
from trainer.config import PPOConfig
from trainer.encoding import Encoder
from trainer.errors import TrainerError
from trainer.layout import Rows, rows_from_pairs
from trainer.logprobs import completion_logits, completion_logprobs
from trainer.models import RewardModel, ValueModel
from trainer.rollouts import SampledCompletion, SampleRequest, SamplingSettings, sample_completions, seed_of

SAMPLED_AT_ONCE = 256


@dataclass(frozen=True)
class Prompt:
    prompt_id: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Models:
    """All in evaluation mode: what dropout hides would look like a policy that has moved."""

    policy: Any
    reference: Any
    reward: RewardModel
    value: ValueModel


@dataclass(frozen=True)
class Rollouts:
    """N completions; `prompts` is parallel to them."""

    prompts: list[Prompt]
    completions: list[SampledCompletion]

    def rows(self, indices: Sequence[int], pad_id: int, device: torch.device) -> Rows:
        prompts = [self.prompts[index].ids for index in indices]
        return rows_from_pairs(prompts, [self.completions[index].token_ids for index in indices], pad_id).to(device)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each prompt with its completion."""
        rows = zip(self.prompts, self.completions, strict=True)
        return [len(prompt.ids) + len(completion.token_ids) for prompt, completion in rows]


@dataclass(frozen=True)
class Judgement:
    """What the four models say of the rollouts before any update: `[N, R]`, scores `[N]`."""

    response_mask: Tensor
    logprobs: Tensor
    reference_logprobs: Tensor
    entropy: Tensor
    values: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Experience:
    """What the updates learn from, `[N, R]`."""

    response_mask: Tensor
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def part(self, indices: list[int], rows: Rows) -> "Experience":
        """Of those completions, as wide as `rows` are."""
        width = rows.response_mask.shape[1]
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
    drawn = sample_completions(policy, requests, settings, [encoder.end_id], SAMPLED_AT_ONCE)
    return Rollouts(
        [prompt for prompt in prompts for _ in range(config.samples_per_prompt)],
        [completion for completions in drawn for completion in completions],
    )


@torch.no_grad()
def judge(models: Models, rollouts: Rollouts, config: PPOConfig, encoder: Encoder) -> Judgement:
    """One forward pass of each model, in parts of like length."""
    device = models.policy.device
    lengths = torch.tensor([len(completion.token_ids) for completion in rollouts.completions], device=device)
    mask = torch.arange(int(lengths.max()), device=device) < lengths[:, None]
    logprobs, reference_logprobs, entropy, values = (torch.zeros(mask.shape, device=device) for _ in range(4))
    scores = torch.zeros(len(lengths), device=device)
    for part in in_parts(range(len(lengths)), rollouts.lengths, config.micro_batch or config.minibatch):
        rows = rollouts.rows(part, encoder.pad_id, device)
        width = rows.response_mask.shape[1]
        logprobs[part, :width], entropy[part, :width] = logprobs_and_entropy(models.policy, rows, config.temperature)
        reference_logprobs[part, :width] = completion_logprobs(models.reference, rows, config.temperature)
        values[part, :width] = models.value(rows)
        scores[part] = models.reward(rows)
    return Judgement(mask, logprobs, reference_logprobs, entropy, values.masked_fill(~mask, 0.0), scores)


def logprobs_and_entropy(policy: Any, rows: Rows, temperature: float) -> tuple[Tensor, Tensor]:
    """Of each completion token, `[N, R]`; 0 outside `rows.response_mask`."""
    mask = rows.response_mask
    everything = torch.log_softmax(completion_logits(policy, rows).float() / temperature, dim=-1)
    chosen = everything.gather(1, rows.input_ids[rows.completion_mask][:, None])[:, 0]
    entropy = -(everything.exp() * everything).sum(-1)
    empty = torch.zeros(mask.shape, device=mask.device)
    return empty.masked_scatter(mask, chosen), empty.masked_scatter(mask, entropy)


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


def in_parts(indices: Iterable[int], lengths: Sequence[int], size: int) -> list[list[int]]:
    """At most `size` at once (0: all), those of like length together, so that little is padded."""
    ordered = sorted(indices, key=lambda index: lengths[index])
    step = size or max(1, len(ordered))
    return [ordered[start : start + step] for start in range(0, len(ordered), step)]


def require_finite(judgement: Judgement, step: int) -> None:
    for name, values in vars(judgement).items():
        if not bool(values.isfinite().all()):
            raise TrainerError(
                f"Step {step + 1}: {name.replace('_', ' ')} are not finite. Start again from the last checkpoint with "
                f"a lower learning rate, or check the reward model."
            )
