"""The built-in sampler: each prompt goes through the model once, its completions share the cache from there.

What a completion will be depends on its seed alone and not on what else is in the batch (up to rounding): its
random numbers are drawn beforehand, one per token, and a token is read off the inverse of the distribution function.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from trainer.encoding import Encoder
from trainer.errors import TrainerError
from trainer.key_value_cache import joined_on_the_right, preallocated_cache
from trainer.layout import left_filled
from trainer.records import Sample

FinishReason = Literal["stop", "length"]

# Finished rows are dropped from the batch once they are this share of it: dropping copies the cache.
FINISHED_SHARE = 0.15

# Prompts are read in parts of like length: no part is filled up with more tokens than this.
FILLED_UP = 256


@dataclass(frozen=True)
class SamplingSettings:
    max_new_tokens: int
    temperature: float = 1.0  # 0: always the likeliest token
    top_p: float = 1.0
    top_k: int = 0  # 0: all tokens


@dataclass(frozen=True)
class SampleRequest:
    """One prompt and one seed for each completion wanted of it."""

    prompt_ids: Sequence[int]
    seeds: Sequence[int]


@dataclass(frozen=True)
class SampledCompletion:
    """The ids as drawn, the end token included where there is one; never decode and tokenise them again."""

    token_ids: list[int]
    logprobs: list[float]  # under the distribution drawn from: temperature, top-k and top-p applied
    finish_reason: FinishReason


Sampler = Callable[[Sequence[SampleRequest], SamplingSettings], list[list[SampledCompletion]]]


def written_down(
    drawn: SampledCompletion,
    encoder: Encoder,
    prompt_id: str,
    checkpoint: str,
    seed: int,
    temperature: float,
    score: float | None,
) -> Sample:
    """A line of `samples.jsonl`."""
    return Sample(
        prompt_id=prompt_id,
        completion=encoder.text(drawn.token_ids),
        token_ids=tuple(drawn.token_ids),
        finish_reason=drawn.finish_reason,
        logprob=round(sum(drawn.logprobs), 6),
        checkpoint=checkpoint,
        seed=seed,
        temperature=temperature,
        score=score,
    )


class PromptTooLong(TrainerError):
    def __init__(self, prompt_tokens: int, new_tokens: int, context: int) -> None:
        super().__init__(
            f"A prompt of {prompt_tokens} tokens and a completion of up to {new_tokens} do not fit into the "
            f"{context} positions of the model. Shorten the prompts or lower the length of completions."
        )


def check_fits(model: PreTrainedModel, prompts: Iterable[Sequence[int]], new_tokens: int) -> None:
    """Raises PromptTooLong; better before the first step than in the middle of a run."""
    require_room(model.config.max_position_embeddings, prompts, new_tokens)


def require_room(context: int, prompts: Iterable[Sequence[int]], new_tokens: int) -> None:
    longest = max(map(len, prompts), default=0)
    if longest + new_tokens > context:
        raise PromptTooLong(longest, new_tokens, context)


def seed_of(*parts: object) -> int:
    """A seed that depends on all parts, the same on every machine; it fits a signed 64-bit column."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1


@torch.inference_mode()
def sample_completions(
    model: PreTrainedModel,
    requests: Sequence[SampleRequest],
    settings: SamplingSettings,
    end_ids: Sequence[int],
    batch_size: int,
) -> list[list[SampledCompletion]]:
    """For each request its completions, one per seed. A batch holds at most `batch_size` completions.

    The model must be in evaluation mode. Raises PromptTooLong.
    """
    _check(model, requests, settings)
    completions: list[list[SampledCompletion]] = [[] for _ in requests]
    for batch in _batches(requests, batch_size):
        drawn = iter(_Batch(model, [requests[index] for index in batch], settings, end_ids).decode())
        for index in batch:
            completions[index] = [next(drawn) for _ in requests[index].seeds]
    return completions


def _check(model: PreTrainedModel, requests: Sequence[SampleRequest], settings: SamplingSettings) -> None:
    if model.training:
        raise ValueError("Sampling with dropout on: call model.eval() first.")
    if not all(request.prompt_ids for request in requests):
        raise ValueError("An empty prompt: a prompt needs at least one token to continue from.")
    check_fits(model, (request.prompt_ids for request in requests), settings.max_new_tokens)


def _batches(requests: Sequence[SampleRequest], batch_size: int) -> Iterator[list[int]]:
    """Prompts of like length together, so that little is padded."""
    batch: list[int] = []
    rows = 0
    for index in sorted(range(len(requests)), key=lambda index: len(requests[index].prompt_ids)):
        wanted = len(requests[index].seeds)
        if batch and rows + wanted > batch_size:
            yield batch
            batch, rows = [], 0
        batch.append(index)
        rows += wanted
    if batch:
        yield batch


