"""`python -m tests.trainer.settings_page [--write]`: every setting of the trainer, as `trainer/SETTINGS.md` has it."""

import sys
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_type_hints

from trainer.config import (
    STAGES,
    CheckpointSettings,
    ModelSettings,
    OptimizerSettings,
    RunSettings,
    TrainingSettings,
    allowed_types,
)

PAGE = Path(__file__).parents[2] / "trainer" / "SETTINGS.md"
SHARED = {
    "Every run": RunSettings,
    "Checkpoints": CheckpointSettings,
    "The optimizer": OptimizerSettings,
    "Dropout": TrainingSettings,
    "The model that learns": ModelSettings,
}
HEAD = """# Every setting

As flags (`--learning-rate 1e-5`), or as keys of `config.json` (`"learning_rate": 1e-5`). Written by
`python -m tests.trainer.settings_page --write` from `config.py`, which is also what `--help` says and what the app's
forms are made of; a model's card has the values it was made with. What several stages take stands first; a stage's own
table comes after and has its own defaults where they differ.
"""


def page() -> str:
    shared = [section(name, kind, taken_by(kind)) for name, kind in SHARED.items()]
    stages = [section(f"`{stage}`", kind, (kind.__doc__ or "").strip()) for stage, kind in STAGES.items()]
    return "\n".join([HEAD, *shared, *stages])


def taken_by(kind: type[Any]) -> str:
    stages = [f"`{stage}`" for stage, config in STAGES.items() if issubclass(config, kind)]
    return f"For {', '.join(stages)}."


def section(name: str, kind: type[Any], sentence: str) -> str:
    """What this class itself says, not what it inherits."""
    hints = get_type_hints(kind)
    own = [item for item in fields(kind) if item.name in kind.__annotations__]
    rows = [row(item, hints[item.name]) for item in own]
    return "\n".join([f"## {name}", sentence, "", "| setting | default | may be | |", "|---|---|---|---|", *rows, ""])


def row(item: "Field[Any]", hint: Any) -> str:
    default = "required" if item.metadata["required"] else "" if item.default == "" else f"`{shown(item.default)}`"
    return f"| `{item.name}` | {default} | {bounds(item, hint)} | {item.metadata['help'].replace('|', '&#124;')} |"


def shown(value: Any) -> str:
    return "none" if value is None else str(value)


def bounds(item: "Field[Any]", hint: Any) -> str:
    rules = item.metadata
    if rules["choices"]:
        return ", ".join(f"`{choice}`" for choice in rules["choices"])
    if str in allowed_types(hint):
        return "text"
    least, most = rules["minimum"], rules["maximum"]
    known = f"{least} to {most}" if most is not None else f"{least} or more"
    return f"{known}, or `none`" if type(None) in allowed_types(hint) else known


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page())
