"""What can go wrong, said to the person who can do something about it.

An error is named for what happened. Its `sentence` is a gettext message with named fields; the web layer shows
it on the page with `status`, the command line prints it and exits with 1.
"""

from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar

from app.translation import gettext, pgettext, state_in_words


def message(sentence: str) -> str:
    """Mark a sentence for the catalogs without translating it yet (xgettext keyword `message`)."""
    return sentence


class DomainError(Exception):
    sentence: ClassVar[str]
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(self.sentence.format(**details))

    def localized(self) -> str:
        return gettext(self.sentence).format(**{name: _said(detail) for name, detail in self.details.items()})


def _said(detail: object) -> object:
    """Kinds and states in words; what people typed as it is."""
    return state_in_words(detail) if isinstance(detail, StrEnum) else detail


class NotFound(DomainError):
    status = HTTPStatus.NOT_FOUND
    sentence = message("There is no {what} with the number {number}.")

    def __init__(self, what: str, number: object) -> None:
        super().__init__(what=what, number=number)

    def localized(self) -> str:
        what = str(self.details["what"])
        return gettext(self.sentence).format(what=pgettext("thing", what), number=self.details["number"])


class InvalidInput(DomainError):
    """What was sent cannot be taken; `reason` is a whole sentence."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    sentence = message("{reason}")
