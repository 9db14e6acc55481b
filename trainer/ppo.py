"""Stage `ppo`: the SFT policy learns to please the reward model without leaving its own language [InstructGPT C.4].

roll_out    the policy completes prompts; the ids it drew are used as they are from here on
judge       log-probabilities of policy and reference, values, one score for each completion
learn_from  the score on the last token, the price of KL on every token, advantages by GAE
Updates     clipped policy and value losses, minibatch by minibatch; PPO-ptx in the same step
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from trainer.advantages import KlEstimator, adapted_coefficient, explained_variance, kl_estimate, masked_mean
from trainer.card import report
from trainer.checkpoints import Stateful
from trainer.config import PPOConfig
from trainer.distributed import summed
from trainer.economy import economise, freeze
from trainer.encoding import Encoder, load_encoder, require_one_vocabulary
from trainer.errors import TrainerError
from trainer.experience import (
    Experience,
    Judgement,
    LayOuts,
    Models,
    Rollouts,
    in_parts,
    judge,
    learn_from,
    require_finite,
    roll_out,
)
from trainer.folder import RunFolder
from trainer.groups import Sampler, batch_count
from trainer.layout import Rows
from trainer.logprobs import completion_logprobs, packed_logprobs
from trainer.loop import Learner, Loop, Schedule, prepare
from trainer.losses import language_loss
from trainer.models import (
    Average,
    ValueModel,
    load_policy,
    load_reward_model,
    remove_dropout,
    save_with_tokenizer,
)
from trainer.policy_losses import clipped_policy_loss, clipped_value_loss, outside_clip, probability_ratio
from trainer.processes import own_parts
from trainer.prompts import Prompt, prompts_to_learn_from
from trainer.rollouts import check_fits, seed_of
from trainer.shared_prompt import SharedPrompts
from trainer.texts import PretrainingTexts

ROLLOUTS_SHOWN = 4


class KLPrice:
    """The coefficient of the KL penalty; moves only where a target is set."""

    def __init__(self, config: PPOConfig) -> None:
        self.config = config
        self.coefficient = config.kl_coefficient

    def adapt(self, observed: float, episodes: int) -> None:
        target = self.config.kl_target
        if target is not None:
            self.coefficient = adapted_coefficient(self.coefficient, observed, target, self.config.kl_horizon, episodes)

    def state_dict(self) -> Mapping[str, Any]:
        return {"coefficient": self.coefficient}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.coefficient = state["coefficient"]


def main(config: PPOConfig, folder: RunFolder) -> None:
    device = prepare(config)
    encoder = load_encoder(config.model, config)
    require_one_vocabulary(encoder, config.reward_model, config.held_out_reward_model)
    prompts = prompts_to_learn_from(config.prompts, encoder)
    models = load_models(config, device)
    check_fits(models.policy, [prompt.ids for prompt in prompts], config.max_new_tokens)
    texts = pretraining_texts(config, encoder, models.policy) if config.ptx_coefficient else None
    updates = Updates(config, encoder, models, texts)
    price = KLPrice(config)
    sampler = Sampler([0] * len(prompts), config.batch_prompts, config.seed)  # lengths alike: each batch is any mix

    measured: dict[str, float] = {}
    loop = Loop(folder, config, config.steps, {**updates.parts(), "price": price})
    for step in loop:
        started = time.monotonic()
        rollouts = roll_out(models.policy, [prompts[index] for index in sampler.at(step)], config, encoder, step)
        judgement = judge(models, rollouts, config, encoder)
        require_finite(judgement, step)
        kl = kl_of(judgement, config)
        experience = learn_from(rollouts, judgement, kl, config, price.coefficient)
        measured = describe(rollouts, judgement, experience, kl)
        too_far = config.kl_stop is not None and measured["kl"] > config.kl_stop
        if not too_far:
            measured |= updates.make(rollouts, experience, step)
        seconds = time.monotonic() - started
        tokens = int(judgement.response_mask.sum())
        loop.log(step, **measured, kl_coefficient=price.coefficient, tokens_per_second=tokens / seconds)
        show(folder, encoder, step, rollouts, judgement, kl)
        if too_far:
            measured["stopped_at_step"] = step + 1
            loop.keep(step)
            break
        price.adapt(measured["kl"], len(rollouts.completions))

    updates.average.copy_to(models.policy)
    save_with_tokenizer(models.policy, encoder.tokenizer, folder.model)
    report(folder, config, measured)


def pretraining_texts(config: PPOConfig, encoder: Encoder, policy: Any) -> PretrainingTexts:
    """As many for an update as `ptx_batch` for each of its episodes [InstructGPT C.4]."""
    if not config.texts:
        raise TrainerError("PPO-ptx needs texts: name a texts.jsonl, or set ptx_coefficient to 0.")
    longest = policy.config.max_position_embeddings
    return PretrainingTexts(config.texts, encoder, longest, config.minibatch * config.ptx_batch, config.seed)


def kl_of(judgement: Judgement, config: PPOConfig) -> Tensor:
    """[N, R] what is penalised, and reported."""
    estimator = cast(KlEstimator, config.kl_estimator)
    return kl_estimate(judgement.logprobs, judgement.reference_logprobs, estimator)


def load_models(config: PPOConfig, device: torch.device) -> Models:
    reward = load_reward_model(config.reward_model)
    held_out = load_reward_model(config.held_out_reward_model) if config.held_out_reward_model else None
    policy = load_policy(config.model)
    reference = policy if config.lora_rank else load_policy(config.model)  # with adapters off it is where it started
    models = Models(policy, reference, reward, ValueModel(reward), held_out)
    for model in dict.fromkeys(models.all):
        remove_dropout(model)
        model.eval()
        learned = model is models.policy or model is models.value
        (economise if learned else freeze)(model, config, device)
    return models


class Updates:
    """What changes by learning: policy, value model, their optimizers, the average of the policy."""

    def __init__(
        self, config: PPOConfig, encoder: Encoder, models: Models, texts: PretrainingTexts | None = None
    ) -> None:
        self.config, self.encoder, self.models, self.texts = config, encoder, models, texts
        self.lay_outs = LayOuts(models, config.layout, encoder.pad_id)
        schedule = partial(Schedule, steps=config.steps, warmup=config.warmup_steps, kind=config.schedule)
        self.policy_learner = Learner(models.policy, schedule(config.learning_rate), clip_norm=config.clip_norm)
        self.value_learner = Learner(models.value, schedule(config.value_learning_rate), clip_norm=config.clip_norm)
        self.average = Average(models.policy, config.ema)

    def parts(self) -> dict[str, Stateful]:
        return {
            "policy": self.models.policy,
            "value": self.models.value,
            "policy_learner": self.policy_learner,
            "value_learner": self.value_learner,
            "average": self.average,
        }

    def make(self, rollouts: Rollouts, experience: Experience, step: int) -> dict[str, float]:
        """All updates of one step; means of what they measured."""
        records = []
        for number, minibatch in enumerate(self.minibatches(rollouts.prompts, step)):
            measured = self.accumulate(rollouts, experience, minibatch)
            if self.texts is not None:
                per_step = self.config.epochs * batch_count(len(rollouts.completions), self.config.minibatch)
                measured["ptx_loss"] = self.accumulate_texts(self.texts, step * per_step + number)
            measured["norm"] = self.policy_learner.update(step)
            measured["value_norm"] = self.value_learner.update(step)
            self.average.update(self.models.policy)
            records.append(measured)
        rates = {"rate": self.policy_learner.schedule.rate(step), "value_rate": self.value_learner.schedule.rate(step)}
        return {name: sum(record[name] for record in records) / len(records) for name in records[0]} | rates

    def accumulate(self, rollouts: Rollouts, experience: Experience, minibatch: Sequence[int]) -> dict[str, float]:
        """Add both gradients of one minibatch, each the mean over its tokens, however it is split into passes."""
        tokens = int(experience.response_mask[list(minibatch)].sum())
        totals = dict.fromkeys(("policy_loss", "value_loss", "clip_fraction", "value_clip_fraction", "ratio"), 0.0)
        for part, weight in own_parts(rollouts.parts(minibatch, self.config.micro_batch)):
            groups = rollouts.groups(part)
            policy_batch, value_batch = (lay.to_predict(groups) for lay in (self.lay_outs.policy, self.lay_outs.reward))
            old = experience.part(part, policy_batch.response_mask.shape[1])
            terms = self._losses(policy_batch, value_batch, old)
            (weight * (terms["policy_loss"] + terms["value_loss"]) / tokens).backward()
            for name, term in terms.items():
                totals[name] += weight * float(term.detach()) / tokens
        return dict(zip(totals, summed(*totals.values()), strict=True))

    def _losses(
        self, policy_batch: Rows | SharedPrompts, value_batch: Rows | SharedPrompts, old: Experience
    ) -> dict[str, Tensor]:
        """Sums over the real tokens."""
        clip, mask = self.config.clip, old.response_mask
        settings = self.config.temperature, self.config.logits_at_once
        logprobs = completion_logprobs(self.models.policy, policy_batch, *settings)
        values = self.models.value(value_batch)
        ratio = probability_ratio(logprobs, old.logprobs)
        terms = {
            "policy_loss": clipped_policy_loss(logprobs, old.logprobs, old.advantages, clip),
            "value_loss": clipped_value_loss(values, old.values, old.returns, self.config.value_clip),
            "clip_fraction": outside_clip(ratio, torch.ones_like(ratio), clip).float(),
            "value_clip_fraction": outside_clip(values, old.values, self.config.value_clip).float(),
            "ratio": ratio,
        }
        return {name: term.masked_fill(~mask, 0.0).sum() for name, term in terms.items()}

    def accumulate_texts(self, texts: PretrainingTexts, update: int) -> float:
        """Add `ptx_coefficient` x the gradient of the language-model loss [InstructGPT eq. 2]; that loss, in nats."""
        policy, total = self.models.policy, 0.0
        chosen = texts.at(update)
        tokens = sum(group.written for group in chosen)
        lengths = [group.longest for group in chosen]
        for part, weight in own_parts(in_parts(range(len(chosen)), lengths, self.config.micro_batch)):
            batch = self.lay_outs.policy.to_predict([chosen[index] for index in part])
            loss = language_loss(packed_logprobs(policy, batch, at_once=self.config.logits_at_once), tokens)
            (weight * self.config.ptx_coefficient * loss).backward()
            total += weight * float(loss.detach())
        return summed(total)[0]

    def minibatches(self, prompts: Sequence[Prompt], step: int) -> Iterator[list[int]]:
        """Places of completions: prompts in an order of each epoch's own, the completions of each side by side."""
        for epoch in range(self.config.epochs):
            draw = random.Random(seed_of(self.config.seed, step, epoch))
            turns = {ids: draw.random() for ids in dict.fromkeys(prompt.ids for prompt in prompts)}
            order = sorted(range(len(prompts)), key=lambda place: turns[prompts[place].ids])
            for start in range(0, len(order), self.config.minibatch):
                yield order[start : start + self.config.minibatch]


