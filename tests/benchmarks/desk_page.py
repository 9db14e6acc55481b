"""What does a labeler wait for on a desk with nine strangers' texts of 1,000 words, and how much comes over the wire?

    python -m tests.benchmarks.desk_page [--data FOLDER]

The whole application on an embedded database, and a real Chromium. The texts are answers that people wrote
(`oasst_seed` and `self_instruct` in FOLDER), joined until each has 1,000 words; none stands in two. They are
judged by keys, and every aid for reading is used on the way. A key's time runs from the press, by the browser's clock,
to the frame that shows what it did; on a machine that is busy otherwise it says more of that. Sizes are bytes on the
wire with their headers, counted by the browser: of the desk with nothing in its cache, and from submitting to the next.

The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright
from sqlalchemy.orm import Session

import app.tables  # noqa: F401  (models name each other's tables)
from app.accounts.models import Role
from app.accounts.service import create_user
from app.campaigns.service import open_campaign
from app.config import Settings
from app.db import transaction
from app.projects.models import Project
from app.quality.membership import admit_cohort
from app.storage import storage
from app.tasks.service import add_compare_tasks
from tests.browser.conftest import installed_chromium
from tests.browser.live import live
from tests.factories import make_campaign, make_completion, make_prompt

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"
OUTPUTS, WORDS, TASKS = 9, 1_000, 2
LETTERS = "abcdefghi"

READING = ("x", "x", "y", "y", "w", "w", "w", "w", "w", "q", "q", "ArrowRight", "ArrowLeft", "b", "Shift+E", "Escape")
JUDGING = tuple(key for letter in LETTERS for key in (letter, "Shift+5", "u", "u"))
RANKING = tuple("213456789")
KEYS = (*READING, *JUDGING, "3", "Alt+ArrowUp", "z", "z", "a", *RANKING)

WATCH = """() => {
  window.waits = []
  const painted = new MessageChannel(), begun = []
  painted.port1.onmessage = () => window.waits.push(performance.now() - begun.shift())
  addEventListener("keydown", (event) => {
    if (["Shift", "Alt"].includes(event.key)) return
    begun.push(event.timeStamp)
    requestAnimationFrame(() => painted.port2.postMessage(null)) // taken up after the frame was drawn
  }, {capture: true})
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    texts = texts_of_strangers(parser.parse_args().data)
    with (
        tempfile.TemporaryDirectory(prefix="rondo-page-") as home,
        served(Path(home), texts) as url,
        browser() as context,
    ):
        sign_in(context, url)
        print(json.dumps(measured(context, url)))


def texts_of_strangers(data: Path) -> list[str]:
    """Each of `WORDS` words and its own ones."""
    texts, parts, missing = [], [], WORDS
    for answer in answers_in(data):
        words = answer.split(" ")[:missing]
        parts.append(" ".join(words))
        missing -= len(words)
        if not missing:
            texts.append("\n\n".join(parts))
            parts, missing = [], WORDS
    return texts[: OUTPUTS * TASKS]


def answers_in(data: Path) -> list[str]:
    """The longest first, each once."""
    messages = json.loads((data / "oasst_seed" / "realistic_seed_data.json").read_text())
    lines = (data / "self_instruct" / "text-davinci-001_predictions.jsonl").read_text().splitlines()
    written = [message["text"] for message in messages if message["role"] == "assistant"]
    written += [json.loads(line)["target"] for line in lines]
    return sorted(set(written), key=lambda text: (-len(text), text))


@contextmanager
def served(home: Path, texts: list[str]) -> Iterator[str]:
    with storage(Settings(home=home)) as engine:
        with transaction(engine) as session:
            create_user(session, name="Ada", email=EMAIL, role=Role.LABELER, password=PASSWORD)
            make_tasks(session, texts)
        with live(engine) as url:
            yield url


def make_tasks(session: Session, texts: list[str]) -> None:
    campaign = make_campaign(session)
    project = session.get_one(Project, campaign.project_id)
    for first in range(0, OUTPUTS * TASKS, OUTPUTS):
        prompt = make_prompt(session, project)
        outputs = [make_completion(session, prompt, text) for text in texts[first : first + OUTPUTS]]
        add_compare_tasks(session, campaign, [(prompt, outputs)])
    open_campaign(session, campaign)
    admit_cohort(session, campaign)


@contextmanager
def browser() -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium
        started = chromium.launch(executable_path=installed_chromium(chromium), args=["--no-sandbox"])
        yield started.new_context(viewport={"width": 1440, "height": 900})
        started.close()


def sign_in(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_selector("form.ready")
    context.add_init_script(f"({WATCH})()")
    desk = page.url
    page.close()
    context.new_page().goto("about:blank")
    context.pages[0].evaluate("address => { window.name = address }", desk)


def measured(context: BrowserContext, url: str) -> dict[str, float]:
    page = context.pages[0]
    wire = Wire(context.new_cdp_session(page))
    page.goto(page.evaluate("window.name"), wait_until="networkidle")
    page.wait_for_selector("form.ready")
    first_load = wire.taken()
    waits = pressed(page, KEYS)
    for key, wait in sorted(waits, key=lambda each: -each[1])[:8]:
        print(f"{wait:6.1f} ms  {key}")
    before = page.url
    wire.taken()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda there: there != before and there.startswith(url))
    page.wait_for_selector("form.ready")
    page.wait_for_load_state("networkidle")
    p95 = quantiles([wait for _, wait in waits], n=20)[-1]
    return {
        "key_to_paint_p95_ms": round(p95, 1),
        "first_load_kb": round(first_load / 1000, 1),
        "next_task_kb": round(wire.taken() / 1000, 1),
    }


def pressed(page: Page, keys: tuple[str, ...]) -> list[tuple[str, float]]:
    """Each key with its milliseconds, one after the other."""
    waits = []
    for number, key in enumerate(keys, start=1):
        page.keyboard.press(key)
        page.wait_for_function("number => window.waits.length === number", arg=number)
        waits.append((key, page.evaluate("window.waits.at(-1)")))
    return waits


class Wire:
    """Bytes that reached the browser, by its own count; the cache is emptied first and used from then on."""

    def __init__(self, session: CDPSession) -> None:
        self._addresses: dict[str, str] = {}
        self._bytes = 0
        session.send("Network.enable")
        session.send("Network.clearBrowserCache")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._came)

    def taken(self) -> int:
        """Since it was last asked."""
        taken, self._bytes = self._bytes, 0
        return taken

    def _asked(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _came(self, event: dict[str, Any]) -> None:
        size = int(event["encodedDataLength"])
        self._bytes += size
        if size and "VERBOSE" in os.environ:
            print(f"{size:8} {self._addresses.get(event['requestId'])}")


if __name__ == "__main__":
    main()
