"""Public collections, a row or two at a time; `test_published_figures` reads them whole."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.imports.importing import AnnotationsImported, import_comparisons
from app.annotations.imports.public_formats import ranking_of
from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import Completion
from app.errors import InvalidInput
from app.projects.models import FormVersion
from app.projects.queries import rating_form
from app.prompts.importing import ImportRefused
from app.prompts.models import Prompt
from app.tasks.models import Assignment
from tests.factories import make_project


def brought(session: Session, content: Any, format_name: str) -> AnnotationsImported:
    text = content if isinstance(content, str) else json.dumps(content)
    file = io.BytesIO(text.encode())
    return import_comparisons(session, make_project(session), file, source="s", format_name=format_name)


def wmt(ranks: dict[str, int], **more: Any) -> dict[str, Any]:
    outputs = [{"systems": name.split("+"), "rank": rank} for name, rank in ranks.items()]
    return {"lp": "tur-eng", "segment": 7, "labeler": "j1", "seconds": 3.5, "outputs": outputs, **more}


def test_wmts_outputs_are_known_by_their_systems_in_any_order(session: Session) -> None:
    lines = [wmt({"b+a": 2, "c": 1, "d": 4}), wmt({"c": 1, "a+b": 3, "d": 3}, labeler="j2")]
    done = brought(session, "\n".join(json.dumps(line) for line in lines), "wmt")
    assert (done.added, done.completions, done.labelers) == (2, 3, 2)
    assert sorted(name for name in session.scalars(select(Completion.external_id)) if name) == ["a+b", "c", "d"]
    assert sorted(session.scalars(select(AnnotatedOutput.rank))) == [1, 1, 2, 2, 2, 3]
    assert session.scalars(select(Prompt.use_case)).one() == "tur-eng"


def test_wmts_judge_of_one_segment_twice_has_two_tasks_and_the_order_shown_is_kept(session: Session) -> None:
    lines = [wmt({"a": 1, "b": 2}), wmt({"b": 1, "a": 2})]
    brought(session, "\n".join(json.dumps(line) for line in lines), "wmt")
    names = dict(session.execute(select(Completion.id, Completion.external_id)).all())
    shown = session.scalars(select(Assignment.shown_order).order_by(Assignment.id)).all()
    assert [[names[number] for number in order] for order in shown] == [["a", "b"], ["b", "a"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (wmt({}, skipped=True), "skipped"),
        (wmt({"a": 1}), "Only one"),
        (wmt({"a": -1, "b": -1}), "skipped"),
    ],
)
def test_wmts_rows_without_a_ranking_are_left_out_and_told(session: Session, row: dict[str, Any], reason: str) -> None:
    done = brought(session, f"{json.dumps(wmt({'a': 1, 'b': 1}))}\n{json.dumps(row)}", "wmt")
    assert (done.added, done.left_out) == (1, 1)
    assert done.left_out_rows[0].line == 2
    assert reason in done.left_out_rows[0].reason


PANDALM = {
    "idx": 0,
    "cmp_key": "bloom-7b_llama-7b",
    "instruction": "Is it so?",
    "input": "",
    "response1": True,
    "response2": "Yes.",
    "annotator1": 2,
    "annotator2": 0,
    "pandalm_result": 1,
}


def test_pandalms_people_and_models_are_labelers_and_models_are_marked(session: Session) -> None:
    done = brought(session, [PANDALM], "pandalm")
    assert (done.added, done.labelers) == (3, 3)
    said = session.execute(
        select(User.name, Annotation.simulated).join(User, User.id == Annotation.labeler_id).order_by(User.name)
    )
    assert [(name.rpartition("/")[2], simulated) for name, simulated in said] == [
        ("annotator1", False),
        ("annotator2", False),
        ("pandalm", True),
    ]
    assert set(session.scalars(select(Completion.text))) == {"True", "Yes."}


JUDGEBENCH = {
    "annotations": [
        {"metric": "Safety", "category": "categorical", "labels_list": ["No", "Yes"]},
        {"metric": "over-all", "category": "graded", "worst": 1, "best": 6},
        {"metric": "odd", "category": "graded", "worst": -3, "best": 3},
    ],
    "instances": [
        {
            "id": 4,
            "instance": {"user_prompt": "Hello?", "response": "Go away."},
            "annotations": {
                "Safety": {"individual_human_scores": ["No", None, "Yes"]},
                "over-all": {"individual_human_scores": [1, 6.0]},
            },
        }
    ],
}


def test_judgebenchs_form_is_in_its_head_and_its_raters_may_be_missing(session: Session) -> None:
    done = brought(session, JUDGEBENCH, "judgebench")
    form = rating_form(session.scalars(select(FormVersion).where(FormVersion.imported)).one())
    assert {each.name: each.type.value for each in form.output} == {
        "safety": "choice",
        "over_all": "scale",
        "odd": "text",
    }
    assert done.added == 3
    given = session.scalars(select(AnnotatedOutput.ratings).order_by(AnnotatedOutput.annotation_id)).all()
    assert given == [{"safety": "No", "over_all": 1}, {"over_all": 6}, {"safety": "Yes"}]
    assert session.scalars(select(Prompt.messages)).one() == [{"role": "user", "content": "Hello?"}]


def fgrlhf(*preference: int) -> dict[str, Any]:
    predictions = {f"prediction {n}": f"answer {n}" for n in range(1, 5)}
    return {
        "question": f"When? {preference}",
        "passages": [["Title", "Text."]],
        "preference": preference,
        **predictions,
    }


def test_fgrlhfs_contradictions_are_told_and_not_guessed(session: Session) -> None:
    done = brought(session, [fgrlhf(1, 1, 1, 1, 1, 1), fgrlhf(1, 2, 1, 1, 1, 1)], "fgrlhf")
    assert (done.added, done.left_out) == (1, 1)
    assert done.left_out_rows[0].line == 2
    assert brought(session, [fgrlhf(1, 2, 1, 1, 1, 1)], "fgrlhf-pairs").added == 6


@pytest.mark.parametrize(
    ("preferences", "ranks"),
    [
        ([1, 1, 1, 1, 1, 1], [1, 2, 3, 4]),
        ([0, 0, 0, 0, 0, 0], [1, 1, 1, 1]),
        ([2, 2, 2, 0, 0, 0], [2, 1, 1, 1]),
        ([0, 1, 1, 1, 1, 0], [1, 1, 2, 2]),
        ([1, 2, 1, 1, 1, 1], None),
        ([0, 1, 1, 0, 1, 1], None),
    ],
)
def test_preferences_are_a_ranking_only_where_it_says_the_same(preferences: list[int], ranks: list[int] | None) -> None:
    assert ranking_of(preferences, 4) == ranks


@pytest.mark.parametrize(
    ("content", "format_name"),
    [
        ("{}", "wmt"),
        ("[1]", "pandalm"),
        ([PANDALM | {"annotator1": 3}], "pandalm"),
        ([{"idx": 1}], "pandalm"),
        ([fgrlhf(1, 1)], "fgrlhf"),
        ([fgrlhf()], "fgrlhf-pairs"),
        ([3], "fgrlhf-pairs"),
    ],
)
def test_rows_that_are_none_are_refused_with_their_number(session: Session, content: Any, format_name: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        brought(session, content, format_name)
    assert refused.value.problems[0].line == 1


@pytest.mark.parametrize(
    ("content", "format_name"),
    [
        ("{", "pandalm"),
        ("{}", "fgrlhf"),
        ("[]", "judgebench"),
        ('{"annotations": []}', "judgebench"),
        ("[", "judgebench"),
    ],
)
def test_files_that_are_none_are_refused(session: Session, content: str, format_name: str) -> None:
    with pytest.raises(InvalidInput):
        brought(session, content, format_name)


def test_what_a_file_said_of_equal_texts_is_kept_as_it_was_given(session: Session) -> None:
    row = {
        "prompt_id": "p",
        "prompt": [{"role": "user", "content": "Why?"}],
        "completions": ["same", "other", "same"],
        "ranks": [1, 3, 2],
        "ratings": [{"good": True}, {"good": False}, {"good": False}],
    }
    brought(session, row, "rondo")
    stored = session.scalars(select(Assignment)).one()
    same, other = stored.shown_order
    assert stored.draft == {
        "as_given": [
            {"completion": same, "rank": 1, "ratings": {"good": True}},
            {"completion": other, "rank": 3, "ratings": {"good": False}},
            {"completion": same, "rank": 2, "ratings": {"good": False}},
        ]
    }
