"""Which form describes the ratings that a file brings: the project's own where all fit it, else one read off them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.projects.forms import Attribute, AttributeType, InvalidAnswers, RatingForm, validate_answers
from app.projects.models import FormVersion, Project
from app.projects.queries import current_form, rating_form
from app.projects.service import keep_imported_form
from app.translation import gettext
from trainer.records import Comparison

HIGHEST_STEP = 100


@dataclass
class SeenValues:
    """What one attribute was answered with, over the whole file."""

    kinds: set[type] = field(default_factory=set)
    lowest: int = HIGHEST_STEP
    highest: int = 0

    def see(self, value: bool | int | str) -> None:
        self.kinds.add(type(value))
        if type(value) is int:
            self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)

    def attribute(self, name: str) -> Attribute:
        label = name.replace("_", " ").capitalize()[:80]
        if self.kinds == {bool}:
            return Attribute(name=name, label=label, type=AttributeType.FLAG)
        if self.kinds == {int} and 0 <= self.lowest <= self.highest <= HIGHEST_STEP:
            first = min(self.lowest, 1)
            points = max(self.highest - first + 1, 2)
            return Attribute(name=name, label=label, type=AttributeType.SCALE, first=first, points=points)
        return Attribute(name=name, label=label, type=AttributeType.TEXT)


class FormFinder:
    """Sees every comparison of a file once, then says which form they were rated on."""

    def __init__(self, session: Session, project: Project, given: RatingForm | None) -> None:
        self._session = session
        self._project = project
        self._given = given
        self._current = current_form(session, project)
        self._fits = given is None
        self._form = rating_form(self._current)
        self._output: dict[str, SeenValues] = {}
        self._prompt: dict[str, SeenValues] = {}

    def see(self, comparison: Comparison) -> None:
        if self._given is not None:
            return
        _see(self._output, comparison.ratings)
        _see(self._prompt, [comparison.prompt_ratings])
        self._fits = self._fits and _fits(self._form, comparison)

    def found(self) -> FormVersion:
        if self._fits:
            return self._current
        form = self._given or RatingForm(output=_attributes(self._output), prompt=_attributes(self._prompt))
        return keep_imported_form(self._session, self._project, form)


def _see(seen: dict[str, SeenValues], answers: Iterable[Mapping[str, Any]]) -> None:
    for answer in answers:
        for name, value in answer.items():
            if value is not None:
                seen.setdefault(_checked_name(name), SeenValues()).see(value)


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InvalidInput(
            reason=gettext("The rating {name!r} must be named in small letters, digits and underscores.").format(
                name=name
            )
        )
    return name


def _attributes(seen: Mapping[str, SeenValues]) -> tuple[Attribute, ...]:
    return tuple(values.attribute(name) for name, values in seen.items())


def _fits(form: RatingForm, comparison: Comparison) -> bool:
    try:
        for answers in comparison.ratings:
            validate_answers(form.output, _as_texts(answers))
        validate_answers(form.prompt, _as_texts(comparison.prompt_ratings))
    except InvalidAnswers:
        return False
    return True


def _as_texts(answers: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in answers.items() if value is not None}
