"""The card in a model's folder: what it was made from, with which settings, and how it measured."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.config import RunSettings
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


def write_card(folder: Path, config: RunSettings, sources: Mapping[str, str], measured: Mapping[str, Any]) -> None:
    """`sources`: settings that name what was learned from -> its digest."""
    if not leads():
        return
    stage = type(config).__name__.removesuffix("Config").lower()
    title = (type(config).__doc__ or stage).strip()
    lines = "\n".join(f"- {name}: `{digest}`" for name, digest in sources.items())
    settings, numbers = json.dumps(asdict(config), indent=2), json.dumps(dict(measured), indent=2)
    text = CARD.format(
        stage=stage, title=title, digest=model_digest(folder), sources=lines, settings=settings, measured=numbers
    )
    (folder / CARD_NAME).write_text(text, encoding="utf-8")


def digests(**sources: str) -> dict[str, str]:
    """SHA-256 of each named data file or model folder; empty names are left out."""
    return {
        name: file_digest(Path(at)) if Path(at).is_file() else source_digest(at) for name, at in sources.items() if at
    }
