import io
import json
from datetime import date

import pytest
from sqlalchemy import func, select, update

from app.accounts.models import Cohort
from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.annotations.models import Annotation
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import DatasetNameTaken, NothingToFreeze, freeze_dataset
from app.datasets.models import DatasetAnnotation, DatasetKind
from app.datasets.queries import counts_by_split, sources_of
from app.prompts.models import Prompt, Split
from app.tasks.models import Purpose, Task
from tests.factories import make_project, make_prompt
from trainer.manifest import verified_manifest
from trainer.records import Comparison, Demonstration, PromptRecord, read_lines


def imported(session, project, *rows, source="file"):
    file = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    return import_comparisons(session, project, file, source=source)


def row(number, ranks=(1, 2), **more):
    return {
        "prompt_id": "p",
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completions": [f"answer {n} of {number}" for n in range(len(ranks))],
        "ranks": list(ranks),
        "labeler": "w1",
        **more,
    }


def freeze(session, files, project, kind=DatasetKind.COMPARISONS, name="all", **chosen):
    return freeze_dataset(session, files, project, name, kind, DatasetFilter(**chosen))


def rows_of(files, dataset, record=Comparison):
    return list(read_lines(record, files / dataset.location / f"{dataset.kind}.jsonl"))


def test_what_is_frozen_is_verified_by_the_trainer_and_leads_back_to_its_annotations(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1, (1, 2, 1), authors=[["a"], ["human"], []], seconds=12), row(2))
    dataset = freeze(session, tmp_path, project)
    manifest = verified_manifest(tmp_path / dataset.location)
    first, _ = rows_of(tmp_path, dataset)
    lineage = session.scalars(select(DatasetAnnotation.annotation_id).order_by(DatasetAnnotation.annotation_id))
    assert manifest.digest == dataset.digest
    assert manifest.counts == {"comparisons.jsonl": 2, "forms.json": 1}
    assert first.ranks == (1, 2, 1)
    assert first.authors == (("a",), ("human",), ())
    assert (first.seconds, first.cohort, first.simulated) == (12, "training", False)
    assert [str(number) for number in lineage] == [each.annotation_id for each in rows_of(tmp_path, dataset)]
    assert [count for _, count in sources_of(session, dataset)] == [2]


def test_the_same_filter_over_the_same_data_gives_the_same_digest(session, tmp_path):
    project = make_project(session)
    imported(session, project, *(row(n) for n in range(20)))
    first = freeze(session, tmp_path, project, name="first")
    second = freeze(session, tmp_path, project, name="second")
    imported(session, project, row(99), source="more")
    third = freeze(session, tmp_path, project, name="third")
    assert first.digest == second.digest != third.digest


def test_people_and_simulated_labelers_are_mixed_only_on_request(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1), row(2), row(3, simulated=True))
    counts = {
        people: freeze(session, tmp_path, project, name=people, people=people).rows
        for people in ("people", "simulated", "both")
    }
    assert counts == {"people": 2, "simulated": 1, "both": 3}


def test_what_held_out_labelers_wrote_is_never_training_data(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1, split="train"), row(2, cohort="held_out", split="train"))
    assert [each.cohort for each in rows_of(tmp_path, freeze(session, tmp_path, project))] == ["training"]
    held_out = freeze(session, tmp_path, project, name="held out", cohort=Cohort.HELD_OUT)
    assert [each.split for each in rows_of(tmp_path, held_out)] == ["test"]


@pytest.mark.parametrize("change", [{"surplus": True}, {"current": False}])
def test_surplus_and_superseded_annotations_stay_out(session, tmp_path, change):
    project = make_project(session)
    imported(session, project, row(1), row(2))
    first = session.scalar(select(func.min(Annotation.id)))
    session.execute(update(Annotation).where(Annotation.id == first).values(**change))
    assert [each.annotation_id for each in rows_of(tmp_path, freeze(session, tmp_path, project))] == [str(first + 1)]


def test_only_real_tasks_count(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1), row(2), row(3), row(4))
    first = session.scalar(select(func.min(Task.id)))
    for offset, purpose in enumerate((Purpose.GOLD, Purpose.REPEAT, Purpose.TRAINING)):
        session.execute(update(Task).where(Task.id == first + offset).values(purpose=purpose))
    assert freeze(session, tmp_path, project).rows == 1


def test_a_filter_by_campaign_day_and_split_takes_what_it_says(session, tmp_path):
    project = make_project(session)
    one = imported(session, project, row(1, split="train"), row(2, split="test"), source="one")
    imported(session, project, row(3, split="train"), source="two")
    day = session.scalar(select(func.min(Annotation.created_at))).date()
    assert freeze(session, tmp_path, project, name="a", campaigns=one.campaigns).rows == 2
    assert freeze(session, tmp_path, project, name="b", splits=[Split.TRAIN]).rows == 2
    assert freeze(session, tmp_path, project, name="c", since=day, until=day).rows == 3
    assert freeze(session, tmp_path, project, name="ever", until=date.max).rows == 3
    assert freeze(session, tmp_path, project, name="d", at_most=1).rows == 1
    with pytest.raises(NothingToFreeze):
        freeze(session, tmp_path, project, name="e", until=date(2001, 1, 1))


