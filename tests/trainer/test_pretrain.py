import json
from pathlib import Path

import pytest
import torch

from tests.trainer.tiny import SENTENCES, make_tokenizer
from trainer.config import PretrainConfig
from trainer.encoding import load_tokenizer, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.models import load_policy
from trainer.pretrain import main, packed
from trainer.records import Message, TextRecord, write_lines


def settings(tmp_path: Path, **values: object) -> PretrainConfig:
    write_lines(tmp_path / "texts.jsonl", [TextRecord(text) for text in SENTENCES * 20])
    given = {"texts": str(tmp_path / "texts.jsonl"), "vocabulary": 320, "hidden": 16, "layers": 1, "feed_forward": 32}
    return PretrainConfig(**{**given, "block": 32, "batch": 8, "epochs": 8, "device": "cpu", **values})  # type: ignore[arg-type]


def run(config: PretrainConfig, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    folder = RunFolder(path)
    main(config, folder)
    return folder


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_model_from_nothing_learns_and_loads_with_its_tokenizer(architecture: str, tmp_path: Path) -> None:
    folder = run(settings(tmp_path, architecture=architecture), tmp_path / "run")
    losses = [json.loads(line)["loss"] for line in folder.metrics.read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]
    policy, tokenizer = load_policy(folder.model), load_tokenizer(folder.model)
    assert policy.config.vocab_size == len(tokenizer)
    encoder = make_encoder(tokenizer, 50, 50)
    assert encoder.end_id == policy.config.eos_token_id != encoder.pad_id == policy.config.pad_token_id
    (prompt,) = encoder.prompts([(Message("user", "Where?"),)])
    assert tokenizer.decode(list(prompt)).endswith("assistant\n")


def test_any_text_comes_back_from_the_tokenizer() -> None:
    tokenizer = make_tokenizer()
    for text in ("Zoë pays £5.\n\ttabs  and   spaces ", "日本 🙂", ""):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_texts_are_packed_without_loss_and_each_ends() -> None:
    tokenizer = make_tokenizer()
    rows = packed(tokenizer, SENTENCES, 16)
    stream = rows.flatten().tolist()
    expected = [token for text in SENTENCES for token in [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]]
    assert stream[: len(expected)] == expected
    assert stream[len(expected) :] == expected[: len(stream) - len(expected)]
    assert len(stream) - len(expected) < 16


def test_one_seed_gives_one_model(tmp_path: Path) -> None:
    one, other = (load_policy(run(settings(tmp_path), tmp_path / name).model).state_dict() for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_file_without_texts_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path)
    Path(config.texts).write_text("\n")
    with pytest.raises(TrainerError, match="holds no text"):
        run(config, tmp_path / "run")
