"""How soon does a line of metrics stand on the screen, how soon does a long run open, and what do viewers cost?

    python -m tests.benchmarks.live_page

The whole application on an embedded database, the part of a worker that follows a run's folder, and a real Chromium,
with a run that says the nineteen numbers of PPO at each step.

- `line_to_screen_ms`: from the line in `metrics.jsonl` to the frame in which the curves hold it; the median, and the
  slowest of nineteen in twenty, while 50 others follow the same run.
- `open_100k_ms`: from the click to the frame that shows all curves of 100,000 steps, with Rondo's scripts and styles in
  the browser's cache; `open_100k_first_ms`: with nothing in it.
- `queries_per_point_50_viewers`: statements of the web process for each line, while the 50 look on.

The last line is one JSON object.
"""

import asyncio
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine, event

import app.tables  # noqa: F401  (models name each other's tables)
from app.accounts.models import Role
from app.accounts.sessions import begin_session
from app.config import Settings
from app.db import connect, transaction
from app.runs.metrics import record_metrics
from app.runs.models import Stage
from app.runs.service import Claim, claim_next_run, enqueue_run
from app.storage import storage
from app.worker.execution import LOOK_EVERY
from app.worker.following import Follower
from tests.browser.conftest import installed_chromium
from tests.browser.live import live
from tests.factories import make_project, make_user

LINES, LONG, AT_ONCE, VIEWERS, OPENINGS = 40, 100_000, 5_000, 50, 5
NUMBERS = ("score", "score_deviation", "kl", "entropy", "length", "eos_share", "explained_variance", "policy_loss")
NUMBERS += ("value_loss", "clip_fraction", "value_clip_fraction", "ratio", "norm", "value_norm", "rate", "value_rate")
NUMBERS += ("kl_coefficient", "tokens_per_second", "tokens")

WATCH = """() => {
  const figure = document.querySelector("figure.curves"), painted = new MessageChannel(), steps = []
  window.shown = {}
  painted.port1.onmessage = () => { for (const step of steps.splice(0)) window.shown[step] = Date.now() }
  const note = () => { steps.push(figure.dataset.step); requestAnimationFrame(() => painted.port2.postMessage(null)) }
  new MutationObserver(note).observe(figure, {attributeFilter: ["data-step"]})
}"""
OPENED = """(last) => new Promise((done) => {
  const painted = new MessageChannel(), figure = document.querySelector("figure.curves")
  painted.port1.onmessage = () => done(performance.now())
  const look = () => figure.dataset.step === last
    ? requestAnimationFrame(() => painted.port2.postMessage(null)) : setTimeout(look, 5)
  look()
})"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rondo-live-") as home, storage(Settings(home=Path(home))) as engine:
        token = a_researcher(engine)
        short, long = begin_run(engine), begin_run(engine)
        with transaction(engine) as session:
            record_metrics(session, short, [line(step) for step in range(1, 20)])
        write_long(engine, long)
        with web(engine) as (address, statements), chromium() as browser:
            opened = [open_long(browser, address, token, long) for _ in range(OPENINGS)]
            folder = Path(home) / "run"
            folder.mkdir()
            waits, queries = follow(browser, address, token, engine, short, folder, statements)
    print(json.dumps(figures(opened, waits, queries)))


def figures(opened: list[tuple[float, float]], waits: list[float], queries: float) -> dict[str, float]:
    first, again = zip(*opened, strict=True)
    return {
        "line_to_screen_ms": round(median(waits)),
        "line_to_screen_p95_ms": round(quantiles(waits, n=20)[-1]),
        "open_100k_ms": round(median(again)),
        "open_100k_first_ms": round(median(first)),
        "queries_per_point_50_viewers": round(queries, 2),
    }


def a_researcher(engine: Engine) -> str:
    with transaction(engine) as session:
        return begin_session(session, make_user(session, Role.RESEARCHER))


def begin_run(engine: Engine) -> Claim:
    with transaction(engine) as session:
        enqueue_run(session, make_project(session), Stage.PRETRAIN, {"texts": "texts.jsonl"})
        claim = claim_next_run(session, "mill:7")
    assert claim
    return claim


def line(step: int) -> dict[str, float]:
    return {"step": step, "time": time.time(), **{name: random.gauss(0.7, 0.2) for name in NUMBERS}}


def write_long(engine: Engine, claim: Claim) -> None:
    for first in range(1, LONG + 1, AT_ONCE):
        with transaction(engine) as session:
            record_metrics(session, claim, [line(step) for step in range(first, first + AT_ONCE)])


@contextmanager
def web(engine: Engine) -> Iterator[tuple[str, list[str]]]:
    """The address, and every statement that the web process makes from here on."""
    own = connect(engine.url.render_as_string(hide_password=False))
    statements: list[str] = []
    event.listen(own, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with live(own) as address:
        yield address, statements
    own.dispose()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed_chromium(playwright.chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, address: str, token: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "rondo-session", "value": token, "url": address}])
    yield context.new_page()
    context.close()


def open_long(browser: Browser, address: str, token: str, claim: Claim) -> tuple[float, float]:
    """Milliseconds with an empty cache, and with what Rondo lets browsers keep."""
    with signed_in(browser, address, token) as page:
        first, again = (opening(page, claim) for _ in range(2))
        return first, again


def opening(page: Page, claim: Claim) -> float:
    page.goto("about:blank")
    page.goto(f"/runs/{claim.run_id}", wait_until="commit")
    page.wait_for_selector("figure.curves", state="attached")
    took: float = page.evaluate(OPENED, str(LONG))
    return took


def follow(
    browser: Browser, address: str, token: str, engine: Engine, claim: Claim, folder: Path, statements: list[str]
) -> tuple[list[float], float]:
    """Milliseconds from each line to the screen, and the web process's statements for each."""
    over = threading.Event()
    with signed_in(browser, address, token) as page, crowd(address, token, claim, over):
        page.goto(f"/runs/{claim.run_id}")
        page.wait_for_selector("figure.curves[data-step]")
        page.evaluate(WATCH)
        worker = threading.Thread(target=follow_folder, args=(engine, claim, folder, over))
        worker.start()
        time.sleep(2)
        before, written = len(statements), write_lines(folder)
        page.wait_for_function("last => window.shown[last]", arg=str(max(written)), timeout=20_000)
        queries = (len(statements) - before) / LINES
        shown: dict[str, float] = page.evaluate("window.shown")
        over.set()
        worker.join()
    return [shown[str(step)] - at for step, at in written.items() if str(step) in shown], queries


