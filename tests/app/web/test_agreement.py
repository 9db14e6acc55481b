"""Researchers look at agreement."""

import csv
import io
import json
import re

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.imports.importing import import_comparisons
from app.projects.models import Project
from app.prompts.models import Prompt
from tests.factories import make_project
from tests.pages import PageClient

PROMPTS = 12


@pytest.fixture
def project(session: Session) -> Project:
    """Imported: twelve prompts, three outputs, three labelers, of whom =c gives every output the same flag."""
    project = make_project(session)
    bring(session, project, PROMPTS)
    return project


def bring(session: Session, project: Project, prompts: int, source: str = "=file") -> None:
    rows = [
        {
            "prompt_id": f"p{number}",
            "prompt": [{"role": "user", "content": f"Why {number} of {prompts}?"}],
            "completions": ["a", "b", "c"],
            "ranks": ranks,
            "ratings": [{"good": name != "=c" and place == 0, "never": False} for place in range(3)],
            "labeler": name,
        }
        for number in range(prompts)
        for name, ranks in {"a": [1, 2, 3], "b": [1, 2, 2], "=c": [2, 1, 3]}.items()
    ]
    content = "\n".join(json.dumps(row) for row in rows).encode()
    import_comparisons(session, project, io.BytesIO(content), source=source)


def test_figures_come_with_intervals_and_what_is_undefined_is_said(pages: PageClient, project: Project) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/agreement", project=project.id)
    assert page.heading == f"Agreement in {project.name}"
    strict = next(row.text for row in page.all("tr") if row.text.startswith("Agreement, ties left out"))
    assert strict == "Agreement, ties left out pairs of outputs 0.714 0.714 to 0.714 36 84 12"
    never = next(row.text for row in page.all("tr") if row.text.startswith("Never"))
    assert "undefined: everybody gave the same label" in never


def test_a_choice_stays_in_the_address_and_in_the_form(pages: PageClient, project: Project) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/agreement", project=project.id, cohort="held_out", people="both", campaign="")
    assert "Not enough to say" in page.text
    form = page.form("/agreement")
    assert [form[name] for name in ("project", "cohort", "people")] == [[str(project.id)], ["held_out"], ["both"]]
    assert f"/agreement/tables.json?project={project.id}&cohort=held_out&people=both" in page.links.values()


def test_two_labelers_are_looked_at_alone_by_a_link(pages: PageClient, project: Project) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/agreement", project=project.id)
    link = next(address for text, address in page.links.items() if text.endswith("file/b") and "file/a" in text)
    alone = pages.get(link)
    strict = next(row.text for row in alone.all("tr") if row.text.startswith("Agreement, ties left out"))
    assert " 1.000 " in strict, "b ties what a does not, and turns nothing round"


def test_tables_are_taken_away_as_csv_and_json(pages: PageClient, project: Project) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    whole = json.loads(pages.get("/agreement/tables.json", project=project.id).body)
    figures = list(csv.DictReader(io.StringIO(pages.get("/agreement/figures.csv", project=project.id).body)))
    assert len(figures) == len(whole["figures"])
    assert whole["figures"][0] == {
        "about": "pairs",
        "question": "",
        "measure": "strict_agreement",
        "value": pytest.approx(5 / 7),
        "low": pytest.approx(5 / 7),
        "high": pytest.approx(5 / 7),
        "items": 36,
        "comparisons": 84,
        "prompts": 12,
        "undefined": None,
    }
    never = next(row for row in figures if row["question"] == "never" and row["measure"] == "fleiss_kappa")
    assert (never["value"], never["undefined"]) == ("", "constant")
    pairs = list(csv.DictReader(io.StringIO(pages.get("/agreement/labeler_pairs.csv", project=project.id).body)))
    assert len(pairs) == len(whole["labeler_pairs"])


def test_groups_of_two_or_more_are_shown_side_by_side(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    bring(session, project, PROMPTS)
    bring(session, project, 2, source="another")
    for number, prompt in enumerate(session.scalars(select(Prompt).where(Prompt.project_id == project.id))):
        prompt.use_case = "chat" if number < PROMPTS else None
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/agreement", project=project.id)
    chart = next(figure for figure in page.all("figure") if figure.text.startswith("By use case"))
    assert "chat: 71.4%" in chart.text
    assert "Without a use case: 71.4%" in chart.text
    groups = json.loads(pages.get("/agreement/groups.json", project=project.id).body)
    assert {(group["by"], group["group"], group["prompts"]) for group in groups} == {
        ("use_case", "chat", PROMPTS),
        ("use_case", "", 2),
        ("campaign", "Imported: =file (compare)", PROMPTS),
        ("campaign", "Imported: another (compare)", 2),
    }


def test_a_name_is_no_formula_in_a_spreadsheet(pages: PageClient, session: Session) -> None:
    project = make_project(session, "=1+1")
    bring(session, project, 2)
    pages.sign_in_as(Role.RESEARCHER)
    body = pages.get("/agreement/labeler_pairs.csv", project=project.id).body
    assert re.search(r"(^|,)'=1\+1", body, re.MULTILINE)
    assert not re.search(r"(^|,)=", body, re.MULTILINE)


def test_an_empty_project_says_that_there_is_not_enough(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/agreement", project=make_project(session).id)
    assert "Not enough to say" in page.text
    assert not page.all("table")


def test_few_prompts_have_values_without_intervals(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    bring(session, project, 3)
    pages.sign_in_as(Role.RESEARCHER)
    assert "not enough prompts" in pages.get("/agreement", project=project.id).text


@pytest.mark.parametrize("wrong", [{"campaign": "x"}, {"people": "dogs"}, {"cohort": "none"}])
def test_an_address_that_makes_no_sense_leads_nowhere(
    pages: PageClient, project: Project, wrong: dict[str, str]
) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    pages.get("/agreement", status=404, project=project.id, **wrong)


def test_a_page_asks_as_many_queries_for_forty_prompts_as_for_four(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    counts = []
    for prompts in (4, 40):
        project = make_project(session)
        bring(session, project, prompts)
        session.flush()
        asked: list[str] = []

        def count(_connection: object, _cursor: object, statement: str, *_: object, asked: list[str] = asked) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                asked.append(statement)

        connection = session.connection()
        event.listen(connection, "before_cursor_execute", count)
        pages.get("/agreement", project=project.id)
        event.remove(connection, "before_cursor_execute", count)
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0
