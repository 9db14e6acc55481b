"""What the benchmark downloads is what it filled the database with, and it counts what came."""

import io
import json
import zipfile

import pytest
from sqlalchemy import Engine

from app.campaigns.models import Campaign
from app.datasets.filtering import LiveFilter
from app.datasets.live import LiveKind, live_lines
from app.datasets.parquet import parquet_chunks
from app.db import transaction
from app.projects.models import Project
from tests.benchmarks.export import OUTPUTS
from tests.benchmarks.load.answering import answer_everything
from tests.benchmarks.load.downloaded import rows_in
from tests.benchmarks.load.filling import make_campaign


def test_every_task_is_answered_with_long_texts_ranks_and_authors(fresh_database: Engine) -> None:
    number, _ = make_campaign(fresh_database, 50, 30, 1, OUTPUTS)
    answer_everything(fresh_database, number)
    with transaction(fresh_database) as session:
        project = session.get_one(Project, session.get_one(Campaign, number).project_id)
        lines = [json.loads(line) for line in live_lines(session, project, LiveKind.COMPARISONS, LiveFilter())]
    assert len(lines) == 30
    assert len({line["labeler"] for line in lines}) > 10
    for line in lines:
        assert set(line["ranks"]) == {1, 2, 3, 4, 5}
        assert {len(authors) for authors in line["authors"]} == {1}
        assert all(500 < len(text) < 800 for text in line["completions"])


@pytest.mark.parametrize("rows", [0, 3])
def test_rows_are_counted_in_every_file(rows: int) -> None:
    lines = [json.dumps({"annotation_id": str(number)}) for number in range(rows)]
    as_json = "".join(line + "\n" for line in lines).encode()
    as_parquet = b"".join(parquet_chunks("skips", lines))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("all/manifest.json", "{}\n")
        writing.writestr("all/rows.jsonl", as_json)
    for file in (io.BytesIO(as_json), io.BytesIO(as_parquet), archive):
        file.seek(0)
        assert rows_in(file) == rows
