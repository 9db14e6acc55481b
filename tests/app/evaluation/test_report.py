from sqlalchemy import event

from app.evaluation.choosing import Chosen
from app.evaluation.report import evaluation_tables
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project

RATINGS = [{"overall": 6, "hallucination": False}, {"overall": 3, "hallucination": True}]


def tables(session, prompts):
    project = make_project(session)
    bring(session, project, [judged(n, {"new": 1, "old": 2}, ratings=RATINGS) for n in range(prompts)])
    return {table.name: table.as_json() for table in evaluation_tables(session, Chosen(project))}


def test_figures_on_few_prompts_are_left_out_and_counted(session):
    found = tables(session, 9)
    (line,) = found["win_rates"]
    assert (line["policy"], line["baseline"]) in {("old", "new"), ("new", "old")}
    assert (line["win_rate"], line["low"], line["controlled"]) == (None, None, None)
    assert line["wins"] + line["losses"] == line["prompts"] == 9
    assert all(line["elo"] is None for line in found["strengths"])
    assert all(line["mean"] is None for line in found["scales"])


def test_figures_on_enough_prompts_are_told(session):
    found = tables(session, 12)
    assert found["win_rates"][0]["win_rate"] in {0.0, 1.0}
    assert {(line["policy"], line["mean"]) for line in found["scales"]} == {("new", 6), ("old", 3)}
    assert {(line["policy"], line["use_case"], line["rate"]) for line in found["flags"]} == {
        ("new", "*", 0), ("old", "*", 1),
    }  # fmt: skip


def test_a_project_without_evaluations_has_empty_tables(session):
    assert not any(table.rows for table in evaluation_tables(session, Chosen(make_project(session))))


def test_more_data_takes_no_more_queries(session):
    statements = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    counts = []
    for prompts in (1, 20):
        project = make_project(session)
        bring(session, project, [judged(n, {"new": 1, "old": 2}, ratings=RATINGS) for n in range(prompts)])
        statements.clear()
        evaluation_tables(session, Chosen(project))
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10
