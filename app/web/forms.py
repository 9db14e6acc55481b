"""What a person typed into a form: read into a model, or shown again with what is wrong, nothing lost.

Names may be bracketed: `rank[12]` and `rank[15]` become `{"rank": {"12": …, "15": …}}`, and every name that ends in
`[]` becomes a list. An empty field is an absent one. NUL, which Postgres cannot keep, becomes the sign for what cannot
be shown, so that a pasted one costs nobody their work.
"""

import re
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request

from app.errors import DomainError
from app.translation import gettext as _
from app.web.security import sent_form

Model = TypeVar("Model", bound=BaseModel)
Typed = str | UploadFile


class Form(Generic[Model]):
    """`data` is the model where everything typed was right, else None; `errors` says what was not, by field name."""

    def __init__(self, values: dict[str, list[Typed]], data: Model | None, errors: dict[str, str]) -> None:
        self.values = values
        self.data = data
        self.errors = errors

    @classmethod
    def showing(cls, **values: object) -> Self:
        """A form that was not sent yet, with values already in it; a list fills a field whose name ends in `[]`."""
        shown = {name: [str(one) for one in many] for name, many in ((n, _listed(v)) for n, v in values.items())}
        return cls(cast(dict[str, list[Typed]], shown), None, {})

    def value(self, name: str, default: object = "") -> str:
        """What was typed there, for the control to show again."""
        typed = [one for one in self.values.get(name, []) if isinstance(one, str)]
        return typed[-1] if typed else str(default)

    def chosen(self, name: str) -> list[str]:
        """Every value sent under a name: the ticked boxes of a group."""
        return [one for one in self.values.get(name, []) if isinstance(one, str)]

    def error(self, name: str) -> str | None:
        return self.errors.get(name)

    def refuse(self, name: str, sentence: str) -> None:
        """Say under a field why what was typed there cannot be taken."""
        self.errors[name] = sentence
        self.data = None

    def attempt(self, session: Session, field: str = "") -> "Attempt":
        """Within it a DomainError undoes what was written and becomes the sentence under `field`."""
        return Attempt(self, session, field)


class Attempt:
    def __init__(self, form: Form[Any], session: Session, field: str) -> None:
        self.form = form
        self.field = field
        self.savepoint = session.begin_nested()

    def __enter__(self) -> None:
        self.savepoint.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        self.savepoint.__exit__(kind, error, at)
        if not isinstance(error, DomainError):
            return False
        self.form.refuse(self.field, error.localized())
        return True


def posted(model: type[Model]) -> Any:
    """A dependency that reads the posted form: `form: Annotated[Form[SignIn], posted(SignIn)]`."""

    async def read(request: Request) -> Form[Model]:
        return read_form(model, (await sent_form(request)).multi_items())

    return Depends(read)


def read_form(model: type[Model], items: Iterable[tuple[str, Typed]]) -> Form[Model]:
    values: dict[str, list[Typed]] = {}
    for name, value in items:
        values.setdefault(_storable(name), []).append(_storable(value) if isinstance(value, str) else value)
    try:
        return Form(values, model.model_validate(nested(values)), {})
    except ValidationError as invalid:
        errors = {_field_name(error["loc"], values): sentence(error) for error in reversed(invalid.errors())}
        return Form(values, None, errors)


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def nested(values: dict[str, list[Typed]]) -> dict[str, Any]:
    """Bracketed names as dictionaries of dictionaries, without what was left empty."""
    tree: dict[str, Any] = {}
    for name, many in values.items():
        filled = [one for one in many if not _is_empty(one)]
        if filled:
            _plant(tree, name, filled)
    return tree


def _plant(tree: dict[str, Any], name: str, filled: list[Typed]) -> None:
    *branches, leaf = _path(name.removesuffix("[]"))
    for branch in branches:
        below = tree.setdefault(branch, {})
        tree = below if isinstance(below, dict) else {}
    tree[leaf] = filled if name.endswith("[]") else filled[-1]


def _path(name: str) -> list[str]:
    first, *rest = re.split(r"\[([^\[\]]*)\]", name)
    return [first, *(key for key in rest if key)]


def _is_empty(value: Typed) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return not value.filename


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def _field_name(location: tuple[int | str, ...], values: dict[str, list[Typed]]) -> str:
    """The control to which an error belongs: the longest name in the form that the location leads to."""
    names = {tuple(_path(name.removesuffix("[]"))): name for name in values}
    for length in range(len(location), 0, -1):
        if name := names.get(tuple(str(part) for part in location[:length])):
            return name
    first, *rest = (str(part) for part in location) if location else ("",)
    return first + "".join(f"[{part}]" for part in rest)


Said = Callable[[dict[str, Any]], str]

SENTENCES: dict[str, Said] = {
    "missing": lambda _c: _("Please fill this in."),
    "string_too_short": lambda c: _("Please write at least {n} characters.").format(n=c["min_length"]),
    "string_too_long": lambda c: _("Please write at most {n} characters.").format(n=c["max_length"]),
    "string_pattern_mismatch": lambda _c: _("This is not written in the right way."),
    "int_parsing": lambda _c: _("Please give a whole number."),
    "int_from_float": lambda _c: _("Please give a whole number."),
    "float_parsing": lambda _c: _("Please give a number."),
    "decimal_parsing": lambda _c: _("Please give a number."),
    "bool_parsing": lambda _c: _("Please answer yes or no."),
    "date_from_datetime_parsing": lambda _c: _("Please give a date, such as 2026-03-31."),
    "greater_than_equal": lambda c: _("Please give {n} or more.").format(n=c["ge"]),
    "greater_than": lambda c: _("Please give more than {n}.").format(n=c["gt"]),
    "less_than_equal": lambda c: _("Please give {n} or less.").format(n=c["le"]),
    "less_than": lambda c: _("Please give less than {n}.").format(n=c["lt"]),
    "enum": lambda c: _("Please choose one of: {choices}.").format(choices=c["expected"]),
    "literal_error": lambda c: _("Please choose one of: {choices}.").format(choices=c["expected"]),
    "too_short": lambda c: _("Please choose at least {n}.").format(n=c["min_length"]),
    "too_long": lambda c: _("Please choose at most {n}.").format(n=c["max_length"]),
    "extra_forbidden": lambda _c: _("This field does not belong to the form."),
}


def sentence(error: ErrorDetails) -> str:
    """What a person can do about one error of a model; a ValueError raised by a validator speaks for itself."""
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    say = SENTENCES.get(error["type"])
    return say(context) if say else error["msg"].rstrip(".") + "."
