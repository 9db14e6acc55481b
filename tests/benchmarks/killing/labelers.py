"""Labelers who rank over HTTP, and send again what was not acknowledged, as the desk's script does."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from urllib.parse import urlsplit

import httpx

from app.simulation.labeler import MEANT
from app.simulation.page import Form, Page, UnexpectedPage, read_page
from tests.benchmarks.killing.site import PATIENCE
from tests.benchmarks.load.crowd import SECONDS, judgement, letter_in

RETRY = 0.3  # seconds
LONGEST_THOUGHT = 0.4  # seconds before a desk is sent


@dataclass(frozen=True)
class Acknowledged:
    """A submission that the server answered with the way to the next page: from then on it must not be lost."""

    assignment: int
    key: str
    ranks: tuple[int, ...]  # by letter, which is the order shown


@dataclass
class Crew:
    """What all labelers were told so far; `resent` counts requests that had no answer, or one that says: later."""

    address: str
    acknowledged: list[Acknowledged] = field(default_factory=list)
    resent: int = 0
    lock: Lock = field(default_factory=Lock)

    def work(self, emails: Sequence[str], password: str, seed: int = 0) -> None:
        """All side by side, until no task is left."""

        def one(number: int) -> None:
            with httpx.Client(base_url=self.address, timeout=60) as browser:
                labeler = Labeler(self, browser, Random(f"{seed} {number}"))
                labeler.sign_in(emails[number], password)
                labeler.work()

        with ThreadPoolExecutor(len(emails)) as pool:
            list(pool.map(one, range(len(emails))))


@dataclass
class Labeler:
    crew: Crew
    browser: httpx.Client
    random: Random

    def sign_in(self, email: str, password: str) -> None:
        door = self.get("/sign-in")
        there = self.send(door.form("/sign-in"), {"email": email, "password": password})
        if "/sign-in" in there:
            raise UnexpectedPage(f"way in for {email}", door)

    def work(self) -> None:
        while (desk := self.next_desk()) is not None:
            form = desk.form("/submit")
            hidden = {each.name: each.value for each in form.fields if each.kind == "hidden"}
            judged = judgement(form, self.random)
            time.sleep(self.random.uniform(0, LONGEST_THOUGHT))
            self.send(form, {**hidden, **judged, **MEANT, "active_seconds": SECONDS})
            ranks = sorted((letter_in(name), int(rank)) for name, rank in judged.items() if name.startswith("rank["))
            said = Acknowledged(_number(form), hidden["idempotency_key"], tuple(rank for _, rank in ranks))
            with self.crew.lock:
                self.crew.acknowledged.append(said)

    def next_desk(self) -> Page | None:
        tasks = self.get("/tasks")
        for offer in [form for form in tasks.forms if form.action.endswith("/tasks/next")]:
            there = self.send(offer, {})
            if there.startswith("/assignments/"):
                return self.get(there)
        return None

    def get(self, path: str) -> Page:
        answer = self.until_answered("GET", path)
        return read_page(path, answer.text)

    def send(self, form: Form, answers: Mapping[str, str]) -> str:
        """The same form again and again, until the server says where to go on: that path."""
        answer = self.until_answered("POST", form.action, form.filled({}) | dict(answers))
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise UnexpectedPage(f"acceptance but {answer.status_code}", read_page(form.action, answer.text))
        return urlsplit(answer.headers["location"]).path

    def until_answered(self, method: str, path: str, data: Mapping[str, str] | None = None) -> httpx.Response:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.browser.request(method, path, data=data)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, f"{method} {path} is not answered"
            with self.crew.lock:
                self.crew.resent += 1
            time.sleep(RETRY)


def _number(form: Form) -> int:
    """Of the assignment that `/assignments/7/submit` is for."""
    return int(urlsplit(form.action).path.split("/")[2])
