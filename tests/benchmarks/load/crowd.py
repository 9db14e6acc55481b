"""The labelers, all in one process of their own: each takes a page, judges all of it, sends it, and takes the next.

    python -m tests.benchmarks.load.crowd

is started by the benchmark: a `Crowd` comes as JSON on standard input, and what happened leaves as JSON.
"""

import asyncio
import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import unescape
from random import Random
from urllib.parse import urlencode

from app.simulation.page import Form, read_page
from tests.benchmarks.load.browser import Answer, Browser, ServerMisbehaved

JUDGEMENTS = 200  # different ones that a labeler has ready, so that making them up costs no time
FLAGGED = 0.3
NOTED = 0.3
SECONDS = "300"  # the active time that each page claims
NOTE = "Names the right place, and leaves out when it opens."
SIGN_INS_AT_ONCE = 2
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
CARD = "<article"
WORKING = "working"  # said on standard error once all have signed in


@dataclass(frozen=True)
class Crowd:
    host: str
    port: int
    emails: list[str]
    password: str
    outputs: int
    warm_up: float
    seconds: float


@dataclass
class Tally:
    """Latencies in seconds, of the measured time alone; counts of it and of all of the time."""

    next_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)
    measured: int = 0
    accepted: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    page_bytes: int = 0
    form_bytes: int = 0
    client_cpu: float = 0.0
    wall: float = 0.0


class Labeler:
    def __init__(self, browser: Browser, crowd: Crowd, tally: Tally, random: Random) -> None:
        self.browser = browser
        self.crowd = crowd
        self.tally = tally
        self.random = random
        self.judgements: list[str] = []
        self.token = ""

    async def sign_in(self, email: str) -> None:
        door = await self.browser.get("/sign-in")
        fields = {"csrf_token": door.csrf_token, "email": email, "password": self.crowd.password}
        home = await self.browser.post("/sign-in", urlencode(fields))
        if home.status != 303:
            raise ServerMisbehaved(f"sign-in of {email} was answered with {home.status}")

    async def begin(self) -> Answer:
        """The first desk, whose form says what there is to fill in. Guidelines stand before it until they are read."""
        tasks = await self.browser.get("/tasks")
        self.token = tasks.csrf_token
        there = await self.browser.post_and_follow("/tasks/next", urlencode({"csrf_token": self.token}))
        if there.path.startswith("/guidelines/"):
            there = await self.browser.post_and_follow(there.path, urlencode({"csrf_token": self.token}))
        form = read_page(there.path, there.body).form("/submit")
        self.judgements = [urlencode(judgement(form, self.random)) for _ in range(JUDGEMENTS)]
        return there

    async def work(self, desk: Answer, since: float, until: float) -> None:
        """Until the time is over, without a pause."""
        while (now := time.perf_counter()) < until:
            answer = await self.browser.post(desk.path + "/submit", self.filled(desk))
            self.note("submit", answer, 303, self.tally.submit_seconds, now >= since)
            if answer.status != 303:
                break
            self.tally.accepted += 1
            asked = time.perf_counter()
            desk = await self.browser.get(answer.headers["location"])
            self.note("next", desk, 200, self.tally.next_seconds, asked >= since)
            if desk.body.count(CARD) != self.crowd.outputs:
                self.tally.wrong.append(f"{desk.path}: {desk.body.count(CARD)} outputs, status {desk.status}")
                break
            self.tally.measured += since <= time.perf_counter() < until

    def filled(self, desk: Answer) -> str:
        """One of the judgements, with what this very page sends along."""
        hidden = {name: unescape(value) for name, value in reversed(HIDDEN.findall(desk.body))}  # the first of a name
        if "idempotency_key" not in hidden:
            raise ServerMisbehaved(f"no desk at {desk.path}")
        form = f"{self.random.choice(self.judgements)}&{urlencode(hidden | {'active_seconds': SECONDS})}"
        self.tally.form_bytes = len(form)
        self.tally.page_bytes = len(desk.body)
        return form

    def note(self, what: str, answer: Answer, right: int, seconds: list[float], counts: bool) -> None:
        said = f"{what} {answer.status}"
        self.tally.answers[said] = self.tally.answers.get(said, 0) + 1
        if answer.status != right:
            said = read_page(answer.path, answer.body).notice.strip()
            self.tally.wrong.append(f"{what} {answer.path}: {answer.status} {said[:200]}")
        if counts:
            seconds.append(answer.seconds)


def judgement(form: Form, random: Random) -> dict[str, str]:
    """What a browser sends of a desk on which all is said of every output; ranks follow the ratings, with ties."""
    answers, points = dict[str, str](), dict[str, int]()
    for name in dict.fromkeys(each.name for each in form.fields):
        kind = next(each.kind for each in form.fields if each.name == name)
        if name.startswith("output[") and kind == "radio":
            answers[name] = random.choice(form.values(name))
            points.setdefault(letter_in(name), int(answers[name]))
        elif kind == "checkbox" and random.random() < FLAGGED:
            answers[name] = form.values(name)[0]
        elif name.endswith("[notes]") and random.random() < NOTED:
            answers[name] = NOTE
    best_first = sorted(set(points.values()), reverse=True)
    answers |= {f"rank[{letter}]": str(best_first.index(point) + 1) for letter, point in points.items()}
    hidden = {each.name for each in form.fields if each.kind == "hidden"}
    return {name: value for name, value in form.filled(answers).items() if name not in hidden}


def letter_in(name: str) -> str:
    """`output[b][overall]` is about b."""
    return name.split("[")[1].rstrip("]")


async def labelled(crowd: Crowd) -> Tally:
    tally, turn = Tally(), asyncio.Semaphore(SIGN_INS_AT_ONCE)
    browsers = [Browser(crowd.host, crowd.port) for _ in crowd.emails]
    labelers = [Labeler(each, crowd, tally, Random(number)) for number, each in enumerate(browsers)]

    async def arrive(labeler: Labeler, email: str) -> Answer:
        async with turn:
            await labeler.sign_in(email)
            return await labeler.begin()

    desks = await asyncio.gather(*(arrive(*pair) for pair in zip(labelers, crowd.emails, strict=True)))
    with measured_time(tally):
        since = time.perf_counter() + crowd.warm_up
        until = since + crowd.seconds
        work = [labeler.work(desk, since, until) for labeler, desk in zip(labelers, desks, strict=True)]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
    tally.wrong += [str(outcome) for outcome in outcomes if outcome is not None]
    return tally


@contextmanager
def measured_time(tally: Tally) -> Iterator[None]:
    """Writes wall-clock and processor seconds of its block into the tally."""
    print(WORKING, file=sys.stderr, flush=True)
    wall, cpu = time.perf_counter(), own_cpu()
    yield
    tally.wall, tally.client_cpu = time.perf_counter() - wall, own_cpu() - cpu


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    tally = asyncio.run(labelled(Crowd(**json.load(sys.stdin))))
    json.dump(asdict(tally), sys.stdout)


if __name__ == "__main__":
    main()
