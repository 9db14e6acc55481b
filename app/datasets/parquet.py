"""Parquet, made while it is sent: rows are gathered into groups of a few megabytes, each written and handed on.

Identifiers, texts and ranks are columns of their own type. Ratings differ from form to form, so each is JSON text.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.datasets.models import DatasetKind
from app.datasets.sending import Sink

GROUP_BYTES = 4 << 20  # of JSON; a group in pyarrow's memory is a few times that
GROUP_ROWS = 5_000

TEXT, TEXTS = pa.string(), pa.list_(pa.string())
MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))
PROVENANCE = {
    "labeler": TEXT,
    "cohort": TEXT,
    "simulated": pa.bool_(),
    "seconds": pa.float64(),
}
DEMONSTRATIONS = {
    **dict.fromkeys(("annotation_id", "prompt_id"), TEXT),
    "prompt": MESSAGES,
    "completion": TEXT,
    **PROVENANCE,
    "split": TEXT,
}
COMPARISONS = {
    **dict.fromkeys(("annotation_id", "task_id", "prompt_id"), TEXT),
    "prompt": MESSAGES,
    "completion_ids": TEXTS,
    "completions": TEXTS,
    "authors": pa.list_(TEXTS),
    "ranks": pa.list_(pa.int32()),
    "ratings": TEXTS,
    "prompt_ratings": TEXT,
    "form": TEXT,
    **PROVENANCE,
    "split": TEXT,
    "evidence": TEXT,
}
PROMPTS = {"prompt_id": TEXT, "prompt": MESSAGES, "split": TEXT}
RATINGS = {
    **dict.fromkeys(("annotation_id", "task_id", "prompt_id", "use_case", "campaign", "campaign_kind"), TEXT),
    **dict.fromkeys(("completion_id", "completion"), TEXT),
    "authors": TEXTS,
    "rank": pa.int32(),
    **dict.fromkeys(("ratings", "prompt_ratings", "form"), TEXT),
    **PROVENANCE,
    "created_at": TEXT,
}
SKIPS = {
    **dict.fromkeys(("annotation_id", "task_id", "prompt_id", "campaign", "campaign_kind", "reason"), TEXT),
    **PROVENANCE,
    "created_at": TEXT,
}
REVIEWS = {
    **dict.fromkeys(("decision_id", "annotation_id", "correction_id", "task_id", "campaign", "decision"), TEXT),
    **dict.fromkeys(("reason", "comment", "answer", "reviewer", "labeler", "cohort"), TEXT),
    **dict.fromkeys(("simulated", "standing"), pa.bool_()),
    "created_at": TEXT,
}
COLUMNS: Mapping[str, Mapping[str, pa.DataType]] = {
    DatasetKind.DEMONSTRATIONS: DEMONSTRATIONS,
    DatasetKind.COMPARISONS: COMPARISONS,
    DatasetKind.PROMPTS: PROMPTS,
    "evaluations": COMPARISONS,
    "ratings": RATINGS,
    "skips": SKIPS,
    "reviews": REVIEWS,
}


def parquet_chunks(kind: str, lines: Iterable[str | bytes]) -> Iterator[bytes]:
    """One Parquet file with the columns of `kind` from its JSON lines."""
    schema = pa.schema(COLUMNS[kind].items())
    sink = Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _groups(lines):
            rows = [{field.name: _cell(row.get(field.name), field.type) for field in schema} for row in group]
            writer.write_table(pa.Table.from_pylist(rows, schema))
            yield sink.take()
    yield sink.take()


def _groups(lines: Iterable[str | bytes]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        group.append(json.loads(line))
        size += len(line)
        if size >= GROUP_BYTES or len(group) >= GROUP_ROWS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _cell(value: Any, wanted: pa.DataType) -> Any:
    if wanted == TEXT and not isinstance(value, str | None):
        return json.dumps(value, ensure_ascii=False)
    if wanted == TEXTS and value is not None:
        return [_cell(each, TEXT) for each in value]
    return value


def main() -> None:
    """`python -m app.datasets.parquet KIND`: JSON lines in, a Parquet file out."""
    for chunk in parquet_chunks(sys.argv[1], sys.stdin.buffer):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
