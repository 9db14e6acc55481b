"""Exports: writers over a frozen dataset's rows, for our own tools and for others'."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.datasets.models import Dataset, DatasetKind
from app.datasets.parquet_apart import parquet_made_apart
from app.datasets.sending import Exported
from app.errors import DomainError, message
from app.files.place import Files, fetched
from app.prompts.models import Split
from trainer.manifest import MANIFEST_NAME, DatasetChanged, verified_manifest
from trainer.records import Comparison, Demonstration, Message, read_lines

CHUNK = 1 << 18
LINES_AT_ONCE = 200


class DatasetDamaged(DomainError):
    sentence = message("The files of the dataset {name} are not as they were frozen: {reason}")


class NoSuchExport(DomainError):
    sentence = message("A dataset of {kind} can be exported as {formats}, not as {format}.")


class FolderNotEmpty(DomainError):
    sentence = message("{folder} is there already and not an empty folder; name a new one.")


def demonstration_rows(record: Demonstration) -> Iterator[dict[str, Any]]:
    """TRL's conversational prompt and completion, for its SFT trainer."""
    yield {"prompt": _turns(record.prompt), "completion": _answer(record.completion)}


def preference_rows(record: Comparison) -> Iterator[dict[str, Any]]:
    """TRL's conversational preferences, for its reward and DPO trainers: one row for each pair that is not tied."""
    if record.ranks is None:
        return
    outputs = [(rank, text) for rank, text in zip(record.ranks, record.completions, strict=True) if text is not None]
    for (rank, text), (other_rank, other) in itertools.combinations(outputs, 2):
        if rank != other_rank:
            chosen, rejected = (text, other) if rank < other_rank else (other, text)
            yield {"prompt": _turns(record.prompt), "chosen": _answer(chosen), "rejected": _answer(rejected)}


def _turns(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


@dataclass(frozen=True)
class RowExport:
    """`rows` makes any number of rows of one of the records that `read` finds in a file."""

    read: Callable[[Path], Iterator[Any]]
    rows: Callable[[Any], Iterator[dict[str, Any]]]


RONDO, PARQUET = "rondo", "parquet"
ROW_EXPORTS = {
    DatasetKind.DEMONSTRATIONS: {"trl-sft": RowExport(partial(read_lines, Demonstration), demonstration_rows)},
    DatasetKind.COMPARISONS: {
        "trl-reward": RowExport(partial(read_lines, Comparison), preference_rows),
        "trl-dpo": RowExport(partial(read_lines, Comparison), preference_rows),
    },
    DatasetKind.PROMPTS: {},
}


def export_formats(kind: DatasetKind) -> list[str]:
    return [RONDO, PARQUET, *ROW_EXPORTS[kind]]


def exported(files: Files, dataset: Dataset, format_name: str) -> Exported:
    """The export's files: the frozen ones as they are, the rows as Parquet beside the others, or one for each split.

    Raises `NoSuchExport`, `DatasetDamaged`.
    """
    if format_name not in export_formats(dataset.kind):
        formats = ", ".join(export_formats(dataset.kind))
        raise NoSuchExport(kind=dataset.kind, formats=formats, format=format_name)
    folder = fetched(files, dataset.location)
    try:
        names = [MANIFEST_NAME, *verified_manifest(folder).sha256]
    except DatasetChanged as error:
        raise DatasetDamaged(name=dataset.name, reason=error) from error
    if format_name == RONDO:
        return ((name, _file_chunks(folder / name)) for name in names)
    if format_name == PARQUET:
        return (_as_parquet(folder / name, dataset.kind) for name in names)
    rows = ROW_EXPORTS[dataset.kind][format_name]
    source = folder / f"{dataset.kind.value}.jsonl"
    return ((f"{split.value}.jsonl", _row_chunks(source, rows, split)) for split in Split)


def _as_parquet(path: Path, kind: DatasetKind) -> tuple[str, Iterator[bytes]]:
    """Files beside the rows, which the manifest speaks of, stay as they are."""
    if path.suffix != ".jsonl":
        return path.name, _file_chunks(path)
    return f"{path.stem}.parquet", parquet_made_apart(kind, _file_chunks(path))


def _file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _row_chunks(source: Path, export: RowExport, split: Split) -> Iterator[bytes]:
    lines = (
        json.dumps(row, ensure_ascii=False) + "\n"
        for record in export.read(source)
        if record.split == split
        for row in export.rows(record)
    )
    while chunk := "".join(itertools.islice(lines, LINES_AT_ONCE)):
        yield chunk.encode()


def write_export(parts: Exported, out: Path) -> list[Path]:
    """Writes the files into `out`, a new or empty folder. Raises `FolderNotEmpty`."""
    if out.exists() and not (out.is_dir() and next(out.iterdir(), None) is None):
        raise FolderNotEmpty(folder=out)
    out.mkdir(parents=True, exist_ok=True)
    for name, chunks in parts:
        with (out / name).open("wb") as file:
            file.writelines(chunks)
    return sorted(out.iterdir())
