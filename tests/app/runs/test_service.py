from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.clock import now
from app.db import transaction
from app.runs.models import Run, RunMetric, RunState, Stage
from app.runs.queries import latest_metrics, metric_lines
from app.runs.service import (
    MOST_ATTEMPTS,
    Claim,
    RunLost,
    RunNotFailed,
    RunOver,
    beat,
    claim_next_run,
    end_cancelled_run,
    enqueue_run,
    fail_run,
    finish_run,
    give_run_back,
    record_metrics,
    recover_stalled_runs,
    request_cancel,
    retry_run,
)
from app.runs.settings import InvalidSettings, check_settings, setting_fields, typed_settings
from tests.factories import make_project


def make_run(session: Session, **settings: object) -> Run:
    settings = {"texts": "texts.jsonl", **settings}
    return enqueue_run(session, make_project(session), Stage.PRETRAIN, settings)


def claimed(session: Session) -> tuple[Run, Claim]:
    run = make_run(session)
    claim = claim_next_run(session, "here:1")
    session.refresh(run)
    return run, claim


def test_a_run_with_a_setting_out_of_bounds_is_never_queued(session):
    with pytest.raises(InvalidSettings, match="`learning_rate` must be at least 0"):
        make_run(session, learning_rate=-1)
    assert claim_next_run(session, "here:1") is None


def test_an_unknown_setting_is_named(session):
    with pytest.raises(InvalidSettings, match="`learning_rat` is unknown"):
        make_run(session, learning_rat=1e-3)


def test_a_path_that_an_input_fills_cannot_be_set_as_well():
    with pytest.raises(InvalidSettings, match="`texts` is filled"):
        check_settings(Stage.PRETRAIN, {"texts": "mine.jsonl"}, ["texts"])


def test_runs_are_claimed_oldest_first_and_once(session):
    first, second = make_run(session), make_run(session)
    claims = [claim_next_run(session, "here:1") for _ in range(3)]
    assert [claim and claim.run_id for claim in claims] == [first.id, second.id, None]


def test_many_workers_never_claim_the_same_run(fresh_database: Engine):
    with transaction(fresh_database) as session:
        project = make_project(session)
        for _ in range(12):
            enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl"})

    def claim(worker: int) -> int | None:
        with transaction(fresh_database) as session:
            found = claim_next_run(session, f"here:{worker}")
            return found.run_id if found else None

    with ThreadPoolExecutor(8) as workers:
        taken = [number for number in workers.map(claim, range(24)) if number]
    assert len(taken) == len(set(taken)) == 12


def test_a_heartbeat_keeps_progress_and_tells_of_a_cancel(session):
    run, claim = claimed(session)
    assert beat(session, claim, 0.25) is False
    assert run.progress == 0.25
    request_cancel(session, run)
    assert beat(session, claim, 0.5) is True
    end_cancelled_run(session, claim)
    assert run.state is RunState.CANCELLED


def test_a_silent_worker_loses_its_run_to_another(session):
    run, old = claimed(session)
    run.heartbeat_at = now() - timedelta(minutes=5)
    session.flush()
    assert recover_stalled_runs(session) == [run]
    new = claim_next_run(session, "there:2")
    assert new.run_id == run.id
    with pytest.raises(RunLost):
        beat(session, old, 0.9)
    with pytest.raises(RunLost):
        finish_run(session, old, None)
    assert finish_run(session, new, None).state is RunState.FINISHED


def test_a_worker_that_slept_through_a_failure_and_a_retry_has_lost_the_run(session):
    run, old = claimed(session)
    run.heartbeat_at = now() - timedelta(minutes=5)
    session.flush()
    recover_stalled_runs(session)
    fail_run(session, claim_next_run(session, "there:2"), "The texts are empty.", "")
    retry_run(session, run)
    new = claim_next_run(session, "there:2")
    assert new.attempt == old.attempt
    with pytest.raises(RunLost):
        beat(session, old, 0.9)
    assert beat(session, new, 0.1) is False


def test_a_run_that_silences_every_worker_fails_in_the_end(session):
    run = make_run(session)
    for _ in range(MOST_ATTEMPTS):
        assert claim_next_run(session, "here:1")
        session.refresh(run)
        run.heartbeat_at = now() - timedelta(minutes=5)
        session.flush()
        recover_stalled_runs(session)
    assert run.state is RunState.FAILED
    assert "silent 3 times" in run.error


def test_a_worker_that_beats_is_left_alone(session):
    _, claim = claimed(session)
    assert recover_stalled_runs(session) == []
    assert beat(session, claim, 0.1) is False


def test_a_run_given_back_costs_no_attempt(session):
    run, claim = claimed(session)
    give_run_back(session, claim)
    again = claim_next_run(session, "there:2")
    assert (again.run_id, again.attempt) == (run.id, claim.attempt)


def test_a_failed_run_keeps_its_error_and_can_be_tried_again(session):
    run, claim = claimed(session)
    fail_run(session, claim, "The texts are empty.", "Traceback")
    assert (run.state, run.error, run.log_tail) == (RunState.FAILED, "The texts are empty.", "Traceback")
    retry_run(session, run)
    assert (run.state, run.error, run.attempts) == (RunState.QUEUED, None, 0)


def test_only_what_failed_is_tried_again_and_only_what_lives_is_cancelled(session):
    run, claim = claimed(session)
    with pytest.raises(RunNotFailed):
        retry_run(session, run)
    finish_run(session, claim, None)
    with pytest.raises(RunOver):
        request_cancel(session, run)


def test_a_queued_run_is_cancelled_at_once(session):
    run = make_run(session)
    request_cancel(session, run)
    assert run.state is RunState.CANCELLED
    assert claim_next_run(session, "here:1") is None


def test_a_step_written_again_after_a_resume_replaces_its_line(session):
    run, claim = claimed(session)
    record_metrics(session, claim, [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}])
    record_metrics(session, claim, [{"step": 2, "loss": 2.5}, {"step": 3, "loss": 1.0}])
    assert [line["loss"] for line in metric_lines(session, run)] == [3.0, 2.5, 1.0]
    assert latest_metrics(session, run) == {"loss": 1.0}
    assert session.scalar(select(func.count()).select_from(RunMetric)) == 3


def test_all_lines_of_a_long_run_are_stored_at_once(session):
    run, claim = claimed(session)
    record_metrics(session, claim, [{"step": step} for step in range(22_000)])  # times 3 parameters: over the limit
    assert session.scalar(select(func.count()).where(RunMetric.run_id == run.id)) == 22_000


def test_thinned_metrics_keep_the_last_line(session):
    run, claim = claimed(session)
    record_metrics(session, claim, [{"step": step} for step in range(1, 1001)])
    steps = [line["step"] for line in metric_lines(session, run, at_most=100)]
    assert len(steps) == 100
    assert steps[-1] == 1000
    assert steps == sorted(steps)


def test_settings_typed_into_a_form_become_numbers():
    typed = {"learning_rate": "1e-3", "epochs": "2", "architecture": "gpt2"}
    assert typed_settings(Stage.PRETRAIN, typed) == {"learning_rate": 1e-3, "epochs": 2, "architecture": "gpt2"}
    with pytest.raises(InvalidSettings, match="`epochs` must be a number, not many"):
        typed_settings(Stage.PRETRAIN, {"epochs": "many"})


def test_every_optional_setting_has_words_for_a_form():
    for stage in Stage:
        assert all(item.description for item in setting_fields(stage))
