"""The processes that `torchrun` starts for one run: how many, and which of them writes. No torch here."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def rank() -> int:
    """This process's number, counted from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process writes the run's files: the first, or the only one."""
    return rank() == 0


def share_of(count: int) -> int:
    """How many of `count` a process takes at most."""
    return -(-count // world_size())


def own_parts(parts: Sequence[T]) -> list[tuple[T, int]]:
    """What this process computes, with a weight of 1; where others compute one part more, one of theirs with 0."""
    places = range(rank(), share_of(len(parts)) * world_size(), world_size())
    return [(parts[place % len(parts)], int(place < len(parts))) for place in places]


def own_share(items: Sequence[T]) -> Sequence[T]:
    """Every n-th of them, for passes of which processes may make unlike numbers."""
    return items[rank() :: world_size()]


def in_turn(shares: Sequence[Sequence[T]]) -> list[T]:
    """Undoes `own_share`: the items of all processes in their order."""
    count = sum(map(len, shares))
    return [shares[place % len(shares)][place // len(shares)] for place in range(count)]
