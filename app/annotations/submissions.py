"""What was typed on the desk, read into what will be stored. Every mistake is named at once, by field.

An output is known by the letter that the labeler sees; its place in `letters` is its place in the shown order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.annotations.ranking import NotARank, OutputsUnranked, parse_ranks
from app.errors import InvalidInput, message
from app.projects.forms import Answer, Attribute, InvalidAnswers, RatingForm, validate_answers
from app.translation import gettext

LETTERS = "abcdefghi"
LONGEST_TEXT = 200_000

Typed = Mapping[str, object]


@dataclass(frozen=True)
class Judgement:
    """Of the outputs in shown order: dense ranks (none where they were only rated) and ratings."""

    ranks: tuple[int | None, ...]
    ratings: tuple[dict[str, Answer], ...]
    prompt_ratings: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Demonstration:
    text: str
    prompt_ratings: dict[str, Answer] = field(default_factory=dict)


class InvalidSubmission(InvalidInput):
    """`errors` gives a sentence by field name (`rank[a]`, `output[a][overall]`, `prompt[ambiguous]`, `text`)."""

    sentence = message("Some answers are missing or cannot be taken.")

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__()


def read_ranking(typed: Typed, form: RatingForm, count: int) -> Judgement:
    """Raises `InvalidSubmission`."""
    errors: dict[str, str] = {}
    ranks = _ranks(typed, LETTERS[:count], errors)
    return _judgement(typed, form, LETTERS[:count], ranks, errors)


def read_rating(typed: Typed, form: RatingForm, count: int) -> Judgement:
    """Raises `InvalidSubmission`."""
    return _judgement(typed, form, LETTERS[:count], [None] * count, {})


def read_demonstration(typed: Typed, form: RatingForm) -> Demonstration:
    """The text as typed, line ends made plain. Raises `InvalidSubmission`."""
    errors: dict[str, str] = {}
    text = checked_writing(
        typed.get("text"), "text", gettext("Write the answer that the assistant should give."), errors
    )
    answers = _answers(form.prompt, typed.get("prompt"), "prompt", errors)
    if errors:
        raise InvalidSubmission(errors)
    return Demonstration(text, answers)


def checked_writing(typed: object, field: str, missing: str, errors: dict[str, str]) -> str:
    """What was typed, line ends made plain; a sentence under `field` where it is nothing or cannot be stored."""
    text = str(typed or "").replace("\r\n", "\n").strip()
    if not text:
        errors[field] = missing
    elif len(text) > LONGEST_TEXT or "\0" in text:
        errors[field] = gettext("The text is too long, or has characters that cannot be stored.")
    return text


def _judgement(
    typed: Typed, form: RatingForm, letters: str, ranks: Sequence[int | None], errors: dict[str, str]
) -> Judgement:
    outputs = _mapping(typed.get("output"))
    ratings = tuple(_answers(form.output, outputs.get(letter), f"output[{letter}]", errors) for letter in letters)
    prompt_ratings = _answers(form.prompt, typed.get("prompt"), "prompt", errors)
    if errors:
        raise InvalidSubmission(errors)
    return Judgement(tuple(ranks), ratings, prompt_ratings)


def _ranks(typed: Typed, letters: str, errors: dict[str, str]) -> list[int]:
    ranks = _mapping(typed.get("rank"))
    try:
        return parse_ranks(ranks, letters)
    except OutputsUnranked as error:
        errors |= {f"rank[{letter}]": gettext("This output has no rank yet.") for letter in error.missing}
    except NotARank as error:
        errors |= {f"rank[{letter}]": error.localized() for letter in letters}
    return []


def _answers(attributes: Sequence[Attribute], typed: object, prefix: str, errors: dict[str, str]) -> dict[str, Answer]:
    try:
        return validate_answers(attributes, {name: str(value) for name, value in _mapping(typed).items()})
    except InvalidAnswers as invalid:
        errors |= {f"{prefix}[{name}]": sentence for name, sentence in invalid.errors.items()}
        return {}


def _mapping(typed: object) -> Mapping[str, object]:
    return typed if isinstance(typed, Mapping) else {}