def describe(rollouts: Rollouts, judgement: Judgement, experience: Experience, kl: Tensor) -> dict[str, float]:
    """Means over completions, but entropy over tokens; `kl` is what was penalised, in nats a completion."""
    mask = judgement.response_mask
    completions, watched = rollouts.completions, judgement.held_out_scores
    return {
        "score": float(judgement.scores.mean()),
        **({} if watched is None else {"held_out_score": float(watched.mean())}),
        "score_deviation": float(judgement.scores.std(correction=0)),
        "kl": float(kl.masked_fill(~mask, 0.0).sum(1).mean()),
        "entropy": float(masked_mean(judgement.entropy, mask)),
        "length": float(mask.sum(1).float().mean()),
        "eos_share": sum(completion.finish_reason == "stop" for completion in completions) / len(completions),
        "explained_variance": explained_variance(experience.values, experience.returns, mask),
    }


def show(folder: RunFolder, encoder: Encoder, step: int, rollouts: Rollouts, judgement: Judgement, kl: Tensor) -> None:
    """The first few completions of the step, as lines of `rollouts.jsonl`."""
    penalised = kl.masked_fill(~judgement.response_mask, 0.0).sum(1)
    watched = judgement.held_out_scores
    folder.append_rollouts(
        {
            "step": step + 1,
            "prompt_id": rollouts.prompts[index].prompt_id,
            "completion": encoder.text(completion.token_ids),
            "score": round(float(judgement.scores[index]), 4),
            **({} if watched is None else {"held_out_score": round(float(watched[index]), 4)}),
            "kl": round(float(penalised[index]), 4),
            "tokens": len(completion.token_ids),
            "finish_reason": completion.finish_reason,
        }
        for index, completion in enumerate(rollouts.completions[:ROLLOUTS_SHOWN])
    )
