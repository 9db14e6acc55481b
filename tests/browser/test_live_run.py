"""The page of a run, while it runs, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from app.accounts.models import Role
from app.accounts.sessions import begin_session
from app.db import transaction
from app.rounds.models import RoundRun
from app.rounds.plan import RoundPlan, Step
from app.rounds.service import start_round
from app.runs.glimpses import keep_glimpse
from app.runs.metrics import record_metrics
from app.runs.models import Stage
from app.runs.service import Claim, beat, claim_next_run, enqueue_run, finish_run, give_run_back
from app.runs.telling import Kind, tell
from tests.browser.live import live
from tests.factories import make_project, make_user


@pytest.fixture
def claim(fresh_database: Engine) -> Claim:
    """Of a run that is a step of round 1."""
    with transaction(fresh_database) as session:
        project = make_project(session)
        turn = start_round(session, project, RoundPlan())
        run = enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl"})
        session.add(RoundRun(round_id=turn.id, run_id=run.id, step=Step.PRETRAIN))
        claim = claim_next_run(session, "mill:7")
        assert claim
        record_metrics(session, claim, [{"step": step, "time": 100.0 + step, "loss": 3.0} for step in (1, 2)])
        beat(session, claim, 0.1)
    return claim


@pytest.fixture
def watched(page: Page, fresh_database: Engine, claim: Claim) -> Iterator[Page]:
    """Whatever the browser complains of fails the test."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with transaction(fresh_database) as session:
        token = begin_session(session, make_user(session, Role.ADMIN))
    with live(fresh_database) as address:
        page.context.add_cookies([{"name": "rondo-session", "value": token, "url": address}])
        page.goto(f"{address}/runs/{claim.run_id}")
        expect(page.locator("figure.curves[data-step='2'] .uplot")).to_have_count(1)
        yield page
        page.close()
    assert complaints == []


def test_what_a_run_says_stands_on_the_page_without_a_reload(
    watched: Page, fresh_database: Engine, claim: Claim
) -> None:
    with transaction(fresh_database) as session:
        beat(session, claim, 0.5)
        record_metrics(session, claim, [{"step": 3, "time": 103.0, "loss": 1.25, "kl": 0.5}])
        facts = {"progress": 0.5, "step": 3, "steps_per_second": 1.0, "seconds_left": 3.0, "tokens_per_second": None}
        tell(session, claim.run_id, claim.project_id, Kind.PACE, [facts])
        keep_glimpse(session, claim, [{"step": 3, "completion": "<img src=x onerror=alert(1)>"}], "the last line")
    expect(watched.locator("[data-number=loss]")).to_have_text("1.25")
    expect(watched.locator("figure.curves[data-step='3'] .uplot")).to_have_count(2)
    expect(watched.locator("[data-fact=seconds_left]")).to_have_text("3 seconds")
    expect(watched.locator(".progress-line .number")).to_have_text("50%")
    expect(watched.locator(".samples .text")).to_have_text("<img src=x onerror=alert(1)>")
    expect(watched.locator("pre.log")).to_have_text("the last line")
    with transaction(fresh_database) as session:
        finish_run(session, claim, None)
    expect(watched.locator(".badge")).to_have_text("Finished")
    watched.reload()
    expect(watched.locator("figure.curves[data-step='3'] .uplot")).to_have_count(2)
    expect(watched.locator(".samples .text")).to_have_text("<img src=x onerror=alert(1)>")


def test_a_run_is_paused_and_goes_on_from_the_page(watched: Page, fresh_database: Engine, claim: Claim) -> None:
    watched.get_by_role("button", name="Pause the run").click()
    expect(watched.get_by_text("It is being paused.")).to_be_visible()
    with transaction(fresh_database) as session:
        give_run_back(session, claim)
    expect(watched.locator(".badge")).to_have_text("Paused")
    watched.get_by_role("button", name="Go on").click()
    expect(watched.locator(".badge")).to_have_text("Queued")


def test_the_page_of_its_round_follows_it(watched: Page, fresh_database: Engine, claim: Claim) -> None:
    watched.get_by_role("link", name="Round 1").click()
    node = watched.get_by_role("link", name="Pretraining: running")
    expect(node).to_be_visible()
    expect(watched.locator("figure.curves[data-step='2']")).to_be_visible()
    with transaction(fresh_database) as session:
        record_metrics(session, claim, [{"step": 3, "loss": 0.75}])
    expect(watched.locator(f"[data-run='{claim.run_id}'] [data-number=loss]")).to_have_text("0.75")
    with transaction(fresh_database) as session:
        finish_run(session, claim, None)
    expect(watched.get_by_role("link", name="Pretraining: finished")).to_be_visible()
