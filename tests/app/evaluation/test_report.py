from sqlalchemy import event, select

from app.accounts.models import Role, User
from app.annotations.models import Annotation
from app.annotations.review.decisions import exclude
from app.annotations.review.models import ExclusionReason
from app.checkpoints.service import named
from app.evaluation.choosing import Chosen, excluded_in
from app.evaluation.report import evaluation_tables
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project, make_user

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


def test_what_reviewers_keep_out_is_left_out_unless_it_is_asked_for(session):
    project = make_project(session)
    rows = [judged(n, {"new": 1, "old": 2}, ratings=RATINGS, labeler="fair") for n in range(12)]
    rows += [judged(n, {"new": 2, "old": 1}, ratings=RATINGS, labeler="wild") for n in range(12)]
    bring(session, project, rows)
    wild = select(User.id).where(User.name.endswith("wild"))
    reviewer = make_user(session, Role.RESEARCHER)
    for annotation in session.scalars(select(Annotation).where(Annotation.labeler_id.in_(wild))).all():
        exclude(session, reviewer, annotation, ExclusionReason.CARELESS, "")
    new = named(session, project, "new").id
    without, with_them = Chosen(project), Chosen(project, excluded=True)
    assert (excluded_in(session, without), excluded_in(session, with_them)) == (12, 12)
    rates = [evaluation_tables(session, chosen, new)[0].as_json()[0] for chosen in (without, with_them)]
    assert [(rate["win_rate"], rate["wins"] + rate["losses"]) for rate in rates] == [(0, 12), (0.5, 24)]
