"""What the desk shows where something is written: the brief, the rule, constraints, and what was typed so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.annotations.written import typed_pairs
from app.campaigns.queries import rule_of
from app.prompts.constraints import constraints_of
from app.prompts.models import PromptKind
from app.prompts.writing import FEWEST_PAIRS, MOST_PAIRS
from app.tasks.queries import Desk


@dataclass(frozen=True)
class ShownPair:
    number: int
    query: str
    response: str


def writing_context(session: Session, desk: Desk, typed: Mapping[str, str]) -> dict[str, Any]:
    """`typed` are the fields as the form posts them."""
    return {
        "rule": rule_of(session, desk.campaign),
        "constraints": constraints_of(desk.prompt) if desk.prompt else [],
        "brief": desk.brief,
        "text": typed.get("text", ""),
        "instruction": typed.get("instruction", ""),
        "use_case": typed.get("use_case", ""),
        "pairs": _pairs(typed) if desk.brief and desk.brief.kind is PromptKind.FEW_SHOT else [],
        "most_pairs": MOST_PAIRS,
        "fewest_pairs": FEWEST_PAIRS,
    }


def pairs_in(typed: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Number, query and response of all that the form has, empty ones too: `typed_pairs` of fields by name."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in typed.items():
        root, *path = name.replace("]", "").split("[")
        if root == "pair" and len(path) == 2:
            rows.setdefault(path[0], {})[path[1]] = value
    return typed_pairs(rows)


def _pairs(typed: Mapping[str, str]) -> list[ShownPair]:
    """At least two, numbered anew."""
    pairs = [(query, response) for _, query, response in pairs_in(typed)]
    pairs += [("", "")] * (FEWEST_PAIRS - len(pairs))
    return [ShownPair(number, query, response) for number, (query, response) in enumerate(pairs, start=1)]
