"""The shape that every stage sees: a prompt and its K completions, and the order in which groups are taken."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trainer.processes import share_of
from trainer.records import Cohort

WINDOW = 32


@dataclass(frozen=True)
class RankedGroup:
    """`ranks`: 1 is best, ties equal; parallel to `completion_ids` and `truncated`. `cohort`: of who ranked.

    `ratings`: flags and numbers that people gave to each completion, parallel too, or nothing.
    """

    prompt_id: str
    prompt_ids: tuple[int, ...]
    completion_ids: tuple[tuple[int, ...], ...]
    ranks: tuple[int, ...]
    truncated: tuple[bool, ...]
    cohort: Cohort = "training"
    ratings: tuple[Mapping[str, float], ...] = ()

    @property
    def k(self) -> int:
        return len(self.completion_ids)

    @property
    def longest(self) -> int:
        """Tokens of the longest row: the prompt with one completion."""
        return len(self.prompt_ids) + max(len(ids) for ids in self.completion_ids)

    @property
    def written(self) -> int:
        """Tokens of all completions."""
        return sum(len(ids) for ids in self.completion_ids)

    @property
    def tokens(self) -> int:
        """Of the prompt, once, and of all completions."""
        return len(self.prompt_ids) + self.written

    @property
    def has_preference(self) -> bool:
        """Whether any two completions are ranked differently."""
        return len(set(self.ranks)) > 1


def unranked(prompt_ids: Sequence[int], completion_ids: Sequence[Sequence[int]]) -> RankedGroup:
    """A prompt and its completions, of which none is better than another."""
    count = len(completion_ids)
    return RankedGroup("", tuple(prompt_ids), tuple(map(tuple, completion_ids)), (1,) * count, (False,) * count)


def rated_alone(group: RankedGroup) -> list[RankedGroup]:
    """Each completion that has a rating in a group of its own, where no pair compares it."""
    rated = [place for place, rating in enumerate(group.ratings) if rating]
    return [
        replace(
            group,
            completion_ids=(group.completion_ids[place],),
            ranks=(1,),
            truncated=(group.truncated[place],),
            ratings=(group.ratings[place],),
        )
        for place in rated
    ]


def batch_count(examples: int, batch: int) -> int:
    """The last batch of a pass may be smaller."""
    return -(-examples // batch)


def epoch_batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of each batch of one pass: every example once, examples of like length together.

    A pure function of its arguments, so a resumed run needs no more than its step number.
    """
    draw = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    draw.shuffle(order)
    span = batch * WINDOW
    batches = []
    for start in range(0, len(order), span):
        window = sorted(order[start : start + span], key=lambda index: lengths[index])
        batches += [window[first : first + batch] for first in range(0, len(window), batch)]
    draw.shuffle(batches)
    return batches


class Sampler:
    """Batches by step number, counted from 0 across epochs."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths = lengths
        self.batch = batch
        self.seed = seed
        self.per_epoch = batch_count(len(lengths), batch)
        self._epoch = -1
        self._batches: list[list[int]] = []

    def at(self, step: int) -> list[int]:
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._batches = epoch_batches(self.lengths, self.batch, self.seed, epoch)
            self._epoch = epoch
        return self._batches[place]


def micro_batches(batch: Sequence[RankedGroup], size: int) -> list[Sequence[RankedGroup]]:
    """`size` groups at a time, in order; 0 takes all at once, each process its share."""
    step = size or share_of(len(batch))
    return [batch[start : start + step] for start in range(0, len(batch), step)]


def token_batches(batch: Sequence[RankedGroup], budget: int) -> list[list[RankedGroup]]:
    """Groups of like length, as many at a time as the budget of tokens allows, at least one."""
    parts: list[list[RankedGroup]] = []
    room = 0
    for group in sorted(batch, key=lambda group: group.longest):
        if group.tokens > room or not parts:
            parts.append([])
            room = budget
        parts[-1].append(group)
        room -= group.tokens
    return parts
