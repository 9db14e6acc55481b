"""What each epoch learned, on disk until one is chosen: by validation loss, or by a reward model where one is given.

InstructGPT chose by the reward model's score on the validation prompts [C.1], but a reward model is trained from an SFT
policy. So every epoch stays: the same command with `--reward-model` chooses again, and the others go.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from trainer.config import SFTConfig
from trainer.distributed import wait_for_all, whole, whole_tensor
from trainer.encoding import Encoder, require_one_vocabulary
from trainer.folder import RunFolder, write_atomically
from trainer.models import learned
from trainer.processes import leads
from trainer.records import Message
from trainer.rollouts import SampleRequest, SamplingSettings, check_fits, sample_completions, seed_of
from trainer.scoring import load_scorer

EPOCHS = "epochs"
WEIGHTS = "learned.safetensors"
MEASURED = "measured.json"  # written last: an epoch without it was cut short


@dataclass(frozen=True)
class Epoch:
    """`number` counts from 1; `score` is known where a reward model was asked."""

    number: int
    validation_loss: float
    score: float | None = None


def keep(folder: RunFolder, number: int, model: nn.Module, validation_loss: float) -> None:
    state = {name: whole_tensor(parameter).cpu() for name, parameter in learned(model).items()}
    if leads():
        path = folder.path / EPOCHS / f"{number:03d}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        save_file(state, path / WEIGHTS)
        write_atomically(path / MEASURED, json.dumps({"validation_loss": validation_loss}) + "\n")
    wait_for_all()


def kept_epochs(folder: RunFolder) -> list[Epoch]:
    paths = sorted(path.parent for path in (folder.path / EPOCHS).glob(f"*/{MEASURED}"))
    return [Epoch(int(path.name), **json.loads((path / MEASURED).read_text(encoding="utf-8"))) for path in paths]


def take_back(folder: RunFolder, epoch: Epoch, model: nn.Module) -> None:
    """Make the model what it was after that epoch."""
    saved = load_file(folder.path / EPOCHS / f"{epoch.number:03d}" / WEIGHTS)
    for name, parameter in learned(model).items():
        parameter.copy_(_sharded_like(parameter, saved[name].to(parameter.device)))


def _sharded_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return tensor


def forget_all_but(folder: RunFolder, epoch: Epoch) -> None:
    wait_for_all()  # others may still be reading
    for path in (folder.path / EPOCHS).iterdir() if leads() else ():
        if path.name != f"{epoch.number:03d}":
            shutil.rmtree(path)


class Judge:
    """A reward model and the prompts that it hears each epoch's policy on; raises `TrainerError` before any work."""

    def __init__(
        self,
        config: SFTConfig,
        encoder: Encoder,
        policy: Any,
        prompts: Sequence[Sequence[Message]],
        device: torch.device,
    ) -> None:
        require_one_vocabulary(encoder, config.reward_model)
        self.config, self.encoder = config, encoder
        self.scorer = load_scorer(config.reward_model, config.layout, encoder.pad_id, device, config.sample_batch)
        self.prompts = encoder.prompts(prompts)
        check_fits(policy, self.prompts, config.max_new_tokens)

    def score(self, policy: Any) -> float:
        """Mean over one sample for each prompt, at temperature 1; every epoch gets the same random numbers."""
        policy.eval()
        seeds = (seed_of(self.config.seed, "epoch", number) for number in range(len(self.prompts)))
        requests = [SampleRequest(ids, [seed]) for ids, seed in zip(self.prompts, seeds, strict=True)]
        settings = SamplingSettings(self.config.max_new_tokens)
        with whole(policy):
            drawn = sample_completions(policy, requests, settings, [self.encoder.end_id], self.config.sample_batch)
        said = [completions[0].token_ids for completions in drawn]
        return float(self.scorer.scores(self.prompts, said).mean())


def choose(folder: RunFolder, policy: Any, judge: Judge | None) -> list[Epoch]:
    """All that were kept, the chosen one first; the policy is what it was then. Of equals the earliest is chosen."""
    epochs = kept_epochs(folder)
    if judge is None:
        ranked = sorted(epochs, key=lambda epoch: epoch.validation_loss)
    else:
        ranked = sorted(
            (_judged(folder, epoch, policy, judge) for epoch in epochs), key=lambda epoch: -(epoch.score or 0)
        )
        forget_all_but(folder, ranked[0])
    take_back(folder, ranked[0], policy)
    return ranked


def _judged(folder: RunFolder, epoch: Epoch, policy: Any, judge: Judge) -> Epoch:
    take_back(folder, epoch, policy)
    return Epoch(epoch.number, epoch.validation_loss, judge.score(policy))
