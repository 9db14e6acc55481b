"""The contract with whoever starts a stage: files, exit codes, one clear sentence."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.tiny import make_demonstration, save_policy
from trainer.__main__ import main
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
