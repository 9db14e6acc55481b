"""A run's numbers, line by line and in bands."""

import json

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.db import transaction
from app.runs.metrics import BAND, MAKE_BANDS, curves_of, record_metrics
from app.runs.models import Run, RunMetric, RunMetricBand, Stage
from app.runs.pace import pace_of
from app.runs.queries import latest_metrics
from app.runs.service import Claim, claim_next_run, enqueue_run
from app.runs.telling import RUNS
from tests.factories import make_project


def claimed(session: Session) -> tuple[Run, Claim]:
    run = enqueue_run(session, make_project(session), Stage.PRETRAIN, {"texts": "texts.jsonl"})
    claim = claim_next_run(session, "here:1")
    assert claim
    return run, claim


def wave(steps: range) -> list[dict[str, float]]:
    """A quiet curve with a peak of 50 at step 5,000 and a dip to -50 at 7,777."""
    odd = {5_000: 50.0, 7_777: -50.0}
    return [{"step": step, "time": step / 10, "loss": odd.get(step, step % 7)} for step in steps]


def test_a_step_written_again_after_a_resume_replaces_its_line(session: Session) -> None:
    run, claim = claimed(session)
    record_metrics(session, claim, [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}])
    record_metrics(session, claim, [{"step": 2, "loss": 2.5}, {"step": 3, "loss": 1.0, "kl": 0.5, "note": "warm"}])
    curves = curves_of(session, run)
    assert curves.steps == [1, 2, 3]
    assert curves.series == {"loss": [3.0, 2.5, 1.0], "kl": [None, None, 0.5]}
    assert latest_metrics(session, run) == {"loss": 1.0, "kl": 0.5}
    assert session.scalar(select(func.count()).select_from(RunMetric)) == 3


def test_all_lines_of_a_long_run_are_stored_at_once(session: Session) -> None:
    run, claim = claimed(session)
    record_metrics(session, claim, [{"step": step} for step in range(22_000)])  # times 3 parameters: over the limit
    assert session.scalar(select(func.count()).where(RunMetric.run_id == run.id)) == 22_000


def test_a_long_curve_is_thinned_and_keeps_its_extremes_and_its_last_line(session: Session) -> None:
    run, claim = claimed(session)
    record_metrics(session, claim, wave(range(1, 10_001)))
    curves = curves_of(session, run, most=200)
    losses = [loss for loss in curves.series["loss"] if loss is not None]
    assert 100 < len(curves.steps) == len(losses) <= 202
    assert curves.steps == sorted(set(curves.steps))
    assert (curves.steps[-1], losses[-1]) == (10_000, 10_000 % 7)
    assert (max(losses), min(losses)) == (50.0, -50.0)
    width = 10_000 / 100
    assert abs(curves.steps[losses.index(50.0)] - 5_000) <= 2 * width
    assert abs(curves.steps[losses.index(-50.0)] - 7_777) <= 2 * width


def test_bands_made_bit_by_bit_are_those_made_at_once(session: Session) -> None:
    run, claim = claimed(session)
    for first in range(0, 500, 37):
        record_metrics(session, claim, wave(range(first, min(500, first + 37))))
    bands = select(RunMetricBand.band, RunMetricBand.lines, RunMetricBand.low, RunMetricBand.high)
    bit_by_bit = session.execute(bands.order_by(RunMetricBand.band)).all()
    assert [each.lines for each in bit_by_bit] == [BAND] * 7 + [500 - 7 * BAND]
    session.execute(text("DELETE FROM run_metric_bands"))
    session.execute(MAKE_BANDS, {"run": run.id, "size": BAND, "first": 0, "after": 1000})
    assert session.execute(bands.order_by(RunMetricBand.band)).all() == bit_by_bit


def test_the_migration_bands_runs_that_are_there(session: Session) -> None:
    _run, claim = claimed(session)
    record_metrics(session, claim, wave(range(300)))
    bands = select(RunMetricBand.band, RunMetricBand.lines, RunMetricBand.low, RunMetricBand.high)
    before = session.execute(bands.order_by(RunMetricBand.band)).all()
    session.execute(text("DELETE FROM run_metric_bands"))
    migration = ScriptDirectory("migrations").get_revision("0007").module
    session.execute(text(migration.BAND_RUNS_THAT_ARE_THERE))
    assert session.execute(bands.order_by(RunMetricBand.band)).all() == before


def test_new_lines_are_told_to_whoever_listens(fresh_database: Engine) -> None:
    address = fresh_database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as ear:
        ear.execute(f"LISTEN {RUNS}")
        with transaction(fresh_database) as session:
            run, claim = claimed(session)
        with transaction(fresh_database) as session:
            record_metrics(session, claim, [{"step": 1, "loss": 3.0, "note": "warm"}])
        with transaction(fresh_database) as session:
            record_metrics(session, claim, wave(range(2, 1_000)))
        told = [json.loads(each.payload) for each in ear.notifies(timeout=10, stop_after=3)]
    assert {each["run"] for each in told} == {run.id}
    assert [each["kind"] for each in told] == ["state", "line", "stale"]
    assert told[1]["facts"] == {"step": 1, "loss": 3.0}


def test_the_time_left_follows_from_the_last_lines() -> None:
    lines = [{"step": step, "time": 100 + step * 2.0} for step in range(1, 41)]
    pace = pace_of(lines, 0.25)
    assert pace is not None
    assert (pace.step, pace.steps_per_second, pace.seconds_left) == (40, 0.5, 240.0)
    assert pace_of(lines[:1], 0.25) is None
    nobody_knows = pace_of(lines, 0.0)
    assert nobody_knows is not None
    assert nobody_knows.seconds_left is None
