"""Against a small server that behaves like the site; `test_labeler_on_the_site.py` uses the site itself."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from app.simulation.facts import Checker, Facts
from app.simulation.labeler import Account, Labeler, Mind, work
from app.simulation.page import UnexpectedPage
from app.simulation.taste import Taste

FACTS = "name[Juniper], eatType[pub], food[Thai]"
TEXTS = ("Juniper is a pub.", "Juniper is a Thai pub.", "Juniper serves Thai food in a pub.")
FORM = '<form method="post" action="{action}"><input type="hidden" name="csrf_token" value="secret">{fields}</form>'
PASSWORD = "juniper berries"


def mind() -> Mind:
    def write(facts: Facts, labeler: str) -> str:
        return f"{facts.get('name')}, says {labeler}."

    return Mind(Taste(Checker(), seed=1, noise=0), write)


@dataclass
class Site:
    """`tasks` are texts to judge, or none where a demonstration is wanted; `sent` is what came in."""

    tasks: list[tuple[str, ...]]
    sent: list[dict[str, str]] = field(default_factory=list)
    prompt: str = FACTS
    refuses: bool = False
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str, visitor: str) -> str:
        if path.startswith("/sign-in/once/"):
            return FORM.format(action=path, fields="")
        if path == "/sign-in" or not visitor:
            return FORM.format(action="/sign-in", fields='<input name="email"><input name="password" type="password">')
        if path == "/tasks":
            return FORM.format(action="/tasks/next", fields='<input type="hidden" name="campaign" value="1">')
        return self.desk(int(path.split("/")[2]))

    def desk(self, number: int) -> str:
        texts = self.tasks[number]
        cards = "".join(self.card(letter, text) for letter, text in zip("abc", texts, strict=False))
        fields = cards or '<textarea name="text"></textarea>'
        hidden = f'<input type="hidden" name="idempotency_key" value="key {number}">'
        fields = f"<main><p>{escape(self.prompt)}</p>{fields}</main>{hidden}"
        return FORM.format(action=f"/assignments/{number}/submit", fields=fields)

    def card(self, letter: str, text: str) -> str:
        ranks = "".join(f'<input type="radio" name="rank[{letter}]" value="{rank}">' for rank in (1, 2, 3))
        points = "".join(f'<input type="radio" name="output[{letter}][overall]" value="{n}">' for n in range(1, 8))
        flag = f'<input type="checkbox" name="output[{letter}][hallucination]" value="1">'
        return f'<article>{ranks}{points}{flag}<div class="text"><p>{escape(text)}</p></div></article>'

    def post(self, path: str, sent: dict[str, str], visitor: str) -> tuple[str, str]:
        """Where to go next, and who the visitor is from now on."""
        if path.startswith("/sign-in"):
            known = sent.get("password") == PASSWORD or "/once/" in path
            return ("/tasks", sent.get("email", "guest")) if known else ("/sign-in", "")
        with self.lock:
            if path == "/tasks/next":
                number = next(self.numbers, None)
                return (f"/assignments/{number}" if number is not None else "/tasks"), visitor
            self.sent.append(sent | {"by": visitor})
        return (path.removesuffix("/submit") if self.refuses else "/tasks"), visitor

    def __post_init__(self) -> None:
        self.numbers = iter(range(len(self.tasks)))


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(tasks=getattr(request, "param", [TEXTS]))

    class Handler(BaseHTTPRequestHandler):
        def visitor(self) -> str:
            cookie = SimpleCookie(self.headers.get("Cookie")).get("who")
            return cookie.value if cookie else ""

        def do_GET(self) -> None:
            body = site.get(self.path, self.visitor()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = dict(parse_qsl(raw, keep_blank_values=True))
            if sent.get("csrf_token") != "secret":
                self.send_error(403)
                return
            place, visitor = site.post(self.path, sent, self.visitor())
            self.send_response(303)
            self.send_header("Location", place)
            self.send_header("Set-Cookie", f"who={visitor}; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def ann(site: Site) -> Labeler:
    return Labeler(site.url, Account("ann@example.org", PASSWORD), mind())


def test_a_labeler_ranks_and_rates_what_the_page_shows(site: Site) -> None:
    done: list[None] = []
    with ann(site) as labeler:
        labeler.sign_in()
        assert labeler.work(lambda: done.append(None)) == 1
    assert len(done) == 1
    assert site.sent == [
        {
            "csrf_token": "secret",
            "idempotency_key": "key 0",
            "by": "ann@example.org",
            **{"rank[a]": "2", "rank[b]": "1", "rank[c]": "1"},
            **{"output[a][overall]": "6", "output[b][overall]": "7", "output[c][overall]": "7"},
        }
    ]


@pytest.mark.parametrize("site", [[(), ("Juniper is a Greek pub.", "Juniper.")]], indirect=True)
def test_a_labeler_writes_where_there_is_nothing_to_judge_and_flags_what_is_made_up(site: Site) -> None:
    with ann(site) as labeler:
        labeler.sign_in()
        assert labeler.work(lambda: None) == 2
    assert site.sent[0]["text"] == "Juniper, says ann@example.org."
    assert site.sent[1]["output[a][hallucination]"] == "1"
    assert "output[b][hallucination]" not in site.sent[1]


def test_a_one_time_link_signs_in_too(site: Site) -> None:
    with Labeler(site.url, Account("guest", link=f"{site.url}/sign-in/once/abc"), mind()) as labeler:
        labeler.sign_in()
        assert labeler.work(lambda: None) == 1


def test_a_wrong_password_is_a_clear_error(site: Site) -> None:
    with Labeler(site.url, Account("ann", "guess"), mind()) as labeler, pytest.raises(UnexpectedPage, match="way in"):
        labeler.sign_in()


def test_a_desk_that_comes_back_is_a_clear_error(site: Site) -> None:
    site.refuses = True
    with ann(site) as labeler:
        labeler.sign_in()
        with pytest.raises(UnexpectedPage, match="acceptance"):
            labeler.work(lambda: None)


def test_a_prompt_without_facts_is_a_clear_error(site: Site) -> None:
    site.prompt = "Tell me a joke"
    with ann(site) as labeler:
        labeler.sign_in()
        with pytest.raises(UnexpectedPage, match="facts to judge by"):
            labeler.work(lambda: None)


@pytest.mark.parametrize("site", [[TEXTS] * 12], indirect=True)
def test_a_crew_shares_the_tasks(site: Site) -> None:
    accounts = [Account(f"labeler{number}", PASSWORD) for number in range(5)]
    did = work(site.url, accounts, mind(), lambda: None)
    assert sum(did.tasks.values()) == 12 == len(site.sent)
    assert set(did.tasks) == {account.email for account in accounts}
    assert {sent["idempotency_key"] for sent in site.sent} == {f"key {number}" for number in range(12)}
