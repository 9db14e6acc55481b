"""Labelers dealt into folds: by chance, alike whenever it is repeated with the same seed."""

from collections.abc import Iterable
from hashlib import sha256


def dealt(labelers: Iterable[int], folds: int, seed: int) -> dict[int, int]:
    """The fold, from 1, of each labeler: shuffled by the seed, then dealt in turn; sizes differ by one at most."""
    shuffled = sorted(labelers, key=lambda labeler: sha256(f"{seed}:{labeler}".encode()).digest())
    return {labeler: place % folds + 1 for place, labeler in enumerate(shuffled)}
