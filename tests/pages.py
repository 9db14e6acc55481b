"""One browser for all page tests: it signs in, follows redirects and checks every page it gets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.accounts.models import Role, User
from app.accounts.sessions import begin_session
from tests.factories import make_user

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNLABELLED_INPUTS = {"hidden", "submit", "button", "reset", "image"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    ancestors: tuple["Element", ...] = ()
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says, white space collapsed."""
        return " ".join("".join(self.pieces).split())

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def is_within(self, other: "Element") -> bool:
        return any(ancestor is other for ancestor in self.ancestors)


class Parser(HTMLParser):
    """A flat list of elements in document order; each knows its ancestors and all the text inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag in {element.tag for element in self.open}:
            if self.open.pop().tag == tag:
                break

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.pieces.append(data)


@dataclass
class Page:
    """What a browser would show: the answer after all redirects. `redirects` are the addresses passed on the way."""

    status: int
    path: str
    headers: Mapping[str, str]
    body: str
    redirects: list[str]
    elements: list[Element]

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements with a tag and attributes (`type_`, `for_` and `class_` where Python keeps the word)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [e for e in self.elements if e.tag == tag and all(e.attributes.get(n) == v for n, v in wanted.items())]

    def one(self, tag: str, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def heading(self) -> str:
        return self.one("h1").text

    @property
    def text(self) -> str:
        return self.one("body").text

    @property
    def links(self) -> dict[str, str]:
        """Where each link leads, by what it says."""
        return {link.text: link.get("href") for link in self.all("a")}

    def form(self, action: str) -> dict[str, list[str]]:
        """What a browser would send if the form were submitted untouched."""
        form = self.one("form", action=action)
        sent: dict[str, list[str]] = {}
        for control in self.elements:
            if (
                control.is_within(form)
                and control.get("name")
                and (value := _value(control, self.elements)) is not None
            ):
                sent.setdefault(control.get("name"), []).append(value)
        return sent


def _value(control: Element, elements: Sequence[Element]) -> str | None:
    if control.tag == "textarea":
        return "".join(control.pieces).removeprefix("\n")
    if control.tag == "select":
        options = [e for e in elements if e.tag == "option" and e.is_within(control)]
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        return chosen[-1].get("value") if chosen else None
    if control.tag != "input" or control.get("type") in {"submit", "button", "file"}:
        return None
    if control.get("type") in {"checkbox", "radio"}:
        return control.get("value", "on") if "checked" in control.attributes else None
    return control.get("value")


class PageClient:
    """A browser over the application. `session` is the test's own, in the same transaction as the requests."""

    def __init__(self, app: FastAPI, session: Session) -> None:
        self.app = app
        self.session = session
        self.http = TestClient(app, follow_redirects=False)

    def sign_in(self, user: User) -> User:
        """As if through the sign-in page, without the quarter of a second that a password takes."""
        self.sign_out()
        self.hold_session(begin_session(self.session, user))
        return user

    def sign_in_as(self, role: Role) -> User:
        return self.sign_in(make_user(self.session, role))

    def hold_session(self, token: str) -> None:
        """The domain is the one under which the cookie jar files what `http://testserver` sets."""
        self.http.cookies.set("rondo-session", token, domain="testserver.local", path="/")

    def sign_out(self) -> None:
        self.http.cookies.clear()

    def get(self, path: str, status: int = 200, **query: Any) -> Page:
        return self._follow("GET", path, status, params=query or None)

    def post(self, path: str, data: Mapping[str, Any] | None = None, status: int = 200, files: Any = None) -> Page:
        """A form with its token, to the page behind the redirect; `status` is that of the last answer."""
        sent = {"csrf_token": self.csrf_token(), **(data or {})}
        return self._follow("POST", path, status, data=sent, files=files)

    def submit(self, page: Page, action: str, status: int = 200, **changes: Any) -> Page:
        """The form of a page as a person would send it, with some fields changed."""
        return self._follow("POST", action, status, data=page.form(action) | changes)

    def csrf_token(self) -> str:
        """Of the form on a page that everybody may open: signing out where somebody is signed in, else signing in."""
        page = self.get("/account")
        return page.all("input", name="csrf_token")[0].get("value")

    def _follow(self, method: str, path: str, status: int, **sent: Any) -> Page:
        redirects: list[str] = []
        answer = self.http.request(method, path, **sent)
        while answer.is_redirect:
            path = urljoin(path, answer.headers["location"])
            redirects.append(path)
            assert len(redirects) < 10, f"redirected in a circle: {redirects}"
            answer = self.http.get(path)
        self.session.expire_all()
        assert answer.status_code == status, f"{method} {path} answered {answer.status_code}: {answer.text[:2000]}"
        return _page(answer, path, redirects)


def _page(answer: Any, path: str, redirects: list[str]) -> Page:
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    parser = Parser()
    parser.feed(answer.text if is_page else "")
    page = Page(answer.status_code, path, answer.headers, answer.text, redirects, parser.elements)
    if is_page and page.all("html"):
        check_page(page)
    elif is_page:
        check_fragment(page)
    return page


def check_page(page: Page) -> None:
    """What holds for every page of Rondo."""
    assert page.all("title")[0].text.strip(" –").removesuffix("Rondo").strip(" –"), f"{page.path} has no title"
    assert len(page.all("h1")) == 1, f"{page.path} has {len(page.all('h1'))} first headings"
    assert page.heading, f"the heading of {page.path} is empty"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    check_fragment(page)


def check_fragment(page: Page) -> None:
    _check_no_inline_code(page)
    _check_ids_are_unique(page)
    _check_every_control_has_a_name(page)
    _check_posts_carry_a_token(page)


def _check_no_inline_code(page: Page) -> None:
    for element in page.elements:
        assert element.tag != "style", f"{page.path} has an inline style sheet"
        assert element.tag != "script" or element.get("src"), f"{page.path} has an inline script"
        inline = [name for name in element.attributes if name == "style" or name.startswith("on")]
        assert not inline, f"{page.path} has {inline} on <{element.tag}>"


def _check_ids_are_unique(page: Page) -> None:
    counts = Counter(element.get("id") for element in page.elements if element.get("id"))
    twice = [name for name, count in counts.items() if count > 1]
    assert not twice, f"{page.path} uses the ids {twice} more than once"


def _check_every_control_has_a_name(page: Page) -> None:
    labels = {label.get("for"): label for label in page.all("label") if label.text}
    for control in page.elements:
        is_control = control.tag in {"select", "textarea", "input"} and control.get("type") not in UNLABELLED_INPUTS
        named = (
            control.get("id") in labels
            or control.get("aria-label")
            or control.get("aria-labelledby")
            or any(ancestor.tag == "label" and ancestor.text for ancestor in control.ancestors)
        )
        assert named or not is_control, f"{page.path}: {control.tag} {control.get('name')} has no label"
        assert control.tag != "button" or control.text or control.get("aria-label"), (
            f"{page.path}: a button says nothing"
        )


def _check_posts_carry_a_token(page: Page) -> None:
    for form in page.all("form"):
        if form.get("method").lower() == "post":
            tokens = [e for e in page.all("input", name="csrf_token") if e.is_within(form) and e.get("value")]
            assert tokens, f"{page.path}: the form to {form.get('action')} has no token"


def assert_no_model_identity(page: Page, *names: str) -> None:
    """For desk pages: nothing in the source, attributes included, tells which system wrote an output."""
    for name in names:
        assert name not in page.body, f"{page.path} gives {name} away"
