"""What prompts are for: the ten categories of InstructGPT (table 1) with their shares, or a project's own."""

import math
from collections.abc import Mapping

from app.errors import InvalidInput, message

INSTRUCT_GPT: dict[str, float] = {
    "generation": 45.6,
    "open QA": 12.4,
    "brainstorming": 11.2,
    "chat": 8.4,
    "rewriting": 6.6,
    "summarization": 4.2,
    "classification": 3.5,
    "other": 3.5,
    "closed QA": 2.6,
    "extract": 1.9,
}
LONGEST_NAME = 80
MOST = 50


class BadMix(InvalidInput):
    sentence = message("“{line}” is not a use case and its share, such as: brainstorming 11.2")


class NoMix(InvalidInput):
    sentence = message("Name from 1 to {most} use cases, one a line, at least one of them with a share above 0.")


def written_mix(shares: Mapping[str, float]) -> str:
    """One a line, as `parse_mix` reads it."""
    return "\n".join(f"{name} {share:g}" for name, share in shares.items())


def parse_mix(text: str) -> dict[str, float]:
    """Shares by use case; a line without a number counts 1. Raises `BadMix`, `NoMix`."""
    shares: dict[str, float] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, last = line.rpartition(" ")
        share = _share(last)
        name, share = (name.strip(), share) if name and share is not None else (line, 1.0)
        if len(name) > LONGEST_NAME or not 0 <= share <= 1e6:
            raise BadMix(line=line[:LONGEST_NAME])
        shares[name] = shares.get(name, 0.0) + share
    if not 1 <= len(shares) <= MOST or not sum(shares.values()):
        raise NoMix(most=MOST)
    return shares


def _share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if math.isfinite(share) else None


def apportioned(number: int, shares: Mapping[str, float]) -> list[str]:
    """`number` names in proportion to their shares, by largest remainder: no share is off by one or more."""
    total = sum(shares.values())
    exact = {name: number * share / total for name, share in shares.items()}
    whole = {name: math.floor(count) for name, count in exact.items()}
    left = number - sum(whole.values())
    nearest = sorted(exact, key=lambda name: whole[name] - exact[name])
    for name in nearest[:left]:
        whole[name] += 1
    return [name for name, count in whole.items() for _ in range(count)]
