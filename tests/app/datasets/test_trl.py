"""TRL loads the exported rows as they are: one step each of its SFT, reward and DPO trainers on a tiny model."""

import importlib.util
import io
import json
import warnings

import pytest

from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.datasets.exporting import exported, write_export
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from tests.factories import make_project

pytestmark = [
    # Warnings inside TRL and what it brings along are not ours to mend.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="TRL is not here: install the bench extra"),
]

ONE_STEP = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "report_to": "none",
    "bf16": False,
    "use_cpu": True,
    "disable_tqdm": True,
    "gradient_checkpointing": False,
    "save_strategy": "no",
}


@pytest.fixture
def trl(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRL_EXPERIMENTAL_SILENCE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("trl")


@pytest.fixture
def export(session, tmp_path):
    """Freezes and exports four prompts' work; gives the folder of the files."""

    def export(format_name):
        project = make_project(session)
        prompts = [
            {"prompt_id": "p", "prompt": [{"role": "user", "content": f"{n}?"}], "split": "train"} for n in range(4)
        ]
        if format_name == "trl-sft":
            kind, bring, rest = DatasetKind.DEMONSTRATIONS, import_demonstrations, {"completion": "Yes."}
        else:
            judged = {"completions": ["Yes.", "No.", "Oh."], "ranks": [1, 2, 2]}
            kind, bring, rest = DatasetKind.COMPARISONS, import_comparisons, judged
        rows = "\n".join(json.dumps({**prompt, **rest}) for prompt in prompts)
        bring(session, project, io.BytesIO(rows.encode()), source="file")
        dataset = freeze_dataset(session, tmp_path, project, "all", kind, DatasetFilter())
        write_export(exported(tmp_path, dataset, format_name), tmp_path / "out")
        return tmp_path / "out"

    return export


@pytest.fixture
def model(tmp_path):
    from tests.trainer.tiny import save_policy

    return str(save_policy(tmp_path / "model"))


def train_one_step(trainer, settings, model, folder, tokenizer_from):
    from datasets import load_dataset
    from transformers import AutoTokenizer

    rows = load_dataset("json", data_files=str(folder / "train.jsonl"), split="train", cache_dir=str(folder / "cache"))
    made = trainer(
        model=model,
        args=settings(output_dir=str(folder / "run"), **ONE_STEP),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(tokenizer_from),
    )
    return made.train().training_loss


def test_the_sft_trainer_takes_demonstrations(trl, export, model):
    loss = train_one_step(trl.SFTTrainer, trl.SFTConfig, model, export("trl-sft"), model)
    assert 0 < loss < 100


def test_the_reward_trainer_takes_rankings_as_pairs(trl, export, model):
    from transformers import AutoModelForSequenceClassification

    judge = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
    loss = train_one_step(trl.RewardTrainer, trl.RewardConfig, judge, export("trl-reward"), model)
    assert 0 < loss < 100


def test_the_dpo_trainer_takes_rankings_as_pairs(trl, export, model):
    loss = train_one_step(trl.DPOTrainer, trl.DPOConfig, model, export("trl-dpo"), model)
    assert loss == pytest.approx(0.693, abs=0.001)  # ln 2: the policy is still its own reference
