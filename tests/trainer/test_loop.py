"""Trap 16: N steps equal k steps, a new process, and N - k steps, bit for bit."""

import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from trainer.checkpoints import checkpoints_in, save
from trainer.config import CheckpointSettings
from trainer.errors import NotFinite, Stopped, TrainerError
from trainer.folder import RunFolder, State
from trainer.loop import Learner, Loop, Schedule

STEPS = 12


class Interrupted(Exception):
    pass


def make_model() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def train(path: Path, *, fail_at: int | None = None, stop_at: int | None = None, every: int = 3) -> nn.Module:
    path.mkdir(exist_ok=True)
    folder = RunFolder(path)
    model = make_model()
    learner = Learner(model, Schedule(1e-2, STEPS, warmup=2), weight_decay=0.1)
    loop = Loop(folder, CheckpointSettings(checkpoint_every=every), STEPS, {"model": model, "learner": learner})
    for step in loop:
        if step == fail_at:
            raise Interrupted
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        loss = model(torch.full((2, 4), float(step))).square().mean()
        loss.backward()
        loop.log(step, loss=loss.item(), norm=learner.update(step))
    return model


def losses(path: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines]


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    for left, right in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(left, right)


def test_a_crashed_run_continues_bit_for_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(tmp_path / "parts", fail_at=8)
    assert len(losses(tmp_path / "parts")) == 8
    assert_equal(train(tmp_path / "parts"), whole)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert [step for step, _ in losses(tmp_path / "whole")] == list(range(1, STEPS + 1))


def test_a_stopped_run_finishes_its_step_and_continues_bit_for_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(Stopped, match="after step 5 of 12"):
        train(tmp_path / "parts", stop_at=4, every=0)
    assert [path.name for path in checkpoints_in(tmp_path / "parts/checkpoints")] == ["step-0000005"]
    assert_equal(train(tmp_path / "parts"), whole)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


class StopWhileSaying(RunFolder):
    """Asks to stop just after the place where a step would have been saved for it."""

    def write_status(self, state: State, step: int, steps: int, error: str | None = None) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        super().write_status(state, step, steps, error)


def test_a_stop_between_saving_and_stopping_loses_no_step(tmp_path: Path) -> None:
    model = make_model()
    loop = Loop(StopWhileSaying(tmp_path), CheckpointSettings(), STEPS, {"model": model})
    with pytest.raises(Stopped, match="after step 2 of 12"):
        list(loop)
    assert [path.name for path in checkpoints_in(loop.folder.checkpoints)] == ["step-0000002"]


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    first = train(tmp_path / "run")
    assert_equal(train(tmp_path / "run"), first)
    assert len(losses(tmp_path / "run")) == STEPS


def test_only_the_newest_checkpoints_are_kept_and_halves_are_ignored(tmp_path: Path) -> None:
    train(tmp_path / "run", every=2)
    folder = tmp_path / "run/checkpoints"
    (folder / "step-0000099").mkdir()
    assert [path.name for path in checkpoints_in(folder)] == ["step-0000010", "step-0000012"]
    assert not list(folder.glob(".writing*"))


def test_a_folder_of_another_kind_of_run_is_refused(tmp_path: Path) -> None:
    model = make_model()
    save(tmp_path / "checkpoints", 1, {"policy": model}, keep=1)
    with pytest.raises(TrainerError, match="another kind of run"):
        Loop(RunFolder(tmp_path), CheckpointSettings(), STEPS, {"model": model})


def test_metrics_cut_short_by_a_crash_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    folder.forget_metrics_after(2)
    assert folder.metrics.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_cosine_falls_to_a_tenth_after_a_warm_up_from_a_tenth() -> None:
    schedule = Schedule(1.0, 110, warmup=10)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(10) == pytest.approx(1.0)
    assert schedule.rate(60) == pytest.approx(0.55)
    assert schedule.rate(110) == pytest.approx(0.1)
    assert Schedule(1.0, 110, warmup=10, kind="constant").rate(109) == 1.0


def test_gradients_are_clipped_and_what_is_not_finite_stops_the_run() -> None:
    model = nn.Linear(2, 1, bias=False)
    learner = Learner(model, Schedule(0.0, 1), clip_norm=1.0)
    model.weight.grad = torch.tensor([[30.0, 40.0]])
    assert learner.update(0) == pytest.approx(50.0)
    assert model.weight.grad is None
    model.weight.grad = torch.tensor([[math.nan, 0.0]])
    with pytest.raises(TrainerError, match="step 2 is not finite"):
        learner.update(1)


def test_a_checkpoint_never_holds_what_is_not_finite(tmp_path: Path) -> None:
    model = make_model()
    save(tmp_path, 1, {"model": model}, keep=1)
    with torch.no_grad():
        next(model.parameters()).fill_(math.inf)
    with pytest.raises(NotFinite, match="After step 2 weights of the model"):
        save(tmp_path, 2, {"model": model}, keep=1)
    assert [path.name for path in checkpoints_in(tmp_path)] == ["step-0000001"]


def test_making_room_for_a_learners_state_moves_no_weight() -> None:
    model, untouched = make_model(), make_model()
    learner = Learner(model, Schedule(1e-2, STEPS), weight_decay=0.1)
    learner.make_state()
    assert_equal(model, untouched)
    assert len(learner.state_dict()["state"]) == len(list(model.parameters()))
