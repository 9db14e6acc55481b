"""A page as a labeler's eyes and browser take it: its texts, its outputs, and its forms with their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
INLINE = {"a", "b", "code", "del", "em", "i", "s", "small", "span", "strong", "u", "kbd"}
CHOSEN_ONCE = {"radio", "checkbox"}


class UnexpectedPage(Exception):
    """The page lacks what is needed to go on, and says so: `shown` is how it began."""

    def __init__(self, lacking: str, page: "Page") -> None:
        super().__init__(f"{page.url}: no {lacking} on the page “{page.title}”: {page.notice or page.text[:200]!r}")


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    value: str
    chosen: bool = True


@dataclass
class Form:
    action: str
    method: str
    identity: str = ""
    fields: list[Field] = field(default_factory=list)

    def offers(self, name: str) -> bool:
        return any(each.name == name for each in self.fields)

    def values(self, name: str) -> list[str]:
        """What can be chosen under a name, or stands there."""
        return [each.value for each in self.fields if each.name == name]

    def filled(self, answers: Mapping[str, str]) -> dict[str, str]:
        """What a browser sends with these answers. KeyError for a field or a choice that the form does not offer."""
        sent = {each.name: each.value for each in self.fields if each.chosen}
        for name, answer in answers.items():
            offered = [each for each in self.fields if each.name == name]
            if not offered or (offered[0].kind in CHOSEN_ONCE and answer not in self.values(name)):
                raise KeyError(f"{name}={answer}")
            sent[name] = answer
        return sent


@dataclass
class Output:
    """One text to judge; `fields` are the names of the fields that stand in its card."""

    text: str = ""
    fields: list[str] = field(default_factory=list)

    @property
    def letter(self) -> str:
        """The key in the names of its fields: `rank[a]` and `output[a][overall]` belong to a."""
        return next((name.split("[")[1].rstrip("]") for name in self.fields if "[" in name), "")


@dataclass
class Page:
    url: str
    title: str = ""
    text: str = ""
    """All that is written in the main part outside the outputs."""
    notice: str = ""
    outputs: list[Output] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)

    def form(self, action: str) -> Form:
        """The form that goes to an address with these words in it. Raises `UnexpectedPage`."""
        for form in self.forms:
            if action in form.action:
                return form
        raise UnexpectedPage(f"form to {action}", self)


def read_page(url: str, html: str) -> Page:
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    reader.adopt_fields()
    return reader.page


class Place(Enum):
    """Where in a page something stands; a card holds an output and the fields to judge it."""

    ELSEWHERE, TITLE, MAIN, NOTICE, CARD, OUTPUT = range(6)


def _place(tag: str, classes: list[str], within: Place) -> Place:
    match tag, within:
        case "title", _:
            return Place.TITLE
        case "main", _:
            return Place.MAIN
        case "article", _:
            return Place.CARD
        case _, Place.CARD if "text" in classes:
            return Place.OUTPUT
        case _, Place.MAIN if "notice" in classes or "error" in classes:
            return Place.NOTICE
    return within


class _Reader(HTMLParser):
    """Keeps the open elements, each with the place that it opens or stands in."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page(url)
        self._open: list[tuple[str, Place]] = [("", Place.ELSEWHERE)]
        self._form: Form | None = None
        self._textarea: tuple[str, str] | None = None
        self._select: str | None = None
        self._adopted: list[tuple[str, Field]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in INLINE:
            self._write("\n")
        if tag not in VOID:
            self._open.append((tag, _place(tag, attributes.get("class", "").split(), self._open[-1][1])))
        match tag:
            case "form":
                self._form = Form(
                    attributes.get("action", ""), attributes.get("method", "get"), attributes.get("id", "")
                )
                self.page.forms.append(self._form)
            case "article":
                self.page.outputs.append(Output())
            case "input":
                self._add(_input(attributes), attributes.get("form"))
            case "textarea":
                self._textarea = (attributes.get("name", ""), "")
            case "select":
                self._select = attributes.get("name", "")
            case "option" if self._select:
                self._add(Field(self._select, "radio", attributes.get("value", ""), "selected" in attributes), None)

    def handle_endtag(self, tag: str) -> None:
        if all(name != tag for name, _ in self._open):
            return
        while self._open.pop()[0] != tag:
            pass
        if tag not in INLINE:
            self._write("\n")
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._textarea:
            name, value = self._textarea
            self._textarea = None
            self._add(Field(name, "text", value.removeprefix("\n")), None)

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._textarea = (self._textarea[0], self._textarea[1] + data)
        else:
            self._write(data)

    def adopt_fields(self) -> None:
        """Fields may stand far from the form that they name."""
        for identity, each in self._adopted:
            for form in self.page.forms:
                if form.identity == identity:
                    form.fields.append(each)

    def _write(self, data: str) -> None:
        place = self._open[-1][1]
        if place is Place.TITLE:
            self.page.title += data
        elif place is Place.OUTPUT:
            self.page.outputs[-1].text = _joined(self.page.outputs[-1].text, data)
        elif place in (Place.MAIN, Place.NOTICE):
            self.page.text = _joined(self.page.text, data)
        if place is Place.NOTICE:
            self.page.notice = _joined(self.page.notice, data)

    def _add(self, each: Field, identity: str | None) -> None:
        if not each.name:
            return
        if self._open[-1][1] in (Place.CARD, Place.OUTPUT):
            self.page.outputs[-1].fields.append(each.name)
        if identity:
            self._adopted.append((identity, each))
        elif self._form:
            self._form.fields.append(each)


def _input(attributes: Mapping[str, str]) -> Field:
    kind = attributes.get("type", "text")
    value = attributes.get("value", "on" if kind in CHOSEN_ONCE else "")
    return Field(attributes.get("name", ""), kind, value, kind not in CHOSEN_ONCE or "checked" in attributes)


def _joined(text: str, more: str) -> str:
    """Texts run on, with one line break at most between blocks."""
    return text + more if more != "\n" else text.rstrip() + ("\n" if text.strip() else "")
