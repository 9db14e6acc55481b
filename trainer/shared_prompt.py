"""The layout `shared`: the prompt of a ranking once, its K completions after it, all of a batch in one row.

T = P + K R tokens a ranking instead of K (P + R), and nothing is filled up: the layers that treat each token by itself
see no filler. Which token sees which is the matter of `column_attention` or, on a GPU, of `block_attention`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from trainer.groups import RankedGroup

Attention = Literal["columns", "blocks"]

# Queries that meet keys for nothing, before it pays to attend once more.
FILLED_UP = 256**2


@dataclass(frozen=True)
class Ragged:
    """M sequences that stand one after the other in a row of tokens, from token `first` on.

    `lengths` [M]; `columns` [M, W]: the token of each column, counted from `first`, a token of another sequence where
    a sequence is shorter than the longest; `places` [tokens]: where each token stands in the M x W columns. `runs`: how
    many neighbours are of like length, and how many columns they need.
    """

    first: int
    runs: tuple[tuple[int, int], ...]
    lengths: Tensor
    columns: Tensor
    places: Tensor

    @property
    def count(self) -> int:
        return len(self.places)

    @property
    def width(self) -> int:
        return self.columns.shape[1]

    @property
    def even(self) -> bool:
        """Whether all sequences are of one length: then columns are tokens in order."""
        return self.columns.numel() == self.count

    def to(self, device: torch.device) -> "Ragged":
        return Ragged(self.first, self.runs, *(part.to(device) for part in (self.lengths, self.columns, self.places)))


@dataclass(frozen=True)
class AttentionSettings:
    """What a layer wants of attention; `window`: how many tokens back it sees, None all."""

    scaling: float | None
    dropout: float
    window: int | None


@dataclass(frozen=True)
class SharedPrompts:
    """G prompts, then their N completions, in one row of T tokens.

    `input_ids`, `positions` [T]; `groups` [N]: whose prompt a completion follows. A score is read at the last token of
    each completion, or at that of the prompt where a completion is empty: `scored` [U] are those tokens, each once,
    `readers` [U] a completion that is read there, `readings` [N] the place of each completion among the `scored`.
    """

    input_ids: Tensor
    positions: Tensor
    prompts: Ragged
    completions: Ragged
    groups: Tensor
    scored: Tensor
    readers: Tensor
    readings: Tensor
    attention: Attention = "columns"

    @property
    def count(self) -> int:
        """T."""
        return len(self.input_ids)

    @property
    def response_mask(self) -> Tensor:
        """[N, R], True where a completion has an r-th token."""
        lengths = self.completions.lengths
        return torch.arange(self.completions.width, device=lengths.device) < lengths[:, None]

    @property
    def targets(self) -> Tensor:
        """[M] the completion tokens, one completion after the other."""
        return self.input_ids[self.completions.first :]

    @property
    def predictors(self) -> Tensor:
        """[M] the token before each completion token: the last of the prompt for the first of a completion."""
        lengths = self.completions.lengths
        before = torch.arange(self.completions.first - 1, self.count - 1, device=lengths.device)
        written = lengths > 0
        prompt_ends = self.prompts.lengths.cumsum(0)[self.groups]
        before[(lengths.cumsum(0) - lengths)[written]] = prompt_ends[written] - 1
        return before

    @property
    def sequences(self) -> Tensor:
        """[T] the sequence of each token: prompts are counted from 0, completions go on from there."""
        lengths = torch.cat([self.prompts.lengths, self.completions.lengths])
        return torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)

    @property
    def prompts_of_tokens(self) -> Tensor:
        """[T] the prompt that each token belongs to or follows."""
        prompts = torch.arange(len(self.prompts.lengths), device=self.groups.device)
        return torch.cat([prompts, self.groups])[self.sequences]

    def to(self, device: torch.device) -> "SharedPrompts":
        parts = {name: part.to(device) for name, part in vars(self).items() if name != "attention"}
        return replace(self, **parts)


def shared_from_groups(groups: Sequence[RankedGroup], attention: Attention = "columns") -> SharedPrompts:
    """The completions of all groups in order, as in `rows_from_groups`. No prompt may be empty, a completion may be."""
    prompts = [group.prompt_ids for group in groups]
    completions = [ids for group in groups for ids in group.completion_ids]
    owners = [index for index, group in enumerate(groups) for _ in group.completion_ids]
    before = [len(prompts[owner]) for owner in owners]
    prompt_part = ragged(prompts, 0)
    completion_part = ragged(completions, prompt_part.count)
    ends = prompt_part.lengths.cumsum(0)[owners], prompt_part.count + completion_part.lengths.cumsum(0)
    last = torch.where(completion_part.lengths == 0, *ends) - 1
    scored, readings = last.unique(return_inverse=True)
    return SharedPrompts(
        input_ids=torch.tensor([token for ids in (*prompts, *completions) for token in ids]),
        positions=torch.cat([counted_from([0] * len(prompts), prompts), counted_from(before, completions)]),
        prompts=prompt_part,
        completions=completion_part,
        groups=torch.tensor(owners),
        scored=scored,
        readers=torch.zeros_like(scored).scatter_(0, readings, torch.arange(len(owners))),
        readings=readings,
        attention=attention,
    )


def ragged(sequences: Sequence[Sequence[int]], first: int) -> Ragged:
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    columns = torch.arange(int(lengths.max()))
    starts = lengths.cumsum(0) - lengths
    total = int(lengths.sum())
    places = (columns < lengths[:, None]).flatten().nonzero()[:, 0]
    runs = runs_of([len(sequence) for sequence in sequences])
    return Ragged(first, runs, lengths, (starts[:, None] + columns).clamp(max=max(0, total - 1)), places)


def runs_of(lengths: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(how many, the longest) of neighbours: a longer or shorter one joins where that fills up little."""
    runs: list[tuple[int, int]] = []
    for length in lengths:
        count, width = runs[-1] if runs else (0, 0)
        together, apart = (count + 1) * max(width, length) ** 2, count * width**2 + length**2
        if runs and together - apart <= FILLED_UP:
            runs[-1] = (count + 1, max(width, length))
        else:
            runs.append((1, length))
    return tuple(runs)


def counted_from(starts: Sequence[int], sequences: Sequence[Sequence[int]]) -> Tensor:
    """The positions of all tokens, each sequence's from its start."""
    parts = [torch.arange(start, start + len(ids)) for start, ids in zip(starts, sequences, strict=True)]
    return torch.cat(parts)


def placed(some: Tensor, places: Tensor, count: int) -> Tensor:
    """[count, ...] zeros, but for `some` at their places."""
    return some.new_zeros(count, *some.shape[1:]).index_copy(0, places, some)
