from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.clock import now
from app.db import transaction
from app.runs.models import Run, RunState, Stage
from app.runs.needs import Capacity, Needs, offers
from app.runs.service import (
    MOST_ATTEMPTS,
    Claim,
    RunLost,
    RunNotFailed,
    RunNotPausable,
    RunNotPaused,
    RunOver,
    RunTaken,
    Wish,
    beat,
    break_off,
    change_needs,
    claim_next_run,
    end_cancelled_run,
    enqueue_run,
    fail_run,
    finish_run,
    give_run_back,
    recover_stalled_runs,
    request_cancel,
    request_pause,
    resume_run,
    retry_run,
)
from app.runs.settings import InvalidSettings, check_settings, read_settings, wrong_settings
from app.runs.settings_schema import setting_fields, settings_schema
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
    assert beat(session, claim, 0.25) is Wish.GO_ON
    assert run.progress == 0.25
    request_cancel(session, run)
    assert beat(session, claim, 0.5) is Wish.CANCEL
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
    assert beat(session, new, 0.1) is Wish.GO_ON


def test_a_run_that_silences_every_worker_fails_in_the_end(session):
    run = make_run(session)
    for _ in range(MOST_ATTEMPTS):
        assert claim_next_run(session, "here:1")
        session.refresh(run)
        run.heartbeat_at = now() - timedelta(minutes=5)
        session.flush()
        recover_stalled_runs(session)
    assert run.state is RunState.FAILED
    assert run.error.startswith("Its worker here:1 went silent. 3 tries in a row")


def test_a_worker_that_beats_is_left_alone(session):
    _, claim = claimed(session)
    assert recover_stalled_runs(session) == []
    assert beat(session, claim, 0.1) is Wish.GO_ON


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


def test_a_running_run_pauses_when_its_worker_notices_and_goes_on_when_told(session):
    run, claim = claimed(session)
    request_pause(session, run)
    assert (run.state, beat(session, claim, 0.5)) == (RunState.RUNNING, Wish.PAUSE)
    give_run_back(session, claim)
    assert (run.state, run.worker, claim_next_run(session, "there:2")) == (RunState.PAUSED, None, None)
    resume_run(session, run)
    again = claim_next_run(session, "there:2")
    assert (again.run_id, again.attempt) == (run.id, claim.attempt)
    assert beat(session, again, 0.5) is Wish.GO_ON


def test_a_queued_run_pauses_at_once(session):
    run = make_run(session)
    request_pause(session, run)
    assert (run.state, claim_next_run(session, "here:1")) == (RunState.PAUSED, None)
    request_cancel(session, run)
    assert run.state is RunState.CANCELLED


def test_only_what_is_under_way_pauses_and_only_what_is_paused_goes_on(session):
    run, claim = claimed(session)
    with pytest.raises(RunNotPaused):
        resume_run(session, run)
    request_cancel(session, run)
    with pytest.raises(RunNotPausable):
        request_pause(session, run)
    end_cancelled_run(session, claim)
    with pytest.raises(RunNotPausable):
        request_pause(session, run)


@pytest.mark.parametrize(("ask", "state"), [(request_cancel, RunState.CANCELLED), (request_pause, RunState.PAUSED)])
def test_what_was_asked_of_a_worker_that_went_silent_is_heeded(session, ask, state):
    run, _ = claimed(session)
    ask(session, run)
    run.heartbeat_at = now() - timedelta(minutes=5)
    session.flush()
    recover_stalled_runs(session)
    assert run.state is state


def break_off_at(session: Session, run: Run, progress: float) -> None:
    claim = claim_next_run(session, "here:1")
    beat(session, claim, progress)
    break_off(session, claim, "The trainer was killed.", "the last words")
    session.refresh(run)


def test_a_run_whose_tries_come_further_each_time_is_tried_again_and_again(session):
    run = make_run(session)
    for tenth in range(1, 10):
        break_off_at(session, run, tenth / 10)
        assert (run.state, run.error) == (RunState.QUEUED, "The trainer was killed.")
    assert run.attempts == 9


