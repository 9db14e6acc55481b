"""Prompts that a policy learns to complete."""

from dataclasses import dataclass
from pathlib import Path

from trainer.encoding import Encoder
from trainer.errors import TrainerError
from trainer.records import PromptRecord, read_lines


@dataclass(frozen=True)
class Prompt:
    prompt_id: str
    ids: tuple[int, ...]


def prompts_to_learn_from(path: str, encoder: Encoder) -> list[Prompt]:
    """Those of the split train."""
    records = [row for row in read_lines(PromptRecord, Path(path)) if row.split == "train"]
    if not records:
        raise TrainerError(f"{path} holds no prompt of the split train.")
    ids = encoder.prompts([record.prompt for record in records])
    return [Prompt(record.prompt_id, row) for record, row in zip(records, ids, strict=True)]
