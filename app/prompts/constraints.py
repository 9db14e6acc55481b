"""What a customer demands of every answer to a prompt, one sentence each, in `details.constraints`."""

from typing import Any

from app.errors import InvalidInput, message
from app.prompts.models import Prompt

MOST, LONGEST = 20, 500


class BadConstraints(InvalidInput):
    sentence = message(
        "`constraints` must be a list of at most {most} sentences, none longer than {longest} characters."
    )


def checked_constraints(given: Any) -> list[str]:
    """Raises `BadConstraints`."""
    if not isinstance(given, list) or len(given) > MOST or not all(map(_is_sentence, given)):
        raise BadConstraints(most=MOST, longest=LONGEST)
    return [each.strip() for each in given]


def _is_sentence(given: Any) -> bool:
    return isinstance(given, str) and 0 < len(given.strip()) <= LONGEST and "\0" not in given


def constraints_of(prompt: Prompt) -> list[str]:
    """Empty where there are none, or where something else was put there."""
    try:
        return checked_constraints(prompt.details.get("constraints", []))
    except BadConstraints:
        return []
