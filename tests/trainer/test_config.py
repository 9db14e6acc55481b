import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from trainer.config import STAGES, BadSetting, PPOConfig, SFTConfig, make_config, read_config, write_config

GIVEN = {"model": "m", "demonstrations": "d"}


def test_settings_read_back_as_written_and_flags_override_them(tmp_path: Path) -> None:
    config = make_config(SFTConfig, {**GIVEN, "epochs": 3})
    write_config(config, tmp_path / "config.json")
    assert read_config(SFTConfig, tmp_path / "config.json", {}) == config
    assert read_config(SFTConfig, tmp_path / "config.json", {"epochs": 5}).epochs == 5


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert make_config(SFTConfig, {**GIVEN, "clip_norm": 1}).clip_norm == 1.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", 3),
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", True),
        ("epochs", "3"),
        ("model", ""),
        ("schedule", "linear"),
        ("residual_dropout", 1.0),
        ("learning_rate", -1e-5),
        ("learning_rate", float("nan")),
        ("weight_decay", None),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: object) -> None:
    with pytest.raises(BadSetting) as caught:
        make_config(SFTConfig, {**GIVEN, name: value})
    assert caught.value.name == name
    assert f"`{name}`" in str(caught.value)


def test_a_setting_may_be_absent_where_its_type_says_so() -> None:
    paths = {"model": "m", "reward_model": "r", "prompts": "p"}
    assert make_config(PPOConfig, {**paths, "kl_target": None}).kl_target is None
    assert make_config(PPOConfig, {**paths, "kl_target": 6}).kl_target == 6.0


def test_every_setting_of_every_stage_is_described_and_has_a_valid_default() -> None:
    for kind in STAGES.values():
        needed = {item.name: "x" for item in fields(kind) if item.metadata["required"]}
        make_config(kind, needed)
        assert all(item.metadata["help"] for item in fields(kind))


def test_settings_and_records_need_no_torch() -> None:
    code = "import sys, trainer.config, trainer.records, trainer.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_is_no_json_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(Exception, match="not JSON"):
        read_config(SFTConfig, tmp_path / "config.json", {})
    (tmp_path / "config.json").write_text(json.dumps([1]))
    with pytest.raises(Exception, match="one JSON object"):
        read_config(SFTConfig, tmp_path / "config.json", {})
