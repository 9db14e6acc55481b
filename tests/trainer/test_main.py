"""The contract with whoever starts a stage: files, exit codes, one clear sentence."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import make_demonstration, save_policy
from trainer.__main__ import main
from trainer.checkpoints import checkpoints_in
from trainer.losses import language_loss
from trainer.records import write_lines


def status(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "status.json").read_text())  # type: ignore[no-any-return]


def flags(tmp_path: Path) -> list[str]:
    save_policy(tmp_path / "base")
    write_lines(tmp_path / "d.jsonl", [make_demonstration(number) for number in range(6)])
    given = ["--model", str(tmp_path / "base"), "--demonstrations", str(tmp_path / "d.jsonl")]
    return [*given, "--batch", "2", "--device", "cpu", "--learning-rate", "1e-4"]


def test_a_stage_runs_from_flags_and_again_from_its_config(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["sft", str(run), *flags(tmp_path), "--epochs", "1"]) == 0
    assert {name: status(run)[name] for name in ("state", "step", "steps", "progress", "error")} == {
        "state": "finished",
        "step": 3,
        "steps": 3,
        "progress": 1.0,
        "error": None,
    }
    assert json.loads((run / "config.json").read_text())["epochs"] == 1
    assert main(["sft", str(run)]) == 0
    assert (run / "model/model.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "m"], "Setting `demonstrations` is required."),
        (["--model", "/no/model", "--demonstrations", "d"], "No tokenizer can be read from /no/model"),
        (["--model", "m", "--demonstrations", "d", "--epochs", "0"], "Setting `epochs` must be at least 1, not 0."),
    ],
)
def test_a_failure_is_one_sentence_in_both_places(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sft", str(tmp_path / "run"), *arguments]) == 1
    printed = capsys.readouterr().err.strip()
    assert printed.startswith(sentence)
    assert "\n" not in printed
    assert (status(tmp_path / "run")["state"], status(tmp_path / "run")["error"]) == ("failed", printed)


def test_a_missing_file_and_a_bad_line_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = flags(tmp_path)
    (tmp_path / "d.jsonl").write_text("{}\n")
    assert main(["sft", str(tmp_path / "run"), *given]) == 1
    assert capsys.readouterr().err == "d.jsonl, line 1: `prompt_id` is missing.\n"
    (tmp_path / "d.jsonl").unlink()
    assert main(["sft", str(tmp_path / "run"), *given]) == 1
    assert capsys.readouterr().err == f"There is no file {tmp_path / 'd.jsonl'}.\n"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")], ids=["cpu", "cuda"])
def test_too_little_memory_is_said_with_what_to_lower(
    error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_too_much(_model: str) -> None:
        raise error

    monkeypatch.setattr("trainer.sft.load_policy", take_too_much)
    assert main(["sft", str(tmp_path / "run"), *flags(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("There is not enough memory. Lower one of these settings: micro_batch (now 0,")
    assert printed.count("\n") == 1
    assert status(tmp_path / "run")["error"] == printed.strip()


def test_a_loss_that_is_no_number_names_its_step_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    given = ["sft", str(run), *flags(tmp_path), "--epochs", "2", "--checkpoint-every", "2"]
    losses = iter([1.0, 1.0, 1.0, 1.0, math.nan])

    def turn_bad(logprobs: Tensor, tokens: int) -> Tensor:
        return next(losses) * language_loss(logprobs, tokens)

    monkeypatch.setattr("trainer.sft.language_loss", turn_bad)
    assert main(given) == 1
    sentence = "The gradient of step 5 is not finite; lower the learning rate. The checkpoint of step 4 is kept"
    assert capsys.readouterr().err.startswith(sentence)
    assert [path.name for path in checkpoints_in(run / "checkpoints")] == ["step-0000002", "step-0000004"]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4
    monkeypatch.undo()
    assert main([*given, "--learning-rate", "1e-5"]) == 0


def test_a_model_of_an_unknown_kind_and_half_a_file_of_weights_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = flags(tmp_path)
    weights = tmp_path / "base/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert main(["sft", str(tmp_path / "run"), *given]) == 1
    assert capsys.readouterr().err.startswith(f"No model can be read from {tmp_path / 'base'}: ")
    config = json.loads((tmp_path / "base/config.json").read_text())
    (tmp_path / "base/config.json").write_text(json.dumps({**config, "model_type": "no_such"}))
    assert main(["sft", str(tmp_path / "run"), *given]) == 1
    assert capsys.readouterr().err.startswith("No ")


def test_help_is_quick_and_describes_every_stage() -> None:
    started = time.monotonic()
    command = [sys.executable, "-X", "importtime", "-m", "trainer", "ppo", "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--kl-coefficient" in answer.stdout
    assert "| torch" not in answer.stderr
    assert time.monotonic() - started < 10


def test_a_run_that_is_asked_to_stop_saves_and_continues(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "trainer", "sft", str(run), *flags(tmp_path), "--epochs", "4000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (run / "metrics.jsonl").exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert error.startswith("Stopped after step")
    stopped = status(run)
    assert stopped["state"] == "stopped"
    assert 0 < stopped["step"] < stopped["steps"]
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == stopped["step"]
    assert (run / f"checkpoints/step-{stopped['step']:07d}/state.pt").is_file()
