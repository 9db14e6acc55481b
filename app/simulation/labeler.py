"""A simulated labeler: signs in, takes tasks and submits pages over a real socket, and knows nothing but the pages."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import httpx

from app.simulation.facts import Facts, parse_facts
from app.simulation.page import Form, Output, Page, UnexpectedPage, read_page
from app.simulation.taste import Opinion, Taste

DESK, SUBMIT, GUIDELINES = "/assignments/", "/submit", "/guidelines/"
READING_SECONDS = 4.0
"""What a simulated labeler claims to have needed for each text, since it does not read."""
MEANT = {"confirmed": "1"}
"""It never slips: whatever the page would ask about is meant."""


@dataclass(frozen=True)
class Account:
    """How to sign in: with the password, or by the one-time link where there is one."""

    email: str
    password: str = ""
    link: str = ""


class Writer(Protocol):
    def __call__(self, facts: Facts, labeler: str) -> str:
        """A demonstration by this labeler."""


@dataclass(frozen=True)
class Mind:
    """What labelers think of texts, and what they write themselves."""

    taste: Taste
    write: Writer


class Labeler:
    """One labeler's browser. All methods raise `UnexpectedPage` where the site does not behave, httpx errors where it
    does not answer."""

    def __init__(self, base_url: str, account: Account, mind: Mind) -> None:
        self.account = account
        self.mind = mind
        self._browser = httpx.Client(base_url=base_url, follow_redirects=True, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._browser.close()

    def sign_in(self) -> None:
        if self.account.link:
            page = self._get(self.account.link)
            page = self._send(page, page.form(httpx.URL(self.account.link).path), {})
        else:
            page = self._get("/sign-in")
            answers = {"email": self.account.email, "password": self.account.password}
            page = self._send(page, page.form("/sign-in"), answers)
        if "/sign-in" in page.url:
            raise UnexpectedPage(f"way in for {self.account.email}", page)

    def work(self, done: Callable[[], None]) -> int:
        """Takes and submits tasks until none is left; returns how many. Calls `done` after each."""
        count = 0
        page = self._take_next()
        while DESK in page.url:
            page = self.judge(page)
            count += 1
            done()
            if DESK not in page.url:
                page = self._take_next()
        return count

    def judge(self, desk: Page) -> Page:
        """Fills in and submits a desk; returns the page that follows. A desk that comes back was refused."""
        form = desk.form(SUBMIT)
        answers = self._answers(desk, form)
        following = self._send(desk, form, answers, MEANT if form.offers("asked") else {})
        if following.url.removesuffix(SUBMIT) == desk.url:
            raise UnexpectedPage("acceptance of what was submitted", following)
        return following

    def _answers(self, desk: Page, form: Form) -> dict[str, str]:
        try:
            facts = parse_facts(desk.text)
        except ValueError as error:
            raise UnexpectedPage("facts to judge by", desk) from error
        if desk.outputs:
            texts = [output.text.strip() for output in desk.outputs]
            answers = judged(form, desk.outputs, self.mind.taste.opinion(self.account.email, facts, texts))
        else:
            answers = {"text": self.mind.write(facts, self.account.email)}
        if form.offers("active_seconds"):
            answers["active_seconds"] = f"{READING_SECONDS * max(1, len(desk.outputs)):g}"
        return answers

    def _take_next(self) -> Page:
        """A desk, or the list of tasks where there is nothing to do."""
        page = self._get("/tasks")
        for offer in [form for form in page.forms if form.action.endswith("/tasks/next")]:
            page = self._send(page, offer, {})
            if GUIDELINES in page.url:
                page = self._send(page, page.form(GUIDELINES), {})
            if DESK in page.url:
                break
        return page

    def _get(self, url: str) -> Page:
        return self._read(self._browser.get(url))

    def _send(
        self, page: Page, form: Form, answers: Mapping[str, str], button: Mapping[str, str] | None = None
    ) -> Page:
        """`button`: what is sent for the one that is pressed."""
        try:
            filled = form.filled(answers)
        except KeyError as error:
            raise UnexpectedPage(f"field for {error}", page) from error
        return self._read(self._browser.post(form.action, data=filled | dict(button or {})))

    def _read(self, response: httpx.Response) -> Page:
        page = read_page(str(response.url), response.text)
        if response.is_error:
            raise UnexpectedPage(f"answer but {response.status_code}", page)
        return page


def judged(form: Form, outputs: Sequence[Output], opinion: Opinion) -> dict[str, str]:
    """An opinion as the answers to a form: the ranks where it asks for them, the points on its first scale, and the
    flags that it has."""
    answers = {}
    for output, rank, points, flags in zip(outputs, opinion.ranks, opinion.points, opinion.flags, strict=True):
        rated = [name for name in output.fields if name.startswith("output[")]
        if form.offers(f"rank[{output.letter}]"):
            answers[f"rank[{output.letter}]"] = str(rank)
        scale = next((name for name in rated if len(form.values(name)) > 2), None)
        if scale:
            answers[scale] = _step(form.values(scale), points)
        answers |= {name: form.values(name)[0] for name in rated if name.endswith(tuple(f"[{flag}]" for flag in flags))}
    return answers


def _step(values: list[str], points: int) -> str:
    """The step of a scale of any length for points from 1 to 7."""
    return values[round((points - 1) / 6 * (len(values) - 1))]


@dataclass(frozen=True)
class Done:
    """What a crew of labelers did: tasks by email, and the wall-clock seconds that it took."""

    tasks: dict[str, int]
    seconds: float


def work(base_url: str, accounts: Sequence[Account], mind: Mind, done: Callable[[], None]) -> Done:
    """All labelers sign in and work side by side until no task is left; then the first error, if any, is raised.
    `done` is called in many threads, after each task."""

    def one(account: Account) -> int:
        with Labeler(base_url, account, mind) as labeler:
            labeler.sign_in()
            return labeler.work(done)

    started = time.monotonic()
    with ThreadPoolExecutor(max(1, len(accounts))) as pool:
        counts = list(pool.map(one, accounts))
    return Done(dict(zip((account.email for account in accounts), counts, strict=True)), time.monotonic() - started)