def test_a_run_that_always_breaks_off_at_the_same_place_fails_with_its_error(session):
    run = make_run(session)
    for _ in range(MOST_ATTEMPTS - 1):
        break_off_at(session, run, 0.5)
        assert run.state is RunState.QUEUED
    break_off_at(session, run, 0.4)
    assert (run.state, run.log_tail) == (RunState.FAILED, "the last words")
    assert run.error == "The trainer was killed. 3 tries in a row came no further. See the log in the run folder."
    retry_run(session, run)
    break_off_at(session, run, 0.1)
    assert run.state is RunState.QUEUED


def needing(session: Session, **needs: object) -> Run:
    settings = {"texts": "texts.jsonl"}
    return enqueue_run(session, make_project(session), Stage.PRETRAIN, settings, needs=Needs(**needs))


@pytest.mark.parametrize(
    ("needs", "too_small", "large_enough"),
    [
        ({"gpu": True}, Capacity(memory=10**6), Capacity(gpus=1)),
        ({"memory": 8_000}, Capacity(memory=7_999), Capacity(memory=8_000)),
        ({"gpu": True, "memory": 8_000}, Capacity(1, 10**6, 7_999), Capacity(1, 10, 8_000)),
        ({"label": "big"}, Capacity(8, 10**6, 10**6, ("small", "bigger")), Capacity(labels=("small", "big"))),
    ],
)
def test_only_a_worker_that_fits_takes_a_run(session, needs, too_small, large_enough):
    run = needing(session, **needs)
    assert (offers(too_small, run), offers(large_enough, run)) == (False, True)
    assert claim_next_run(session, "here:1", too_small) is None
    assert claim_next_run(session, "here:1", large_enough).run_id == run.id


def test_a_worker_passes_over_what_it_cannot_take(session):
    needing(session, gpu=True)
    small = needing(session)
    assert claim_next_run(session, "here:1").run_id == small.id


def test_a_stage_on_the_device_cuda_needs_a_gpu(session):
    run = make_run(session, device="cuda")
    assert run.needs_gpu
    change_needs(session, run, Needs())
    assert claim_next_run(session, "here:1") is None


def test_what_a_run_needs_changes_only_while_no_worker_has_it(session):
    run = needing(session, gpu=True, label="big")
    change_needs(session, run, Needs(memory=100))
    assert (run.needs_gpu, run.needs_memory, run.needs_label) == (False, 100, None)
    claim_next_run(session, "here:1", Capacity(memory=100))
    with pytest.raises(RunTaken):
        change_needs(session, run, Needs())


def test_settings_typed_into_a_form_become_numbers():
    typed = {"learning_rate": "1e-3", "epochs": "2", "architecture": "gpt2"}
    numbers = {"learning_rate": 1e-3, "epochs": 2, "architecture": "gpt2"}
    assert read_settings(Stage.PRETRAIN, typed) == (numbers, {})
    values, wrong = read_settings(Stage.PRETRAIN, {"epochs": "many", "learning_rate": "x", "batch": "4"})
    assert values == {"batch": 4}
    assert "`epochs` must be a whole number, not many" in wrong["epochs"]
    assert "`learning_rate` must be a number, not x" in wrong["learning_rate"]


def test_everything_wrong_is_said_at_once():
    filled = ("model", "reward_model", "prompts")
    wrong = wrong_settings(Stage.PPO, {"clip": -1, "gamma": 2, "colour": "red", "steps": 5, "model": "mine"}, filled)
    assert set(wrong) == {"clip", "gamma", "colour", "model"}


def test_every_optional_setting_has_words_for_a_form():
    for stage in Stage:
        assert all(item.description for item in setting_fields(stage))


def test_the_schema_of_a_stage_says_what_the_trainer_takes():
    schema = settings_schema(Stage.PPO)
    assert schema["required"] == ["model", "reward_model", "prompts"]
    rules = schema["properties"]
    assert (rules["steps"]["type"], rules["steps"]["minimum"], rules["steps"]["default"]) == ("integer", 1, 100)
    assert rules["kl_target"]["type"] == ["number", "null"]
    assert rules["schedule"]["enum"] == ["cosine", "constant"]
