"""The rating form: what labelers say of each output and of the prompt. Data, checked here, kept in versions."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import DomainError, InvalidInput, message
from app.translation import gettext

DESK_KEYS = frozenset("ABCDEFGHIQRWZ")  # outputs, fold, order line, columns, undo: the desk keeps these
FREE_KEYS = tuple("TUKNMPSVLOJXY")
TICKED = frozenset({"1", "on", "true", "yes"})
NOT_TICKED = frozenset({"", "0", "off", "false", "no"})
LONGEST_TEXT = 10_000
LONGEST_EXAMPLE = 1_000
EXAMPLE_OF_A_FLAG = "yes"  # of ticking it; not ticking it needs none


class AttributeType(StrEnum):
    FLAG = "flag"
    SCALE = "scale"
    CHOICE = "choice"
    TEXT = "text"


class Attribute(BaseModel):
    """One question. A scale has `points` whole steps from `first`, its ends named by `low` and `high`.

    `examples` show labelers what deserves an answer, by answer (see `answers`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: Annotated[str, Field(min_length=1, max_length=80)]
    description: Annotated[str, Field(max_length=500)] = ""
    type: AttributeType
    key: Annotated[str, Field(pattern=r"^[A-Z]$")] | None = None
    first: Annotated[int, Field(ge=0, le=1)] = 1
    points: Annotated[int, Field(ge=2, le=101)] | None = None
    low: Annotated[str, Field(max_length=40)] = ""
    high: Annotated[str, Field(max_length=40)] = ""
    options: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    required: bool = False
    examples: dict[str, Annotated[str, Field(min_length=1, max_length=LONGEST_EXAMPLE)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is AttributeType.SCALE) != (self.points is not None):
            raise ValueError(
                gettext("“{label}”: a scale, and only a scale, has a number of points.").format(label=self.label)
            )
        if (self.type is AttributeType.CHOICE) != (len(self.options) >= 2):
            raise ValueError(
                gettext("“{label}”: a choice, and only a choice, has two or more options.").format(label=self.label)
            )
        if len(set(self.options)) < len(self.options):
            raise ValueError(gettext("“{label}”: an option occurs twice.").format(label=self.label))
        if self.key in DESK_KEYS:
            raise ValueError(
                gettext("“{label}”: the desk itself uses the key {key}.").format(label=self.label, key=self.key)
            )
        if self.type is AttributeType.FLAG and self.required:
            raise ValueError(
                gettext("“{label}”: a flag cannot be required, because no tick is an answer.").format(label=self.label)
            )
        for answer in self.examples:
            if answer not in self.answers:
                raise ValueError(
                    gettext("“{label}”: there is no answer “{answer}” to give an example of.").format(
                        label=self.label, answer=answer
                    )
                )
        return self

    @property
    def answers(self) -> list[str]:
        """What may be answered and have an example: the steps, the options, a flag's "yes"; nothing for a text."""
        if self.type is AttributeType.FLAG:
            return [EXAMPLE_OF_A_FLAG]
        return [str(step) for step in self.steps] or list(self.options)

    @property
    def steps(self) -> range:
        """The values of a scale, lowest first; empty for other types."""
        return range(self.first, self.first + (self.points or 0))


class RatingForm(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    output: tuple[Attribute, ...] = ()
    prompt: tuple[Attribute, ...] = ()

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.model_dump_json())

    @model_validator(mode="after")
    def _without_clashes(self) -> Self:
        for attributes in (self.output, self.prompt):
            if twice := _repeated(attribute.name for attribute in attributes):
                raise ValueError(gettext("The name {twice} occurs twice.").format(twice=twice))
        if twice := _repeated(each.key for each in (*self.output, *self.prompt) if each.key):
            raise ValueError(gettext("The key {twice} is given to two attributes.").format(twice=twice))
        return self


def _repeated(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def parse_form(definition: object) -> RatingForm:
    """A checked form from JSON-like data; raises `InvalidInput` that says what is wrong and where."""
    try:
        return RatingForm.model_validate(definition)
    except ValidationError as error:
        raise InvalidInput(reason=" ".join(_sentence(part) for part in error.errors())) from error


def _sentence(part: Mapping[str, object]) -> str:
    text = str(part["msg"]).removeprefix("Value error, ")
    if part["type"] == "value_error":  # a validator's own sentence, in whatever language
        return text
    location = part["loc"]
    where = ".".join(str(step) for step in location) if isinstance(location, tuple) else ""
    return f"{where}: {text}."


class InvalidAnswers(DomainError):
    """`errors` gives the sentence to show beside each attribute, by name."""

    status = InvalidInput.status
    sentence = message("{count} answers cannot be taken: {names}.")

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(count=len(self.errors), names=", ".join(self.errors))


Answer = bool | int | str


def validate_answers(attributes: Iterable[Attribute], raw: Mapping[str, str]) -> dict[str, Answer]:
    """Typed answers by name. Flags always have one; other attributes left empty are left out.

    Raises `InvalidAnswers` for what is missing, out of range or unknown.
    """
    answers: dict[str, Answer] = {}
    errors: dict[str, str] = {}
    known = {attribute.name: attribute for attribute in attributes}
    for name, attribute in known.items():
        try:
            answer = _answer(attribute, raw.get(name, "").strip())
        except ValueError as error:
            errors[name] = str(error)
        else:
            if answer is not None:
                answers[name] = answer
    errors |= {name: gettext("The form has no such attribute.") for name in raw if name not in known}
    if errors:
        raise InvalidAnswers(errors)
    return answers


def _answer(attribute: Attribute, text: str) -> Answer | None:
    if attribute.type is AttributeType.FLAG:
        return _ticked(text)
    if not text:
        if attribute.required:
            raise ValueError(gettext("An answer is needed."))
        return None
    if attribute.type is AttributeType.SCALE:
        return _step(attribute, text)
    if attribute.type is AttributeType.CHOICE and text not in attribute.options:
        raise ValueError(gettext("This is not one of the options."))
    if len(text) > LONGEST_TEXT:
        raise ValueError(gettext("The text is too long."))
    return text


def _ticked(text: str) -> bool:
    if text.lower() not in TICKED | NOT_TICKED:
        raise ValueError(gettext("A flag is ticked or not."))
    return text.lower() in TICKED


def _step(attribute: Attribute, text: str) -> int:
    # isdecimal: int() would also take "1_0", " 5" and other alphabets' digits
    if not (text.isascii() and text.isdecimal() and int(text) in attribute.steps):
        first, last = attribute.steps[0], attribute.steps[-1]
        raise ValueError(gettext("A whole number from {first} to {last} is needed.").format(first=first, last=last))
    return int(text)
