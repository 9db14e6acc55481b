import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.tiny import make_comparison, make_demonstration
from trainer.records import (
    BadRecord,
    Comparison,
    Demonstration,
    Message,
    PromptRecord,
    Record,
    Sample,
    ScoreRecord,
    TextRecord,
    read_lines,
    to_line,
    write_lines,
)

SAMPLE = Sample("p1", "Good.", (4, 5, 2), "stop", -3.5, "sha", 7, 1.0)
RECORDS: list[Record] = [
    make_demonstration(),
    make_comparison(),
    make_comparison(ranks=None),
    PromptRecord("p1", (Message("system", "Be brief."), Message("user", "Hé, ça va?")), "test"),
    PromptRecord("p2", (Message("user", "Why do people fight?"),), content_warning="Violence"),
    PromptRecord("p3", (Message("user", "Describe it."),), constraints=("At most 20 words.",)),
    TextRecord("two\nlines"),
    SAMPLE,
    ScoreRecord("c1", "sha", -0.25),
    ScoreRecord("c1", "sha", -0.25, 0.5, {"overall": 4.5}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_as_it_was_written(record: Any, tmp_path: Path) -> None:
    assert write_lines(tmp_path / "file.jsonl", [record, record]) == 2
    assert list(read_lines(type(record), tmp_path / "file.jsonl")) == [record, record]


def test_a_sample_without_a_score_has_no_such_key() -> None:
    assert "score" not in json.loads(to_line(SAMPLE))


def test_a_minimal_comparison_is_filled_in(tmp_path: Path) -> None:
    values = {
        "prompt_id": "p",
        "prompt": [{"role": "user", "content": "?"}],
        "completions": ["a", None],
        "ranks": [1, 1],
    }
    (tmp_path / "c.jsonl").write_text(json.dumps(values) + "\n\n")
    (row,) = read_lines(Comparison, tmp_path / "c.jsonl")
    assert row.completion_ids == ("p-1", "p-2")
    assert (row.completions, row.ratings, row.split) == (("a", None), ({}, {}), "train")


def changed(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda line: {**line, **values}


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda line: {name: value for name, value in line.items() if name != key}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without("ranks"), "`ranks` is missing"),
        (changed(ranks=[1, 3, 2, 2]), "4 entries for 3 completions"),
        (changed(ranks=[1, 3, 3]), "dense"),
        (changed(ranks=[0, 1, 2]), "dense"),
        (changed(ranks=[1, 2, True]), "whole number"),
        (changed(ranks=[1, 2, 3.0]), "whole number"),
        (changed(completions=[]), "must not be empty"),
        (changed(completion_ids=["a", "a", "b"]), "differ"),
        (changed(ratings=[{}]), "1 entries for 3"),
        (changed(authors=["x", "y", "z"]), "a list of lists"),
        (changed(prompt_id=4), "`prompt_id` must be a string"),
        (changed(split="dev"), "one of train, validation, test"),
        (changed(prompt=[]), "at least one message"),
        (changed(prompt=[{"role": "assistant", "content": "x"}]), "where the assistant should speak"),
        (changed(prompt=[{"role": "robot", "content": "x"}]), "`role` must be one of"),
        (changed(seconds=float("nan")), "finite"),
        (changed(rank=[1]), "`rank` is not a known key"),
    ],
)
def test_a_bad_comparison_is_refused_with_its_line_and_reason(
    change: Callable[[dict[str, Any]], dict[str, Any]], reason: str, tmp_path: Path
) -> None:
    good = to_line(make_comparison())
    path = tmp_path / "comparisons.jsonl"
    path.write_text(f"{good}\n{json.dumps(change(json.loads(good)))}\n")
    with pytest.raises(BadRecord, match=reason) as caught:
        list(read_lines(Comparison, path))
    assert caught.value.line_number == 2
    assert str(caught.value).startswith("comparisons.jsonl, line 2: ")


@pytest.mark.parametrize("line", ["{", "[1]", '"text"', "{'a': 1}"])
def test_a_line_that_is_no_json_object_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(line)
    with pytest.raises(BadRecord, match="line 1"):
        list(read_lines(Demonstration, tmp_path / "d.jsonl"))
