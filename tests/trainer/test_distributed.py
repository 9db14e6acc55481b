"""Two processes compute what one does: `torchrun` on the CPU with gloo, against the same run in this process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.tiny import SENTENCES, make_comparison, make_demonstration, make_policy, make_tokenizer, save_policy
from trainer.__main__ import main
from trainer.folder import RunFolder
from trainer.models import RewardModel
from trainer.records import Message, PromptRecord, TextRecord, write_lines

APART = 1e-5
TIMES = ("time", "tokens_per_second")


def on_two_processes(*arguments: str) -> subprocess.CompletedProcess[str]:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*launch, "-m", "trainer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)


def metrics(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def assert_same_metrics(expected: list[dict[str, float]], found: list[dict[str, float]]) -> None:
    """Losses to 1e-5 whatever their size, all else to 1e-5 of its size where that is above 1."""
    for left, right in zip(expected, found, strict=True):
        assert right == pytest.approx(left, abs=APART, rel=APART)
        losses = [name for name in left if name.endswith("loss")]
        assert losses
        assert [right[name] for name in losses] == pytest.approx([left[name] for name in losses], abs=APART, rel=0)


def assert_same_run(one: Path, other: Path) -> None:
    """Metrics step by step, files, and the weights at the end."""
    expected, found = metrics(one), metrics(other)
    assert len(found) == len(expected) == 5
    assert_same_metrics(expected, found)
    model, same = one / "model", other / "model"
    assert {path.name for path in model.iterdir()} == {path.name for path in same.iterdir()}
    for path in model.glob("*.safetensors"):
        weights, learned = load_file(path), load_file(same / path.name)
        assert weights.keys() == learned.keys()
        for name, tensor in weights.items():
            torch.testing.assert_close(learned[name], tensor, atol=2e-4, rtol=2e-3)
    assert json.loads((other / "status.json").read_text())["state"] == "finished"


def compared(tmp_path: Path, stage: str, flags: list[str]) -> Path:
    """The folder of a run on two processes that equals a run on one."""
    given = [*flags, "--device", "cpu", "--checkpoint-every", "2", "--keep-checkpoints", "9"]
    assert main([stage, str(tmp_path / "one"), *given]) == 0
    done = on_two_processes(stage, str(tmp_path / "two"), *given)
    assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path / "one", tmp_path / "two")
    return tmp_path / "two"


def assert_one_goes_on(stage: str, run: Path) -> None:
    """From the second step that two processes wrote, in this process."""
    before = metrics(run)
    for path in (RunFolder(run).checkpoints / f"step-000000{step}" for step in (4, 5)):
        (path / ".metadata").unlink()
    assert main([stage, str(run)]) == 0
    assert_same_metrics(before, metrics(run))


def test_supervised_fine_tuning_on_two_processes_equals_one_and_one_goes_on_from_there(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    rows = [make_demonstration(number, split="validation" if number > 12 else "train") for number in range(16)]
    write_lines(tmp_path / "d.jsonl", rows)
    flags = ["--model", str(base), "--demonstrations", str(tmp_path / "d.jsonl"), "--epochs", "1", "--batch", "3"]
    run = compared(tmp_path, "sft", [*flags, "--residual-dropout", "0", "--learning-rate", "1e-3"])
    assert_one_goes_on("sft", run)


def test_a_reward_model_on_two_processes_equals_one_and_one_goes_on_from_there(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    ranks = [(1, 2, 3), (2, 1), (1, 1, 2, 3)]
    rows = [make_comparison(n, ranks[n % 3], split="validation" if n > 12 else "train") for n in range(16)]
    write_lines(tmp_path / "c.jsonl", rows)
    flags = ["--model", str(base), "--comparisons", str(tmp_path / "c.jsonl"), "--batch", "3", "--keep", "average"]
    more = ["--ties", "davidson", "--learning-rate", "1e-3", "--gradient-checkpointing", "on"]
    run = compared(tmp_path, "reward", [*flags, *more])
    assert_one_goes_on("reward", run)


def test_ppo_with_texts_on_two_processes_equals_one_and_one_goes_on_from_there(tmp_path: Path) -> None:
    save_policy(tmp_path / "sft")
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    prompts = [PromptRecord(f"p{number}", (Message("user", f"place {number}"),)) for number in range(7)]
    write_lines(tmp_path / "prompts.jsonl", prompts)
    write_lines(tmp_path / "texts.jsonl", [TextRecord(text) for text in SENTENCES])
    flags = ["--model", "sft", "--reward-model", "reward", "--prompts", "prompts.jsonl", "--texts", "texts.jsonl"]
    places = [str(tmp_path / word) if not word.startswith("--") else word for word in flags]
    sizes = ["--steps", "5", "--batch-prompts", "3", "--samples-per-prompt", "2", "--minibatch", "3"]
    rates = ["--learning-rate", "1e-3", "--value-learning-rate", "1e-3", "--warmup-steps", "0", "--kl-target", "1"]
    more = ["--ptx-coefficient", "1", "--ptx-batch", "1", "--max-new-tokens", "8"]
    run = compared(tmp_path, "ppo", [*places, *sizes, *rates, *more])
    assert_one_goes_on("ppo", run)


def test_stages_for_one_process_refuse_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["sample", str(tmp_path / "run"), "--model", "m", "--prompts", "p"]) == 1
    assert capsys.readouterr().err.startswith("Stage sample runs in one process")
