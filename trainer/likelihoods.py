"""How likely a policy finds the completions of groups, and how far it has moved from where it started."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.encoding import Encoder
from trainer.groups import RankedGroup
from trainer.layout_choice import LayOut
from trainer.logprobs import completion_logprobs
from trainer.records import Message
from trainer.rollouts import SampleRequest, SamplingSettings, sample_completions, seed_of


@dataclass(frozen=True)
class Speaker:
    """A policy, in evaluation mode, and the encoder that reads for it."""

    model: Any
    encoder: Encoder


def group_logprobs(policy: Any, groups: Sequence[RankedGroup], pad_id: int) -> tuple[Tensor, ...]:
    """[K] log-probabilities of each group's completions, summed over their tokens, end token included; in nats."""
    batch = LayOut(policy.base_model, "auto", pad_id, policy.device).to_predict(groups)
    return torch.split(completion_logprobs(policy, batch).sum(1), [group.k for group in groups])


@torch.no_grad()
def all_group_logprobs(policy: Any, groups: Sequence[RankedGroup], pad_id: int, batch: int) -> list[Tensor]:
    """The same for any number of groups, about `batch` completions at once, in the order of `groups`."""
    logprobs: dict[int, Tensor] = {}
    for part in parts_of_like_length(groups, batch):
        logprobs |= zip(part, group_logprobs(policy, [groups[index] for index in part], pad_id), strict=True)
    return [logprobs[index] for index in range(len(groups))]


def parts_of_like_length(groups: Sequence[RankedGroup], batch: int) -> Iterator[list[int]]:
    """Indices of groups, those of like length together; a part is full once it has `batch` completions."""
    part, completions = list[int](), 0
    for index in sorted(range(len(groups)), key=lambda index: groups[index].longest):
        part.append(index)
        completions += groups[index].k
        if completions >= batch:
            yield part
            part, completions = [], 0
    if part:
        yield part


@torch.no_grad()
def sampled_kl(
    policy: Speaker, start: Speaker, prompts: Sequence[Sequence[Message]], max_new_tokens: int, seed: int, batch: int
) -> float:
    """KL(policy || start) in nats a completion: the mean of log policy - log start, of one completion of each prompt.

    Each reads the prompts with its own encoder, so that a policy may be asked with a control token.
    """
    asked = policy.encoder.prompts(prompts)
    requests = [SampleRequest(ids, [seed_of(seed, "kl", number)]) for number, ids in enumerate(asked)]
    settings = SamplingSettings(max_new_tokens)
    drawn = sample_completions(policy.model, requests, settings, [policy.encoder.end_id], batch)
    said = [tuple(completions[0].token_ids) for completions in drawn]
    policy_logprobs, start_logprobs = (
        all_group_logprobs(
            speaker.model, _single(speaker.encoder.prompts(prompts), said), speaker.encoder.pad_id, batch
        )
        for speaker in (policy, start)
    )
    return float((torch.cat(policy_logprobs) - torch.cat(start_logprobs)).mean())


def _single(prompts: Sequence[tuple[int, ...]], completions: Sequence[tuple[int, ...]]) -> list[RankedGroup]:
    return [RankedGroup("", ids, (said,), (1,), (False,)) for ids, said in zip(prompts, completions, strict=True)]