def write_lines(folder: Path) -> dict[int, float]:
    """When each was written, in milliseconds; one at a time, at odd moments."""
    written = {}
    for step in range(20, 20 + LINES):
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line(step)) + "\n")
        with (folder / "log.txt").open("a") as log:
            log.write(f"step {step}\n")
        written[step] = time.time() * 1000
        time.sleep(random.uniform(0.4, 0.8))
    return written


def follow_folder(engine: Engine, claim: Claim, folder: Path, over: threading.Event) -> None:
    """What a worker does beside its trainer."""
    follower = Follower(engine, claim, folder, lease=60)
    while not over.wait(LOOK_EVERY):
        follower.look()


@contextmanager
def crowd(address: str, token: str, claim: Claim, over: threading.Event) -> Iterator[None]:
    """Fifty who look on, from one thread."""
    there = threading.Barrier(2)
    thread = threading.Thread(target=lambda: asyncio.run(look_on(address, token, claim, over, there)))
    thread.start()
    there.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


async def look_on(address: str, token: str, claim: Claim, over: threading.Event, there: threading.Barrier) -> None:
    limits = httpx.Limits(max_connections=VIEWERS)
    async with httpx.AsyncClient(base_url=address, cookies={"rondo-session": token}, limits=limits, timeout=60) as web:
        begun = [asyncio.Event() for _ in range(VIEWERS)]
        viewers = [asyncio.create_task(view(web, claim, each)) for each in begun]
        await asyncio.gather(*(each.wait() for each in begun))
        await asyncio.to_thread(there.wait)
        await asyncio.to_thread(over.wait)
        for each in viewers:
            each.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)


async def view(web: httpx.AsyncClient, claim: Claim, begun: asyncio.Event) -> None:
    async with web.stream("GET", f"/runs/{claim.run_id}/events") as events:
        async for _ in events.aiter_lines():
            begun.set()


if __name__ == "__main__":
    main()
