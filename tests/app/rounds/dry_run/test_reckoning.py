"""Memory, disk and time, reckoned by hand."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.clock import now
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.rounds.dry_run.dry_run import dry_run
from app.rounds.dry_run.estimates import work_in
from app.rounds.dry_run.machine import disk_needed, memory_needed, size_in_words
from app.rounds.dry_run.model import settings_in_force
from app.rounds.dry_run.model_facts import Shape, shape_from_nothing
from app.rounds.plan import RoundPlan
from app.runs.models import RunState, Stage
from app.runs.service import Input, enqueue_run
from tests.app.rounds.test_loop import prepare
from trainer.config import PretrainConfig, defaults

BILLION = Shape(parameters=1_000_000_000, hidden=2048, layers=16, vocabulary=50_000, context=2048)


def needed(stage: Stage, **own: object) -> int:
    return memory_needed(stage, settings_in_force(RoundPlan(settings={stage: own}), stage), BILLION)


def test_learning_all_weights_takes_sixteen_bytes_each_and_asking_four() -> None:
    bare = Shape(parameters=1000)
    plan = RoundPlan()
    assert memory_needed(Stage.SAMPLE, settings_in_force(plan, Stage.SAMPLE), bare) == 4 * 1000
    assert memory_needed(Stage.SFT, settings_in_force(plan, Stage.SFT), bare) == 16 * 1000
    assert memory_needed(Stage.PPO, settings_in_force(plan, Stage.PPO), bare) == (2 * 16 + 2 * 4) * 1000


@pytest.mark.parametrize("stage", [Stage.SFT, Stage.REWARD, Stage.PPO, Stage.ALIGN])
def test_adapters_and_small_batches_save_memory(stage: Stage) -> None:
    assert needed(stage, lora_rank=8) < needed(stage)
    assert needed(stage, micro_batch=1) < needed(stage)


def test_layers_that_run_again_save_memory() -> None:
    assert needed(Stage.SFT, gradient_checkpointing="on") < needed(Stage.SFT)


def test_a_checkpoint_to_resume_from_is_three_times_a_model() -> None:
    plan = RoundPlan(aim="sft", start="sft", checkpoint_id=1, settings={Stage.SFT: {"keep_checkpoints": 1}})
    assert disk_needed(plan, Shape(parameters=1000)) == 4 * 1000 + 2 * 12 * 1000


def test_the_size_of_a_model_from_nothing_is_about_what_is_made() -> None:
    """96 wide, 3 deep, 4,000 entries, tied embeddings: 3 (4 · 96² + 3 · 96 · 256) + 96 · 4,000."""
    assert shape_from_nothing(defaults(PretrainConfig)).parameters == 715_776


@given(st.integers(1, 10_000), st.integers(1, 20))
def test_work_grows_with_rows_and_passes(rows: int, epochs: int) -> None:
    assert work_in(Stage.SFT, {"epochs": epochs}, rows) == rows * epochs
    assert work_in(Stage.PPO, {"steps": epochs, "batch_prompts": 8, "samples_per_prompt": 2}, rows) == epochs * 16
    assert work_in(Stage.SAMPLE, {"k_min": 2, "k_max": 4}, rows) == 3 * rows


def test_time_is_reckoned_by_the_newest_run_of_the_stage(session: Session, tmp_path: Path) -> None:
    project = prepare(session)
    rows = freeze_dataset(session, tmp_path, project, "d", DatasetKind.DEMONSTRATIONS, DatasetFilter())
    for seconds in (999, 15):
        run = enqueue_run(session, project, Stage.SFT, {"epochs": 1, "model": "m"}, [Input("demonstrations", rows)])
        run.state, run.started_at = RunState.FINISHED, now() - timedelta(seconds=seconds)
        run.finished_at = run.started_at + timedelta(seconds=seconds)
        session.flush()
    plan = RoundPlan(aim="sft", settings={Stage.SFT: {"epochs": 2}})
    found = dry_run(session, tmp_path, project, plan)
    by_step = {line.step.value: line for line in found.estimates}
    assert by_step["sft"].run == run.id
    assert by_step["sft"].seconds == pytest.approx(2 * 8 * 15 / rows.rows, rel=0.01)
    assert by_step["pretrain"].seconds is None
    assert found.seconds is None


def test_sizes_are_said_in_words() -> None:
    assert [size_in_words(each) for each in (12, 3200, 4.5e9, 7e12)] == ["12 B", "3.2 kB", "4.5 GB", "7.0 TB"]
