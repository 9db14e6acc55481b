"""The catalogs of `app/locale`: every sentence that Rondo says to people, and what it is in other languages.

    python -m tests.catalogs

lists what is not translated yet, and `python -m tests.catalogs --write` brings each catalog up to date: sentences that
are new come in without a translation, sentences that are gone leave.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import app.tables  # noqa: F401  (every kind and state is in a model)
from app.projects.forms import Attribute
from app.projects.ready_made import READY_MADE
from app.rounds.turn import Outcome
from app.translation import CATALOGS
from trainer.config import STAGES

CHECKOUT = Path(__file__).parents[1]
METHODS = [("app/**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"encoding": "utf-8", "trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "message": None}
WIDTH = 120
WRONG_SETTINGS = re.compile(r'BadSetting\([\w."]+, "([^"]+)"')
SHOWN = re.compile(r"\bstatus\(([^,)]+)")
MISSED = re.compile(r'NotFound\(what="([^"]+)"')


def sentences() -> Catalog:
    """Everything that is to be translated, and the files that say it."""
    catalog = Catalog()
    for file, _line, words, comments, context in extract_from_dir(CHECKOUT, METHODS, OPTIONS, KEYWORDS):
        catalog.add(words, locations=[(file, 0)], auto_comments=comments, context=context)
    for file, context, text in (*spoken_data(), *spoken_states(), *spoken_things()):
        catalog.add(text, locations=[(file, 0)], context=context)
    return catalog


Spoken = Iterator[tuple[str, str | None, str]]


def spoken_data() -> Spoken:
    """Words that stand in data: labels of ready-made forms, what the trainer says of its settings."""
    for form in READY_MADE.values():
        for attribute in (*form.output, *form.prompt):
            yield from (("app/projects/ready_made.py", None, text) for text in words_of(attribute) if text)
    for reason in WRONG_SETTINGS.findall((CHECKOUT / "trainer" / "config.py").read_text(encoding="utf-8")):
        yield "trainer/config.py", None, reason
    for stage in STAGES.values():
        yield from (("trainer/config.py", None, item.metadata["help"]) for item in fields(stage))


def spoken_states() -> Spoken:
    """`app.translation.state_in_words`: the kinds and states of all tables, and those that templates name."""
    for kind in (Outcome, *StrEnum.__subclasses__()):
        if kind is Outcome or re.match(r"app\..*\.models$", kind.__module__):
            file = kind.__module__.replace(".", "/") + ".py"
            yield from ((file, "state", member.value.replace("_", " ")) for member in kind)
    for path in sorted((CHECKOUT / "templates").rglob("*.html")):
        shown = " ".join(SHOWN.findall(path.read_text(encoding="utf-8")))
        file = path.relative_to(CHECKOUT).as_posix()
        yield from ((file, "state", state.replace("_", " ")) for state in re.findall(r'"(\w+)"', shown))


def spoken_things() -> Spoken:
    """What there may be none of."""
    for path in sorted((CHECKOUT / "app").rglob("*.py")):
        file = path.relative_to(CHECKOUT).as_posix()
        yield from ((file, "thing", what) for what in MISSED.findall(path.read_text(encoding="utf-8")))


def words_of(attribute: Attribute) -> Iterator[str | None]:
    yield from (attribute.label, attribute.description, attribute.low, attribute.high, *attribute.options)


def catalog_paths() -> list[Path]:
    return sorted(CATALOGS.glob("*.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def update(path: Path) -> None:
    """Nothing is guessed: a changed sentence has to be translated again."""
    catalog = read(path)
    created = catalog.creation_date
    catalog.update(sentences(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    catalog.creation_date = created  # else every run would change the file
    with path.open("wb") as file:
        write_po(file, catalog, width=WIDTH, include_lineno=False, sort_output=True)


def untranslated(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id and not all(_strings(message))]


def _strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def main() -> None:
    for path in catalog_paths():
        if sys.argv[1:] == ["--write"]:
            update(path)
        for message in untranslated(read(path)):
            print(f"{path.stem}: {message.id}")


if __name__ == "__main__":
    main()
