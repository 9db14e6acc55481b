"""Our side of the PPO benchmark: a replay learned from as TRL did, and iterations of our own."""

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.benchmarks.ppo_cases import KL_COEFFICIENT, LEARNING_RATE, NO_TOKEN, Case, Replay, Seconds, Told
from tests.benchmarks.ppo_models import make_models
from trainer.advantages import generalized_advantages, penalised_rewards
from trainer.config import PPOConfig
from trainer.encoding import Encoder
from trainer.experience import Experience, Judgement, Models, Rollouts, judge, learn_from, roll_out
from trainer.models import RewardModel, ValueModel
from trainer.ppo import Updates, describe, kl_of
from trainer.prompts import Prompt
from trainer.rollouts import SampledCompletion

ENCODER = Encoder(tokenizer=None, end_id=NO_TOKEN, pad_id=0, max_prompt_tokens=2048, max_completion_tokens=2048)


class Ours:
    """Models and updates from the same weights as the peer's; the value model's offset, which TRL lacks, stays 0."""

    def __init__(self, case: Case, layout: str = "auto", logits_at_once: int = 0) -> None:
        self.case = case
        self.config = PPOConfig(
            samples_per_prompt=case.k,
            minibatch=case.rollouts // case.minibatches,
            learning_rate=LEARNING_RATE,
            value_learning_rate=LEARNING_RATE,
            warmup_steps=0,
            clip_norm=0.0,
            kl_coefficient=KL_COEFFICIENT,
            missing_eos_penalty=0.0,
            max_new_tokens=case.completion,
            layout=layout,
            logits_at_once=logits_at_once,
        )
        policy, reference, scorer, _ = make_models(case)
        reward = RewardModel(scorer.model).eval()
        reward.head.weight.data.copy_(scorer.score.weight.data)
        self.models = Models(policy, reference, reward, ValueModel(reward).eval())
        self.models.value.offset.requires_grad_(False)
        self.updates = Updates(self.config, ENCODER, self.models)
        self.prompts = [Prompt(str(number), ids) for number, ids in enumerate(case.prompt_ids)]

    def iterate(self, step: int) -> float:
        """Process time of one step of the stage, without its files."""
        started = time.process_time()
        rollouts = roll_out(self.models.policy, self.prompts, self.config, ENCODER, step)
        judgement, experience = self.judged(rollouts)
        describe(rollouts, judgement, experience, kl_of(judgement, self.config))
        self.updates.make(rollouts, experience, step)
        return time.process_time() - started

    def judged(self, rollouts: Rollouts) -> tuple[Judgement, Experience]:
        judgement = judge(self.models, rollouts, self.config, ENCODER)
        kl = kl_of(judgement, self.config)
        return judgement, learn_from(rollouts, judgement, kl, self.config, self.config.kl_coefficient)

    def seconds_of_updates(self, replay: Replay, repeats: int) -> list[float]:
        """Of the peer's own rollouts, learned from again and again; minibatches are ours."""
        rollouts = replayed(replay)
        _, experience = self.judged(rollouts)
        spent = []
        for step in range(repeats):
            began = time.process_time()
            self.updates.make(rollouts, experience, step)
            spent.append(time.process_time() - began)
        return spent

    def learn(self, replay: Replay) -> Told:
        """In the peer's order of rollouts; advantages are whitened by the deviation of a sample, as TRL's are."""
        rollouts = replayed(replay)
        judgement, experience = self.judged(rollouts)
        tokens = experience.advantages.numel()
        experience = replace(experience, advantages=experience.advantages * ((tokens - 1) / tokens) ** 0.5)
        size = self.config.minibatch
        chunks = [list(replay.order[start : start + size]) for start in range(0, len(replay.order), size)]
        self.updates.minibatches = lambda *_: iter(chunks)  # type: ignore[method-assign]
        gradients: dict[str, Tensor] = {}
        for learner in (self.updates.policy_learner, self.updates.value_learner):
            learner.optimizer.register_step_pre_hook(lambda *_: gradients.update(self.gradients() | gradients))
        measured = self.updates.make(rollouts, experience, 0)
        names = ("policy_loss", "value_loss", "ratio")
        return Told(self.advantages(judgement), *(measured[name] for name in names), gradients, self.weights())

    def advantages(self, judgement: Judgement) -> Tensor:
        mask, config = judgement.response_mask, self.config
        rewards = penalised_rewards(judgement.scores, kl_of(judgement, config), mask, config.kl_coefficient)
        return generalized_advantages(rewards, judgement.values, mask, config.gamma, config.gae_lambda).advantages

    def weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.parameters().items()}

    def gradients(self) -> dict[str, Tensor]:
        found = {name: parameter.grad for name, parameter in self.parameters().items()}
        return {name: gradient.clone() for name, gradient in found.items() if gradient is not None}

    def parameters(self) -> dict[str, Any]:
        """By the names that transformers gives them."""
        policy = {f"policy.{name}": parameter for name, parameter in self.models.policy.named_parameters()}
        backbone = self.models.value.backbone.named_parameters()
        value = {f"value.model.{name}": parameter for name, parameter in backbone}
        return policy | value | {"value.score.weight": self.models.value.head.weight}


def replayed(replay: Replay) -> Rollouts:
    prompts = [Prompt("", tuple(ids)) for ids in replay.prompts]
    drawn = [SampledCompletion(list(ids), [], "length") for ids in replay.completions]
    return Rollouts(prompts, drawn)


def our_seconds(case: Case, replay: Replay, iterations: int) -> Seconds:
    torch.set_num_threads(1)
    side = Ours(case)
    whole = [side.iterate(step) for step in range(iterations)]
    return Seconds(Ours(case).seconds_of_updates(replay, iterations), whole)
