"""How fast a run goes, and how long it still takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LOOKED_AT = 50  # lines


@dataclass(frozen=True)
class Pace:
    step: int
    steps_per_second: float
    seconds_left: float | None  # None while nobody knows how many steps there are
    tokens_per_second: float | None = None


def pace_of(lines: Iterable[Mapping[str, Any]], progress: float) -> Pace | None:
    """From the last lines of `metrics.jsonl`, oldest first; None where too few of them say when they were written."""
    timed = [line for line in list(lines)[-LOOKED_AT:] if "time" in line]
    if len(timed) < 2 or timed[-1]["time"] <= timed[0]["time"]:
        return None
    step = timed[-1]["step"]
    speed = (step - timed[0]["step"]) / (timed[-1]["time"] - timed[0]["time"])
    if speed <= 0:
        return None
    left = max(0.0, step / progress - step) / speed if progress > 0 else None
    return Pace(step, speed, left, timed[-1].get("tokens_per_second"))
