"""The page of a run: its state, curves, outputs and log, and what admins do with it; and the page of workers."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.service import choose_language
from app.clock import now
from app.runs.glimpses import keep_glimpse
from app.runs.metrics import Curves, record_metrics
from app.runs.models import Run, RunState, Stage, Worker
from app.runs.needs import Needs
from app.runs.service import Claim, beat, claim_next_run, enqueue_run, finish_run, give_run_back, request_pause
from app.runs.workers import be_known, take_leave
from app.web.curves import POINTS, drawings, thinned
from app.web.figures import duration
from tests.factories import make_project
from tests.pages import PageClient

FACTS = {"host": "mill", "process": 7, "device": "CPU", "cores": 4, "gpus": 0, "memory": 16_000}
FACTS |= {"free_memory": 8_000, "gpu_memory": None, "load": 1.25, "labels": ["quiet"], "trouble": None}


def make_run(session: Session, **needs: bool) -> Run:
    settings = {"texts": "texts.jsonl"}
    return enqueue_run(session, make_project(session), Stage.PRETRAIN, settings, needs=Needs(**needs))


def running(session: Session) -> tuple[Run, Claim]:
    run = make_run(session)
    claim = claim_next_run(session, "mill:7")
    assert claim
    session.refresh(run)
    return run, claim


def test_a_running_run_shows_all_it_has_without_a_script(pages: PageClient, session: Session) -> None:
    run, claim = running(session)
    lines = [{"step": step, "time": 100.0 + step / 2, "loss": 3.0 - step / 10, "kl": 0.5} for step in range(1, 11)]
    record_metrics(session, claim, lines)
    beat(session, claim, 0.25)
    keep_glimpse(session, claim, [{"step": 3, "completion": "<b>Bold</b>", "score": 0.5}], "the last line")
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/runs/{run.id}")
    assert [each.get("aria-label") for each in page.all("svg", role="img")] == [
        "loss: from 2.9 to 2",
        "kl: from 0.5 to 0.5",
    ]
    assert page.one("dd", data_fact="step").text == "10"
    assert page.one("dd", data_fact="steps_per_second").text == "2"
    assert page.one("dd", data_fact="seconds_left").text == "15 seconds"
    assert page.one("dd", data_number="loss").text == "2"
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page.body
    assert page.one("pre", class_="log").text == "the last line"
    assert page.all("form", action=f"/runs/{run.id}/pause") == []


def test_a_run_that_wrote_nothing_says_so(pages: PageClient, session: Session) -> None:
    run = make_run(session)
    pages.sign_in_as(Role.RESEARCHER)
    text = pages.get(f"/runs/{run.id}").text
    for sentence in ("No numbers yet.", "No outputs yet.", "Nothing was written yet.", "No worker is there"):
        assert sentence in text


def test_an_admin_pauses_a_run_and_lets_it_go_on(pages: PageClient, session: Session) -> None:
    run, claim = running(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.submit(pages.get(f"/runs/{run.id}"), f"/runs/{run.id}/pause")
    assert "It is being paused." in page.text
    assert page.all("form", action=f"/runs/{run.id}/pause") == []
    give_run_back(session, claim)
    page = pages.submit(pages.get(f"/runs/{run.id}"), f"/runs/{run.id}/resume")
    assert session.get_one(Run, run.id).state is RunState.QUEUED
    page = pages.submit(page, f"/runs/{run.id}/pause")
    assert session.get_one(Run, run.id).state is RunState.PAUSED
    pages.submit(page, f"/runs/{run.id}/cancel")
    assert session.get_one(Run, run.id).state is RunState.CANCELLED


def test_a_finished_run_offers_nothing_to_press(pages: PageClient, session: Session) -> None:
    run, claim = running(session)
    finish_run(session, claim, None)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/runs/{run.id}")
    assert [form for form in page.all("form") if form.get("action").startswith("/runs/")] == []


def test_an_admin_says_what_a_run_needs(pages: PageClient, session: Session) -> None:
    run = make_run(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.submit(pages.get(f"/runs/{run.id}"), f"/runs/{run.id}/needs", gpu="1", memory="8000", label="big")
    assert "It asks for: a GPU, 8000 MiB of memory, the label big." in page.text
    session.refresh(run)
    assert (run.needs_gpu, run.needs_memory, run.needs_label) == (True, 8000, "big")
    page = pages.submit(page, f"/runs/{run.id}/needs", 422, memory="0")
    assert page.one("input", name="memory").get("value") == "0"
    page = pages.submit(pages.get(f"/runs/{run.id}"), f"/runs/{run.id}/needs", gpu=[], memory="", label="")
    session.refresh(run)
    assert (run.needs_gpu, run.needs_memory, run.needs_label) == (False, None, None)


def test_the_curves_come_in_the_order_that_people_look_for(pages: PageClient, session: Session) -> None:
    run, claim = running(session)
    record_metrics(session, claim, [{"step": 1, "norm": 1.0, "rate": 0.1, "kl": 0.2, "loss": 3.0, "clip": 0.0}])
    pages.sign_in_as(Role.RESEARCHER)
    answer = pages.http.get(f"/runs/{run.id}/metrics.json").json()
    assert list(answer["series"]) == ["loss", "kl", "rate", "clip", "norm"]


def test_a_drawing_keeps_every_peak() -> None:
    points = [(float(step), 50.0 if step == 4_321 else step % 5) for step in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= POINTS
    assert (4_321.0, 50.0) in kept
    assert kept == sorted(kept)
    (flat,) = drawings(Curves([1, 2], {"loss": [None, 3.0]}))
    assert (flat.line, flat.low, flat.high) == ("320.0,120.0", 3.0, 3.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 seconds"),
        (59.6, "1 minute"),
        (95, "1 minute 35 seconds"),
        (3_601, "1 hour"),
        (9_600, "2 hours 40 minutes"),
        (50_000, "13 hours"),
        (700, "11 minutes"),
    ],
)
def test_a_duration_is_said_as_exactly_as_it_is_worth(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_workers_are_shown_with_what_they_have_and_do(pages: PageClient, session: Session) -> None:
    run, _ = running(session)
    be_known(session, "mill:7", **FACTS)
    be_known(session, "barn:8", **{**FACTS, "host": "barn", "trouble": "The disk is full."})
    be_known(session, "shed:9", **{**FACTS, "host": "shed", "device": "2 x H100", "gpus": 2, "gpu_memory": 81_920})
    session.get_one(Worker, session.query(Worker.id).filter_by(host="shed").scalar()).heartbeat_at = now() - timedelta(
        hours=1
    )
    session.flush()
    waiting = make_run(session, gpu=True)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/workers")
    states = [cell.text for cell in page.all("td", data_label="State")]
    assert states == ["In trouble The disk is full.", "Working", "Silent"]
    assert page.links[f"Run {run.id}: pretrain"] == f"/runs/{run.id}"
    assert "1.2 on 4 cores" in page.text
    assert page.one("td", data_label="Needs").text == "a GPU"
    assert page.one("td", data_label="Workers that fit").text == "None is there"
    assert f"/runs/{waiting.id}" in page.links.values()
    take_leave(session, "mill:7")
    assert "mill" not in pages.get("/workers/table").body


def test_the_state_of_a_run_is_said_in_chinese(pages: PageClient, session: Session) -> None:
    run, claim = running(session)
    request_pause(session, run)
    give_run_back(session, claim)
    choose_language(session, pages.sign_in_as(Role.RESEARCHER), "zh")
    assert "已暂停" in pages.get(f"/runs/{run.id}").text
