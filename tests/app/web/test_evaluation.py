import csv
import io

import pytest
from sqlalchemy import select

from app.accounts.models import Role
from app.annotations.models import Annotation
from app.annotations.review.decisions import exclude
from app.annotations.review.models import ExclusionReason
from app.checkpoints.service import named
from app.projects.queries import current_form, rating_form
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project, make_user


@pytest.fixture
def project(session, pages):
    pages.sign_in_as(Role.RESEARCHER)
    project = make_project(session)
    ratings = [{"overall": 6, "hallucination": False}, {"overall": 3, "hallucination": True}]
    rows = [judged(n, {"new": 1, "old": 2}, ratings=ratings, cohort="held_out") for n in range(12)]
    rows += [judged(n, {"new": 2, "old": 1}, labeler="w2") for n in range(5)]
    bring(session, project, rows)
    return project


def test_the_page_shows_every_table_and_says_where_there_is_not_enough(pages, project):
    shown = pages.get("/evaluation", project=project.id)
    assert len(shown.all("h2")) >= 7
    assert "100.0%" in shown.text or "0.0%" in shown.text
    assert "not enough" in shown.text  # five prompts of training labelers


def test_filters_stand_in_the_address_and_lead_on(session, pages, project):
    new = named(session, project, "new").id
    shown = pages.get("/evaluation", project=project.id, baseline=new, cohort="held_out")
    assert shown.one("option", value=str(new), selected="")
    assert "Training labelers" not in shown.text
    tables = pages.http.get(shown.links["All tables as JSON"]).json()
    assert [(line["policy"], line["baseline"], line["losses"]) for line in tables["win_rates"]] == [("old", "new", 12)]


def test_a_table_comes_as_csv(pages, project):
    answer = pages.http.get("/evaluation/scales.csv", params={"project": project.id})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert {(row["policy"], row["judgements"]) for row in rows} == {("new", "12"), ("old", "12")}
    pages.get("/evaluation/nonsense.csv", 404, project=project.id)


@pytest.mark.usefixtures("project")
def test_a_project_with_nothing_to_compare_says_so(session, pages):
    assert "Nothing to compare yet" in pages.get("/evaluation", project=make_project(session).id).text


def test_what_reviewers_keep_out_is_said_and_counted_on_request(session, pages, project):
    first = session.scalars(select(Annotation).order_by(Annotation.id)).first()
    exclude(session, make_user(session, Role.RESEARCHER), first, ExclusionReason.CARELESS, "")
    shown = pages.get("/evaluation", project=project.id)
    assert "1 annotation that reviewers excluded or sent back is left out." in shown.text
    assert pages.http.get(shown.links["All tables as JSON"]).json()["excluded"] == 1
    assert "sent back is counted." in pages.get("/evaluation", project=project.id, excluded="counted").text
    assert "sent back is left out." in pages.get("/agreement", project=project.id).text


def test_flags_and_scales_are_named_as_on_the_form(session, pages, project):
    form = current_form(session, project)
    label = {asked.name: asked.label for asked in rating_form(form).output}["hallucination"]
    shown = pages.get("/evaluation", project=project.id)
    assert [cell.text for cell in shown.all("th", scope="row") if cell.text == label]
    assert not [cell.text for cell in shown.all("th", scope="row") if cell.text == "hallucination"]
    assert label in {figure.text for figure in shown.all("figcaption")}
