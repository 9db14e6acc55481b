"""What a dry run says: one sentence for each thing that was looked at, and what to do where something is wrong."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # the round can run, but perhaps not as it was meant
    MISSING = "missing"  # the round would fail

    @property
    def order(self) -> int:
        """The worst first."""
        return [Verdict.MISSING, Verdict.WARNING, Verdict.OK].index(self)


@dataclass(frozen=True)
class Finding:
    """`about` is the same word in every language; `says` and `todo` are sentences in the one spoken."""

    about: str
    verdict: Verdict
    says: str
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fine(about: str, says: str) -> Finding:
    return Finding(about, Verdict.OK, says)


def warning(about: str, says: str, todo: str) -> Finding:
    return Finding(about, Verdict.WARNING, says, todo)


def missing(about: str, says: str, todo: str) -> Finding:
    return Finding(about, Verdict.MISSING, says, todo)
