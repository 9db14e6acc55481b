"""How groups become tensors: the one place for positions, masks and lengths.

`rows`: each completion in a row of its own after its prompt, filled up on the right. A causal model cannot look to
the right, so such rows need no attention mask. Samplers fill up on the left (`left_filled`), and pass a mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainer.groups import RankedGroup


@dataclass(frozen=True)
class Rows:
    """N sequences of a prompt and a completion, in T columns.

    `starts` [N]: column of the first real token; `prompt_ends`, `ends` [N]: columns after the last token of the
    prompt and of the completion. `groups` [N]: which group a row belongs to, counted from 0.
    """

    input_ids: Tensor
    starts: Tensor
    prompt_ends: Tensor
    ends: Tensor
    groups: Tensor

    @property
    def token_mask(self) -> Tensor:
        """[N, T], True where a token is real."""
        return self._between(self.starts, self.ends)

    @property
    def completion_mask(self) -> Tensor:
        """[N, T], True where a token belongs to the completion."""
        return self._between(self.prompt_ends, self.ends)

    @property
    def predicting_mask(self) -> Tensor:
        """[N, T], True where the next token belongs to the completion."""
        return self._between(self.prompt_ends - 1, self.ends - 1)

    @property
    def last(self) -> Tensor:
        """[N] column of the last real token."""
        return self.ends - 1

    @property
    def completion_lengths(self) -> Tensor:
        return self.ends - self.prompt_ends

    @property
    def completion_columns(self) -> Tensor:
        """[N, R] columns of each row's completion tokens, clamped into the row where it has fewer than R."""
        width = int(self.completion_lengths.max())
        columns = self.prompt_ends[:, None] + torch.arange(width, device=self.input_ids.device)
        return columns.clamp(max=self.input_ids.shape[1] - 1)

    @property
    def response_mask(self) -> Tensor:
        """[N, R], True where a row has an r-th completion token."""
        width = int(self.completion_lengths.max())
        return torch.arange(width, device=self.input_ids.device) < self.completion_lengths[:, None]

    @property
    def completion_ids(self) -> Tensor:
        """[N, R] tokens of the completions; meaningless outside `response_mask`."""
        return self.input_ids.gather(1, self.completion_columns)

    @property
    def targets(self) -> Tensor:
        """[M] the completion tokens, row by row."""
        return self.input_ids[self.completion_mask]

    def model_inputs(self) -> dict[str, Tensor]:
        """Arguments of a Hugging Face model."""
        if not bool(self.starts.any()):
            return {"input_ids": self.input_ids}
        return {"input_ids": self.input_ids, **masks_and_positions(self.token_mask)}

    def to(self, device: torch.device) -> "Rows":
        return Rows(*(tensor.to(device) for tensor in vars(self).values()))

    def moved_right(self, columns: int, pad_id: int) -> "Rows":
        """The same rows with filling on their left."""
        filling = torch.full((len(self.input_ids), columns), pad_id, device=self.input_ids.device)
        ids = torch.cat([filling, self.input_ids], dim=1)
        places = {name: getattr(self, name) + columns for name in ("starts", "prompt_ends", "ends")}
        return replace(self, input_ids=ids, **places)

    def _between(self, first: Tensor, after: Tensor) -> Tensor:
        columns = torch.arange(self.input_ids.shape[1], device=self.input_ids.device)
        return (columns >= first[:, None]) & (columns < after[:, None])


def rows_from_groups(groups: Sequence[RankedGroup], pad_id: int) -> Rows:
    """K rows a group, in order."""
    prompts = [group.prompt_ids for group in groups for _ in group.completion_ids]
    completions = [ids for group in groups for ids in group.completion_ids]
    owners = [index for index, group in enumerate(groups) for _ in group.completion_ids]
    return replace(rows_from_pairs(prompts, completions, pad_id), groups=torch.tensor(owners))


def rows_from_pairs(prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], pad_id: int) -> Rows:
    """One row a prompt and completion, each its own group. The prompt must not be empty, a completion may be."""
    sequences = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return Rows(
        input_ids=right_filled(sequences, pad_id),
        starts=torch.zeros(len(sequences), dtype=torch.long),
        prompt_ends=torch.tensor([len(prompt) for prompt in prompts]),
        ends=lengths,
        groups=torch.arange(len(sequences)),
    )


def right_filled(sequences: Sequence[Sequence[int]], pad_id: int) -> Tensor:
    """[N, T] ids, T that of the longest sequence."""
    width = max(len(sequence) for sequence in sequences)
    return torch.tensor([[*sequence, *[pad_id] * (width - len(sequence))] for sequence in sequences])


def left_filled(sequences: Sequence[Sequence[int]], pad_id: int) -> dict[str, Tensor]:
    """Ids, mask and positions [N, T] for sampling: every sequence ends in the last column."""
    width = max(len(sequence) for sequence in sequences)
    ids = torch.tensor([[*[pad_id] * (width - len(sequence)), *sequence] for sequence in sequences])
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return {"input_ids": ids, **masks_and_positions(torch.arange(width) >= width - lengths[:, None])}


def spread(packed: Tensor, response_mask: Tensor) -> Tensor:
    """[N, R] what belongs to the M completion tokens, at their places; 0 elsewhere."""
    return packed.new_zeros(response_mask.shape).masked_scatter(response_mask, packed)


def masks_and_positions(token_mask: Tensor) -> dict[str, Tensor]:
    """`attention_mask` and `position_ids` [N, T]; positions count real tokens from 0."""
    mask = token_mask.long()
    return {"attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
