"""Runs on a store: another machine reads what one has made, and goes on where one was killed."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.annotations.imports.importing import import_demonstrations
from app.checkpoints.models import Checkpoint
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.files.place import fetched, parts_of, remove
from app.files.store import Store
from app.projects.models import Project
from app.runs.models import Run, RunState, Stage
from app.runs.results import sampled_completions
from app.runs.service import Input, RunLost, claim_next_run, enqueue_run, recover_stalled_runs
from app.worker import sending
from app.worker.sending import Sender, begun
from tests.app.worker.test_execution import SMALL, await_steps, begin, queue, run_of, steps_of, texts
from tests.factories import make_project
from tests.stores import StoreMaker, needs_s3

pytestmark = needs_s3
__all__ = ["texts"]  # a fixture

WORKER = """
import sys, threading
from pathlib import Path
import app.tables
from app.db import connect, transaction
from app.files.store import Store
from app.runs.service import claim_next_run
from app.worker.execution import execute
engine = connect(sys.argv[1])
with transaction(engine) as session:
    claim = claim_next_run(session, "killed:1")
execute(engine, Store(sys.argv[2], Path(sys.argv[3])), claim, threading.Event())
"""


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_EVERY", "REST", "FIRST_PAUSE"):
        monkeypatch.setattr(sending, name, 0.1)


def until(happened: Callable[[], Any]) -> Any:
    end = time.monotonic() + 240
    while not (found := happened()):
        assert time.monotonic() < end, "it did not happen within four minutes"
        time.sleep(0.1)
    return found


def digest_of(engine: Engine, number: int) -> str | None:
    run = run_of(engine, number)
    assert (run.state, run.error) == (RunState.FINISHED, None)
    with transaction(engine) as session:
        return session.get_one(Checkpoint, run.produced_checkpoint_id).digest


def test_what_one_worker_trains_another_samples_from_and_the_web_reads(
    fresh_database: Engine, machine: StoreMaker
) -> None:
    web = machine("web")
    with transaction(fresh_database) as session:
        project = make_project(session)
        import_texts(session, project)
        number = pretraining(session, web, project)
    begin(fresh_database, machine("one")).join()
    run = run_of(fresh_database, number)
    assert (run.state, run.error) == (RunState.FINISHED, None)
    with transaction(fresh_database) as session:
        made = session.get_one(Checkpoint, run.produced_checkpoint_id)
        run = sampling(session, web, made)
    begin(fresh_database, machine("two")).join()
    assert (run_of(fresh_database, run.id).state, run_of(fresh_database, run.id).error) == (RunState.FINISHED, None)
    with transaction(fresh_database) as session:
        assert len(sampled_completions(session, run, machine("web"))) == 60
    names = {part.name for part in parts_of(web, str(made.location))}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    remove(web, str(made.location))
    assert parts_of(machine("three"), str(made.location)) == []


def import_texts(session: Session, project: Project) -> None:
    rows = [
        {"prompt_id": str(number), "prompt": [{"role": "user", "content": f"Say {number}."}], "completion": "Yes."}
        for number in range(30)
    ]
    import_demonstrations(session, project, io.BytesIO("\n".join(map(json.dumps, rows)).encode()), source="words")


def pretraining(session: Session, web: Store, project: Project) -> int:
    chosen = DatasetFilter()
    read = freeze_dataset(session, web, project, "Texts", DatasetKind.DEMONSTRATIONS, chosen)
    settings = {**SMALL, "epochs": 1, "threads": 1}
    return enqueue_run(session, project, Stage.PRETRAIN, settings, [Input("texts", read)]).id


def sampling(session: Session, web: Store, model: Checkpoint) -> Run:
    project = session.get_one(Project, model.project_id)
    prompts = freeze_dataset(session, web, project, "Prompts", DatasetKind.PROMPTS, DatasetFilter())
    settings = {"k_min": 2, "k_max": 2, "max_new_tokens": 4, "split": "all", "threads": 1}
    return enqueue_run(session, project, Stage.SAMPLE, settings, [Input("model", model), Input("prompts", prompts)])


def test_another_machine_goes_on_where_a_worker_was_killed_and_learns_the_same(
    fresh_database: Engine, machine: StoreMaker, texts: str
) -> None:
    lasting = {"texts": texts, "epochs": 200, "checkpoint_every": 10, "threads": 1}
    undisturbed = queue(fresh_database, **lasting)
    begin(fresh_database, machine("plain")).join()
    number = queue(fresh_database, **lasting)
    killed = machine("killed")
    url = fresh_database.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", WORKER, url, killed.url, str(killed.scratch)]) as worker:
        reached = until(lambda: checkpoints_in(killed, number) or worker.poll())
        worker.kill()
    assert isinstance(reached, list), f"the worker ended by itself, with {reached}"
    run = run_of(fresh_database, number)
    assert (run.state, run.worker) == (RunState.RUNNING, "killed:1")
    with transaction(fresh_database) as session:
        assert [each.id for each in recover_stalled_runs(session, timedelta(0))] == [number]
    other = machine("other")
    begin(fresh_database, other).join()
    assert digest_of(fresh_database, number) == digest_of(fresh_database, undisturbed)
    assert steps_of(fresh_database, number) == steps_of(fresh_database, undisturbed)
    said = fetched(other, f"runs/{number}-pretrain/metrics.jsonl").read_text().splitlines()
    assert len(said) == len(steps_of(fresh_database, number))
    assert checkpoints_in(other, number) > reached


def checkpoints_in(store: Store, number: int) -> list[str]:
    return [part.name for part in parts_of(store, f"runs/{number}-pretrain/checkpoints")]


def test_a_run_whose_store_goes_away_waits_for_it_and_loses_nothing(
    fresh_database: Engine, machine: StoreMaker, texts: str, s3_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.5)
    store = machine("one")
    number = queue(fresh_database, texts=texts, epochs=40, checkpoint_every=10, threads=1)
    working = begin(fresh_database, store)
    await_steps(fresh_database, number)
    s3_server.stop()
    try:
        working.join()
    finally:
        s3_server.start()
    run = run_of(fresh_database, number)
    assert run.state is RunState.QUEUED
    assert (run.error or "").startswith(f"The results could not be stored: The store {store.url} does not do")
    assert run.produced_checkpoint_id is None
    begin(fresh_database, store).join()
    assert digest_of(fresh_database, number)
    assert parts_of(machine("two"), f"runs/{number}-pretrain/model")


def test_a_worker_that_lost_its_run_changes_nothing_in_the_store(fresh_database: Engine, machine: StoreMaker) -> None:
    number = queue(fresh_database, texts="texts.jsonl")
    with transaction(fresh_database) as session:
        claim = claim_next_run(session, "slow:1")
    assert claim
    location, lost, other = f"runs/{number}-pretrain", machine("lost"), machine("other")
    beginning, going_on = begun(lost, location), begun(other, location)
    assert beginning
    assert going_on
    (other.scratch / location / "log.txt").write_text("of the second try")
    (lost.scratch / location / "log.txt").write_text("of the first try")
    with transaction(fresh_database) as session:
        recover_stalled_runs(session, timedelta(0))
        taken = claim_next_run(session, "quick:1")
    assert taken
    Sender(fresh_database, taken, going_on).send()
    with pytest.raises(RunLost):
        Sender(fresh_database, claim, beginning).send()
    assert fetched(machine("third"), f"{location}/log.txt").read_text() == "of the second try"
