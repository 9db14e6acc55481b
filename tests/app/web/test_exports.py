import io
import json

import pyarrow.parquet as pq
import pytest

from app.accounts.models import Role
from app.annotations.imports.importing import import_comparisons
from tests.app.datasets.test_live import row
from tests.factories import make_project


@pytest.fixture
def project(session, pages):
    pages.sign_in_as(Role.RESEARCHER)
    project = make_project(session, "Sea & sky")
    rows = [row(1), row(2, simulated=True)]
    import_comparisons(session, project, io.BytesIO("\n".join(map(json.dumps, rows)).encode()), source="file")
    return project


def download(pages, project, **query):
    return pages.http.get("/exports/download", params={"project": project.id, **query})


def test_the_form_leads_to_a_file_of_what_it_says(pages, project):
    shown = pages.get("/exports", project=project.id)
    sent = {name: values[0] for name, values in shown.form("/exports/download").items()}
    answer = pages.http.get("/exports/download", params=sent)
    assert [json.loads(line)["ranks"] for line in answer.text.splitlines()] == [[2, 1, 2]] * 2
    assert answer.headers["content-disposition"] == 'attachment; filename="sea-sky-comparisons.jsonl"'


def test_people_s_ratings_come_as_parquet(pages, project):
    answer = download(pages, project, what="ratings", format="parquet", people="people")
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 3
    assert table.column("simulated").to_pylist() == [False] * 3


def test_what_cannot_be_is_refused(pages, project):
    assert download(pages, project, what="everything").status_code == 404
    assert download(pages, project, since="2026-02-01", until="2026-01-01").status_code == 422
    assert pages.http.get("/exports/download", params={"project": 0}).status_code == 404


def test_every_download_gives_its_place_back(pages, project):
    for _ in range(5):
        assert download(pages, project).status_code == 200
