"""One step of reward-model training, as TRL's `RewardTrainer` takes it on all pairs and as ours does on rankings.

Both start from the same weights and change them with the same optimizer.
"""

import tempfile
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForSequenceClassification, LlamaModel
from trl import RewardConfig, RewardTrainer

from tests.benchmarks.reward_cases import VOCABULARY
from trainer.groups import RankedGroup, token_batches
from trainer.layout_choice import LayOut
from trainer.loop import Learner, Schedule
from trainer.losses import ordered_pairs, ranking_loss
from trainer.models import RewardModel
from trainer.pretrain import train_tokenizer
from trainer.reward import accumulate

LEARNING_RATE = 9e-6
MICRO_TOKENS = 2048
CPU = torch.device("cpu")


class Side(Protocol):
    model: nn.Module
    learner: Learner

    def learn(self, groups: Sequence[RankedGroup]) -> float:
        """Add the gradient of a step to the model's; the mean loss of a ranking."""

    def gradients(self) -> dict[str, Tensor]:
        """By our names of the parameters."""


def make_reward_model(config: LlamaConfig) -> RewardModel:
    torch.manual_seed(0)
    return RewardModel(LlamaModel(config))


def learner_of(model: nn.Module) -> Learner:
    return Learner(model, Schedule(LEARNING_RATE, steps=1, kind="constant"))


class Ours:
    def __init__(self, config: LlamaConfig, layout: str = "auto") -> None:
        self.model = make_reward_model(config)
        self.learner = learner_of(self.model)
        self.lay_out = LayOut(self.model.backbone, layout, 0, CPU)

    def learn(self, groups: Sequence[RankedGroup]) -> float:
        self.model.train()
        return accumulate(self.model, self.lay_out, token_batches(groups, MICRO_TOKENS), ranking_loss).loss

    def gradients(self) -> dict[str, Tensor]:
        return gradients_of(self.model)


class Theirs:
    """All pairs of one ranking are a micro-batch, so that TRL fills up as little as can be."""

    def __init__(self, config: LlamaConfig, groups: Sequence[RankedGroup]) -> None:
        self.model = LlamaForSequenceClassification(config)
        ours = make_reward_model(config)
        self.model.model.load_state_dict(ours.backbone.state_dict())
        self.model.score.weight.data.copy_(ours.head.weight.data)
        self.learner = learner_of(self.model)
        self.trainer = make_trainer(self.model, groups)

    def learn(self, groups: Sequence[RankedGroup]) -> float:
        losses = [
            self.trainer.training_step(self.model, self.trainer.data_collator(all_pairs(group))) for group in groups
        ]
        return float(sum(losses))

    def gradients(self) -> dict[str, Tensor]:
        names = {"model.": "backbone.", "score.": "head."}
        return {
            names[name[: name.index(".") + 1]] + name[name.index(".") + 1 :]: gradient
            for name, gradient in gradients_of(self.model).items()
        }


def make_trainer(model: Any, groups: Sequence[RankedGroup]) -> RewardTrainer:
    settings = RewardConfig(
        output_dir=tempfile.mkdtemp(prefix="rondo-trl-"),
        max_length=None,
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    pairs = Dataset.from_list([pair for group in groups for pair in all_pairs(group)])
    tokenizer = train_tokenizer(["It only names the filler."], VOCABULARY)
    trainer = RewardTrainer(model=model, args=settings, train_dataset=pairs, processing_class=tokenizer)
    trainer.current_gradient_accumulation_steps = len(groups)
    return trainer


def all_pairs(group: RankedGroup) -> list[dict[str, list[int]]]:
    """The rows that TRL takes: each untied pair with its prompt, twice."""
    rows = [[*group.prompt_ids, *ids] for ids in group.completion_ids]
    return [{"chosen_ids": rows[better], "rejected_ids": rows[worse]} for better, worse in ordered_pairs(group.ranks)]


def gradients_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
