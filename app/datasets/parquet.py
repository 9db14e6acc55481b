"""Parquet, made while it is sent: rows are gathered into groups of a few megabytes, each written and handed on.

Identifiers, texts and ranks are columns of their own type. Ratings differ from form to form, so each is JSON text.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
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
SCREENING = {
    **dict.fromkeys(("attempt_id", "labeler", "cohort"), TEXT),
    "simulated": pa.bool_(),
    "attempt": pa.int32(),
    **dict.fromkeys(("state", "scores", "began_at", "finished_at", "decided_at"), TEXT),
}
COLUMNS: Mapping[str, Mapping[str, pa.DataType]] = {
    DatasetKind.DEMONSTRATIONS: DEMONSTRATIONS,
    DatasetKind.COMPARISONS: COMPARISONS,
    DatasetKind.PROMPTS: PROMPTS,
    "evaluations": COMPARISONS,
    "ratings": RATINGS,
    "skips": SKIPS,
    "reviews": REVIEWS,
    "screening": SCREENING,
}


def parquet_chunks(kind: str, lines: Iterable[str | bytes]) -> Iterator[bytes]:
    """One Parquet file with the columns of `kind` from its JSON lines."""
    schema = pa.schema(COLUMNS[kind].items())
    sink = Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _groups(lines):
            columns = [_column([row.get(field.name) for row in group], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield sink.take()
    yield sink.take()


def _groups(lines: Iterable[str | bytes]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        group.append(orjson.loads(line))
        size += len(line)
        if size >= GROUP_BYTES or len(group) >= GROUP_ROWS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _column(values: list[Any], wanted: pa.DataType) -> pa.Array:
    if wanted == TEXT:
        values = [_text(value) for value in values]
    elif wanted == TEXTS:
        values = [value if value is None else [_text(each) for each in value] for value in values]
    return pa.array(values, wanted)


def _text(value: Any) -> str | None:
    """What is no text is written as JSON."""
    return value if value is None or type(value) is str else _json(orjson.dumps(value))


@lru_cache(maxsize=4096)
def _json(packed: bytes) -> str:
    """With spaces, as the dataset's own files have it; labelers say the same of many outputs."""
    return json.dumps(orjson.loads(packed), ensure_ascii=False)


def main() -> None:
    """`python -m app.datasets.parquet KIND`: JSON lines in, a Parquet file out."""
    for chunk in parquet_chunks(sys.argv[1], sys.stdin.buffer):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
