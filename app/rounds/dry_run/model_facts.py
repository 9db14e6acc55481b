"""What can be read off a model's files without loading it: its size, its shape, whether it can end a text."""

import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.checkpoints.models import Checkpoint
from app.files.place import Files, here

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")


@dataclass(frozen=True)
class Shape:
    """None where the files do not say."""

    parameters: int | None = None
    hidden: int | None = None
    layers: int | None = None
    vocabulary: int | None = None
    context: int | None = None


@dataclass(frozen=True)
class ModelFacts:
    folder: Path
    shape: Shape
    has_config: bool
    has_weights: bool
    has_tokenizer: bool
    has_chat_template: bool
    has_end_token: bool


def folder_of(checkpoint: Checkpoint, files: Files) -> Path | None:
    """Where its files are on this machine; None where they are elsewhere, or nowhere yet."""
    location = checkpoint.location or ""
    for folder in (here(files) / location, Path(location), *_fetched_before(location)):
        if location and folder.is_dir():
            return folder
    return None


def is_on_hub(checkpoint: Checkpoint) -> bool:
    return bool(HUB_ID.fullmatch(checkpoint.location or "")) and not (checkpoint.location or "").startswith("runs/")


def _fetched_before(location: str) -> list[Path]:
    """What `huggingface_hub` keeps of a model that was used before, newest last."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    snapshots = home / "hub" / f"models--{location.replace('/', '--')}" / "snapshots"
    return sorted(snapshots.glob("*")) if HUB_ID.fullmatch(location) else []


def read_facts(folder: Path) -> ModelFacts:
    config, tokenizer = _json(folder / "config.json"), _json(folder / "tokenizer_config.json")
    named = {**_json(folder / "special_tokens_map.json"), **tokenizer}
    return ModelFacts(
        folder=folder,
        shape=_shape(folder, config),
        has_config=bool(config),
        has_weights=any(next(folder.glob(pattern), None) for pattern in WEIGHTS),
        has_tokenizer=any((folder / name).is_file() for name in TOKENIZERS),
        has_chat_template=bool(tokenizer.get("chat_template")) or (folder / "chat_template.jinja").is_file(),
        has_end_token=bool(named.get("eos_token")),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _shape(folder: Path, config: dict[str, Any]) -> Shape:
    """By the names that families of models use."""
    return Shape(
        parameters=_parameters(folder),
        hidden=_first(config, "hidden_size", "n_embd", "d_model"),
        layers=_first(config, "num_hidden_layers", "n_layer", "num_layers"),
        vocabulary=_first(config, "vocab_size"),
        context=_first(config, "max_position_embeddings", "n_positions"),
    )


def _first(config: dict[str, Any], *names: str) -> int | None:
    found = [config[name] for name in names if isinstance(config.get(name), int)]
    return int(found[0]) if found else None


def _parameters(folder: Path) -> int | None:
    """Counted in the headers of safetensors files; other weights are taken to be of four bytes."""
    try:
        if headers := [_safetensors_header(path) for path in sorted(folder.glob("*.safetensors"))]:
            tensors = [each for header in headers for name, each in header.items() if name != "__metadata__"]
            return int(sum(math.prod(each["shape"]) for each in tensors))
        others = sum(path.stat().st_size for path in folder.glob("pytorch_model*.bin"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return others // 4 or None


def _safetensors_header(path: Path) -> dict[str, Any]:
    """Eight bytes of length, little-endian, then JSON [https://github.com/huggingface/safetensors]."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(min(length, 100_000_000)))
    return header


def shape_from_nothing(settings: dict[str, Any]) -> Shape:
    """Of the small model that `pretrain` makes: embeddings, and in each layer attention (4 h²) and MLP (3 h f)."""
    hidden, layers, vocabulary = settings["hidden"], settings["layers"], settings["vocabulary"]
    in_layers = layers * (4 * hidden**2 + 3 * hidden * settings["feed_forward"])
    return Shape(vocabulary * hidden + in_layers, hidden, layers, vocabulary, settings["context"])