def test_no_prompt_stands_on_two_sides(session, tmp_path):
    project = make_project(session)
    imported(session, project, *(row(n % 30, labeler=f"w{n}") for n in range(90)))
    sides = {}
    for each in rows_of(tmp_path, freeze(session, tmp_path, project)):
        sides.setdefault(each.prompt_id, set()).add(each.split)
    assert len(sides) == 30
    assert all(len(side) == 1 for side in sides.values())


@pytest.mark.parametrize(
    ("marks", "broken", "expected"),
    [
        ({}, True, None),
        ({"other_explicit_constraints": True}, False, True),
        ({"explicit_safety_constraints": True}, True, False),
        ({"explicit_safety_constraints": False, "other_explicit_constraints": False}, False, None),
    ],
)
def test_satisfies_constraint_is_null_unless_the_prompt_states_one(session, tmp_path, marks, broken, expected):
    project = make_project(session)
    ratings = [{"overall": 4, "breaks_constraint": broken}, {"overall": 5}]
    imported(session, project, row(1, ratings=ratings, prompt_ratings=marks))
    (frozen,) = rows_of(tmp_path, freeze(session, tmp_path, project))
    assert frozen.ratings[0]["satisfies_constraint"] is expected
    assert frozen.ratings[0]["breaks_constraint"] is broken
    assert frozen.ratings[0]["overall"] == 4


def test_a_form_that_does_not_ask_about_constraints_says_nothing_of_them(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1, ratings=[{"good": True}, {"good": False}]))
    dataset = freeze(session, tmp_path, project)
    assert rows_of(tmp_path, dataset)[0].ratings == ({"good": True}, {"good": False})
    forms = json.loads((tmp_path / dataset.location / "forms.json").read_text())
    assert forms["2"]["output"][0]["name"] == "good"


def test_demonstrations_are_frozen_with_who_wrote_them(session, tmp_path):
    project = make_project(session)
    line = {"prompt_id": "p", "prompt": [{"role": "user", "content": "Why?"}], "completion": "So.", "labeler": "w1"}
    import_demonstrations(session, project, io.BytesIO(json.dumps(line).encode()), source="file")
    (frozen,) = rows_of(tmp_path, freeze(session, tmp_path, project, DatasetKind.DEMONSTRATIONS), Demonstration)
    assert (frozen.completion, frozen.labeler) == ("So.", f"{project.name}/file/w1")
    assert [message.content for message in frozen.prompt] == ["Why?"]


def test_prompts_are_frozen_by_split(session, tmp_path):
    project = make_project(session)
    prompts = [make_prompt(session, project) for _ in range(40)]
    in_training = {str(prompt.id) for prompt in prompts if prompt.split is Split.TRAIN}
    dataset = freeze(session, tmp_path, project, DatasetKind.PROMPTS, splits=[Split.TRAIN])
    assert {each.prompt_id for each in rows_of(tmp_path, dataset, PromptRecord)} == in_training


def test_the_counts_on_the_page_are_those_of_the_frozen_rows(session, tmp_path):
    project = make_project(session)
    imported(session, project, *(row(n) for n in range(30)), row(31, simulated=True))
    for kind in (DatasetKind.COMPARISONS, DatasetKind.PROMPTS):
        counts = counts_by_split(session, project, kind, DatasetFilter())
        assert sum(counts.values()) == freeze(session, tmp_path, project, kind, name=kind).rows
    assert counts[Split.TRAIN] == session.scalar(
        select(func.count()).select_from(Prompt).where(Prompt.split == Split.TRAIN)
    )


def test_a_name_is_frozen_once(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1))
    freeze(session, tmp_path, project)
    with pytest.raises(DatasetNameTaken):
        freeze(session, tmp_path, project)


def folders(files):
    return sorted(path.name for path in (files / "datasets").iterdir())


def test_nothing_is_left_behind_when_nothing_matches(session, tmp_path):
    with pytest.raises(NothingToFreeze):
        freeze(session, tmp_path, make_project(session))
    assert folders(tmp_path) == []


def test_nothing_is_left_behind_when_the_transaction_fails(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1))
    session.commit()
    savepoint = session.begin_nested()
    freeze(session, tmp_path, project, name="undone")
    savepoint.rollback()
    assert folders(tmp_path) == []
    freeze(session, tmp_path, project, name="undone too")
    session.rollback()
    assert folders(tmp_path) == []
    freeze(session, tmp_path, project, name="never committed")
    session.close()
    assert folders(tmp_path) == []


def test_a_committed_dataset_outlives_a_later_rollback(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1))
    with session.begin_nested():
        dataset = freeze(session, tmp_path, project, name="Kept: 1/2")
    session.commit()
    session.scalar(select(1))
    session.rollback()
    assert folders(tmp_path) == [f"{dataset.id}-kept-1-2"]