class _Batch:
    """Rows decoded together. `going` holds the row numbers still in the model, the first axis of mask and cache."""

    def __init__(
        self,
        model: PreTrainedModel,
        requests: Sequence[SampleRequest],
        settings: SamplingSettings,
        end_ids: Sequence[int],
    ) -> None:
        device = model.device
        self.model, self.requests, self.settings = model, requests, settings
        self.end_ids = torch.tensor(list(end_ids), device=device)
        seeds = [seed for request in requests for seed in request.seeds]
        self.uniforms = torch.from_numpy(
            numpy.stack([numpy.random.default_rng(seed).random(settings.max_new_tokens) for seed in seeds])
        ).to(device)
        self.going = torch.arange(len(seeds), device=device)
        self.tokens = torch.zeros(len(seeds), settings.max_new_tokens, dtype=torch.long, device=device)
        self.logprobs = torch.zeros(len(seeds), settings.max_new_tokens, device=device)
        self.lengths = torch.full((len(seeds),), settings.max_new_tokens, device=device)
        self.ended = torch.zeros(len(seeds), dtype=torch.bool, device=device)

    def decode(self) -> list[SampledCompletion]:
        logits = self._prefill()
        for step in range(self.settings.max_new_tokens):
            chosen = self._draw(logits, step)
            if step + 1 == self.settings.max_new_tokens:
                break
            chosen = self._drop_finished(chosen)
            if not len(self.going):
                break
            logits = self._advance(chosen)
        return self._completions()

    def _prefill(self) -> Tensor:
        """The last position's logits `[rows, V]`, after each prompt went through the model once."""
        device = self.model.device
        prompts = [request.prompt_ids for request in self.requests]
        lengths = torch.tensor([len(ids) for ids in prompts], device=device)
        width = int(lengths.max())
        caches, logits = zip(*(self._read(part) for part in of_like_length(prompts)), strict=True)
        self.cache = joined_on_the_right(caches, width + self.settings.max_new_tokens)
        copies = torch.tensor([len(request.seeds) for request in self.requests], device=device)
        rows = torch.repeat_interleave(torch.arange(len(copies), device=device), copies)
        self.cache.batch_select_indices(rows)
        self.positions = lengths[rows]
        self.mask = (torch.arange(width, device=device) >= width - self.positions[:, None]).long()
        return torch.cat(logits)[rows]

    def _read(self, prompts: Sequence[Sequence[int]]) -> tuple[Cache, Tensor]:
        """The cache of these prompts, and the logits at their ends."""
        filled = left_filled(prompts, pad_id=0)
        ids, mask, positions = (
            filled[name].to(self.model.device) for name in ("input_ids", "attention_mask", "position_ids")
        )
        self.cache = preallocated_cache(self.model.config.num_hidden_layers, ids.shape[1])
        return self.cache, self._forward(ids, mask, positions)

    def _advance(self, chosen: Tensor) -> Tensor:
        self.mask = torch.nn.functional.pad(self.mask, (0, 1), value=1)
        logits = self._forward(chosen[:, None], self.mask, self.positions[:, None])
        self.positions = self.positions + 1
        return logits

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _draw(self, logits: Tensor, step: int) -> Tensor:
        """One token for each row in the model, written down for those that have not ended."""
        logprobs = sampling_logprobs(logits, self.settings)
        chosen = inverse_draw(logprobs, self.uniforms[self.going, step])
        self.tokens[self.going, step] = chosen
        self.logprobs[self.going, step] = logprobs.gather(1, chosen[:, None])[:, 0]
        ends = self.going[torch.isin(chosen, self.end_ids) & ~self.ended[self.going]]
        self.ended[ends] = True
        self.lengths[ends] = step + 1
        return chosen

    def _drop_finished(self, chosen: Tensor) -> Tensor:
        open_rows = (~self.ended[self.going]).nonzero()[:, 0]
        if len(open_rows) and len(open_rows) > (1 - FINISHED_SHARE) * len(self.going):
            return chosen
        self.cache.batch_select_indices(open_rows)
        self.going, self.mask = self.going[open_rows], self.mask[open_rows]
        self.positions = self.positions[open_rows]
        return chosen[open_rows]

    def _completions(self) -> list[SampledCompletion]:
        rows = zip(
            self.tokens.tolist(), self.logprobs.tolist(), self.lengths.tolist(), self.ended.tolist(), strict=True
        )
        return [
            SampledCompletion(tokens[:length], logprobs[:length], "stop" if ended else "length")
            for tokens, logprobs, length, ended in rows
        ]


def of_like_length(prompts: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
    """The prompts in their order, those that are as long as their neighbours together."""
    parts: list[list[Sequence[int]]] = []
    for ids in prompts:
        together = [*parts[-1], ids] if parts else []
        longest = max(map(len, together), default=0)
        if together and sum(longest - len(other) for other in together) <= FILLED_UP:
            parts[-1] = together
        else:
            parts.append([ids])
    return parts


def sampling_logprobs(logits: Tensor, settings: SamplingSettings) -> Tensor:
    """`[N, V]` log-probabilities of the distribution drawn from, in fp32; -inf where top-k or top-p cut off."""
    if settings.temperature == 0:
        likeliest = logits.argmax(-1, keepdim=True)
        return torch.full_like(logits, -torch.inf, dtype=torch.float32).scatter(1, likeliest, 0.0)
    logprobs = torch.log_softmax(logits.float() / settings.temperature, dim=-1)
    if 0 < settings.top_k < logprobs.shape[-1]:
        weakest_kept = logprobs.topk(settings.top_k).values[:, -1:]
        logprobs = logprobs.masked_fill(logprobs < weakest_kept, -torch.inf).log_softmax(-1)
    if settings.top_p < 1:
        ordered, places = logprobs.sort(descending=True)
        # a token stays if those likelier than it do not make up top_p yet: the likeliest always stays
        surplus = ordered.exp().cumsum(-1) - ordered.exp() >= settings.top_p
        logprobs = logprobs.masked_fill(surplus.gather(1, places.argsort(1)), -torch.inf).log_softmax(-1)
    return logprobs


def inverse_draw(logprobs: Tensor, uniforms: Tensor) -> Tensor:
    """`[N]` the token at which a row's summed probability passes its number in [0, 1); fp64 for big vocabularies."""
    cumulative = logprobs.double().exp().cumsum(-1)
    chosen = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)[:, 0]
    return chosen.clamp(max=logprobs.shape[-1] - 1)
