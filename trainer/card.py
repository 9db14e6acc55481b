"""The card in a model's folder: what it was made from, with which settings, and how it measured."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.config import RunSettings
from trainer.folder import RunFolder
from trainer.manifest import CARD_NAME, file_digest, model_digest
from trainer.models import source_digest
from trainer.processes import leads

CARD = """---
library_name: transformers
tags: [rondo, {stage}]
---
# {title}

- digest: `{digest}`
{sources}

## Settings
```json
{settings}
```

## Measured
```json
{measured}
```
"""


# Settings that name what a model was learned from, where a stage has them.
SOURCES = (
    *("model", "reward_model", "held_out_reward_model"),
    *("demonstrations", "comparisons", "prompts", "texts"),
)


def report(folder: RunFolder, config: RunSettings, measured: Mapping[str, Any]) -> None:
    """What the stage measured at its end, as results and in the card of its model."""
    if leads():
        write_card(folder.model, config, measured)
    folder.write_results(measured)


def write_card(folder: Path, config: RunSettings, measured: Mapping[str, Any]) -> None:
    stage = type(config).__name__.removesuffix("Config").lower()
    title = (type(config).__doc__ or stage).strip()
    lines = "\n".join(f"- {name}: `{digest}`" for name, digest in source_digests(config).items())
    settings, numbers = json.dumps(asdict(config), indent=2), json.dumps(dict(measured), indent=2)
    text = CARD.format(
        stage=stage, title=title, digest=model_digest(folder), sources=lines, settings=settings, measured=numbers
    )
    (folder / CARD_NAME).write_text(text, encoding="utf-8")


def source_digests(config: RunSettings) -> dict[str, str]:
    """SHA-256 of each data file or model folder that the settings name; empty names are left out."""
    named = {name: getattr(config, name, "") for name in SOURCES}
    return {
        name: file_digest(Path(at)) if Path(at).is_file() else source_digest(at) for name, at in named.items() if at
    }
