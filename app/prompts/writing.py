"""Prompts that labelers write, as messages (InstructGPT, section 3.2 and appendix A.2).

- plain, user-based and attack: one user message. `details.scenario` keeps the use case that a user-based one was for.
- few-shot: the instruction as system message, then each pair as a user and an assistant message, the last pair's query
  alone: it is what the assistant is to answer. `details.instruction` and `details.pairs` keep all that was written, the
  last response too, so that any pair can be asked with the others as examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.prompts.models import Prompt, PromptKind

FEWEST_PAIRS, MOST_PAIRS = 2, 20


@dataclass(frozen=True)
class Pair:
    query: str
    response: str


@dataclass(frozen=True)
class WrittenPrompt:
    kind: PromptKind
    messages: list[dict[str, str]]
    use_case: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def single_message(
    kind: PromptKind, text: str, *, use_case: str | None = None, scenario: str | None = None
) -> WrittenPrompt:
    details = {"scenario": scenario} if scenario else {}
    return WrittenPrompt(kind, [{"role": "user", "content": text}], use_case, details)


def few_shot(instruction: str, pairs: Sequence[Pair], *, use_case: str | None = None) -> WrittenPrompt:
    """Of at least two pairs."""
    shown = [
        {"role": role, "content": content}
        for pair in pairs
        for role, content in (("user", pair.query), ("assistant", pair.response))
    ]
    details = {"instruction": instruction, "pairs": [vars(pair) for pair in pairs]}
    messages = [{"role": "system", "content": instruction}, *shown[:-1]]
    return WrittenPrompt(PromptKind.FEW_SHOT, messages, use_case, details)


def pairs_of(prompt: Prompt) -> list[Pair]:
    """What the author of a few-shot prompt wrote; empty for others."""
    return [Pair(**pair) for pair in prompt.details.get("pairs", [])]
