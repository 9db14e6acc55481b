"""What is exported without freezing says what freezing would."""

import io
import json

import pyarrow.parquet as pq
import pytest

from app.accounts.models import Cohort
from app.annotations.imports.importing import import_comparisons
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import CampaignKind
from app.datasets.filtering import DatasetFilter, LiveFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.live import LiveKind, live_chunks, live_lines
from app.datasets.models import DatasetKind
from app.datasets.parquet import parquet_chunks
from app.projects.models import Project
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project
from trainer.records import Comparison, parse_line, read_lines

QUESTION = "Say “hello”\\, {%s},\nin two\tlines: 你好 \U0001f600"


def row(number, **more):
    return {
        "prompt_id": "p",
        "prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": QUESTION % number}],
        "completions": [f"first \"of\" {number}\n", f"second of {number}", f"third of {number}"],
        "authors": [["b", "a"], ["human"], []],
        "ranks": [2, 1, 2],
        "ratings": [{"overall": 4, "breaks_constraint": True}, {"overall": 7}, {}],
        "labeler": "w1",
        **more,
    }  # fmt: skip


@pytest.fixture
def project(session):
    """Imported rankings of all sorts, one only rated, one with sources, one of a held-out labeler."""
    project = make_project(session)
    evidence = [[{"title": "A page", "url": "https://example.org/", "text": "Hello."}], [], []]
    rows = [
        row(1),
        row(2, prompt_ratings={"other_explicit_constraints": True}, seconds=12.5),
        row(3, ranks=None, completions=["alone"], authors=[["a"]], ratings=[{"overall": 3}]),
        row(4, simulated=True, split="validation"),
        row(5, authors=[[], [], []], evidence=evidence),
        row(6, cohort="held_out", labeler="w2"),
    ]
    import_comparisons(session, project, io.BytesIO("\n".join(map(json.dumps, rows)).encode()), source="file")
    return project


def lines(session, project, kind=LiveKind.COMPARISONS, **chosen):
    return list(live_lines(session, project, kind, LiveFilter(**chosen)))


@pytest.mark.parametrize("cohort", Cohort)
def test_a_live_line_is_the_line_that_freezing_writes(session, project, tmp_path, cohort):
    chosen = DatasetFilter(people="both", cohort=cohort)
    dataset = freeze_dataset(session, tmp_path, project, "all", DatasetKind.COMPARISONS, chosen)
    frozen = list(read_lines(Comparison, tmp_path / dataset.location / "comparisons.jsonl"))
    live = [parse_line(Comparison, line, "live", 1) for line in lines(session, project, cohort=cohort)]
    assert len(frozen) == (5 if cohort is Cohort.TRAINING else 1)
    assert live == frozen


def test_filters_take_what_they_say(session, project):
    assert len(lines(session, project)) == 6
    assert len(lines(session, project, people="simulated")) == 1
    assert len(lines(session, project, people="people", cohort="training")) == 4
    assert lines(session, project, until="2001-01-01") == []
    assert lines(session, make_project(session)) == []
    assert lines(session, project, campaign=make_open_campaign(session).id) == []


def test_chunks_end_where_lines_end(session, project, monkeypatch):
    monkeypatch.setattr("app.datasets.live.LINES_IN_CHUNK", 4)
    chunks = list(live_chunks(session, project, LiveKind.COMPARISONS, LiveFilter()))
    assert [chunk.count(b"\n") for chunk in chunks] == [4, 2]
    assert all(chunk.endswith(b"}\n") for chunk in chunks)


def test_ratings_have_a_line_for_each_judged_output(session, project):
    rated = [json.loads(line) for line in lines(session, project, LiveKind.RATINGS)]
    assert len(rated) == 5 * 3 + 1
    constrained = [each for each in rated if each["prompt_ratings"] and each["rank"] == 2]
    assert {each["ratings"]["satisfies_constraint"] for each in constrained} == {True, False}
    assert {(tuple(each["authors"]), each["labeler"].rpartition("/")[2]) for each in rated} >= {(("a", "b"), "w1")}


def answered(session, kind: CampaignKind, project: Project):
    cohort = Cohort.HELD_OUT if kind is CampaignKind.EVALUATE else Cohort.TRAINING
    labeler = make_labeler(session, cohort)
    campaign = make_open_campaign(session, kind, project=project, tasks=2)
    submit_ranking(session, make_assignment(session, labeler, campaign), Judgement((1, 2, 2, 3), ({},) * 4), Sent("a"))
    skip(session, make_assignment(session, labeler, campaign), "Too hard.", Sent("b"))
    return campaign, labeler


def test_evaluations_and_skips_are_exports_of_their_own(session):
    project = make_project(session)
    answered(session, CampaignKind.COMPARE, project)
    evaluation, labeler = answered(session, CampaignKind.EVALUATE, project)
    (evaluated,) = (json.loads(line) for line in lines(session, project, LiveKind.EVALUATIONS))
    assert (evaluated["cohort"], evaluated["split"], sorted(evaluated["ranks"])) == ("held_out", "test", [1, 2, 2, 3])
    assert evaluated["labeler"] == f"labeler-{labeler.id}"
    assert len(lines(session, project)) == 1
    skipped = [json.loads(line) for line in lines(session, project, LiveKind.SKIPS)]
    assert [each["reason"] for each in skipped] == ["Too hard."] * 2
    assert skipped[1]["campaign"] == evaluation.name


def test_parquet_is_written_in_groups_of_rows(monkeypatch):
    monkeypatch.setattr("app.datasets.parquet.GROUP_ROWS", 7)
    lines = [json.dumps({"annotation_id": str(number)}) for number in range(20)]
    chunks = list(parquet_chunks("skips", lines))
    assert pq.ParquetFile(io.BytesIO(b"".join(chunks))).num_row_groups == 3
    assert len(chunks) == 4  # each group is handed on when it is written, and last the index


# Of the others: test_exported_reviews, test_live_screening
OF_ANNOTATIONS = [kind for kind in LiveKind if kind not in (LiveKind.REVIEWS, LiveKind.SCREENING)]


@pytest.mark.parametrize("kind", OF_ANNOTATIONS)
def test_parquet_holds_every_live_line(session, project, tmp_path, kind):
    answered(session, CampaignKind.EVALUATE, project)
    found = [json.loads(line) for line in lines(session, project, kind)]
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"".join(parquet_chunks(kind, map(json.dumps, found))))
    table = pq.read_table(path)
    assert set().union(*found) <= set(table.column_names)
    assert table.column("annotation_id").to_pylist() == [each["annotation_id"] for each in found] != []
