import io
import json
from collections import Counter

import pytest
from sqlalchemy import func, select

from app.accounts.models import Origin, User
from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.completions.models import Completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.errors import InvalidInput
from app.projects.models import FormVersion
from app.projects.queries import current_form, rating_form
from app.prompts.importing import ImportRefused, import_prompts
from app.prompts.models import Prompt, Split
from app.tasks.models import Assignment, AssignmentState, Task
from tests.factories import make_project
from tests.shared_data import shared_data
from trainer.records import Comparison, read_lines, to_line


def file_of(*rows):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return io.BytesIO("\n".join(lines).encode())


def demonstration(prompt="Why?", completion="Because.", **more):
    return {"prompt_id": "p", "prompt": [{"role": "user", "content": prompt}], "completion": completion, **more}


def comparison(ranks, prompt="Why?", texts=None, **more):
    texts = texts or [f"answer {n}" for n in range(len(ranks))]
    return {
        "prompt_id": "p",
        "prompt": [{"role": "user", "content": prompt}],
        "completions": texts,
        "ranks": ranks,
        **more,
    }


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


def test_imported_demonstrations_are_submitted_work_of_a_closed_campaign(session):
    project = make_project(session)
    done = import_demonstrations(
        session, project, file_of(demonstration(labeler="w1", seconds=9), demonstration("How?")), source="file"
    )
    campaign = session.get_one(Campaign, done.campaigns[0])
    assert (done.added, done.prompts, done.labelers) == (2, 2, 2)
    assert (campaign.kind, campaign.state, campaign.imported) == (CampaignKind.DEMONSTRATE, CampaignState.CLOSED, True)
    assert set(session.scalars(select(Assignment.state))) == {AssignmentState.SUBMITTED}
    assert sorted(session.scalars(select(User.name).where(User.origin == Origin.IMPORTED))) == [
        f"{project.name}/file",
        f"{project.name}/file/w1",
    ]
    first = session.scalars(select(Annotation).order_by(Annotation.id)).first()
    assert (first.seconds, first.surplus, first.simulated) == (9, False, False)


def test_one_labeler_may_have_written_several_texts_for_a_prompt(session):
    rows = file_of(demonstration(completion="One."), demonstration(completion="Two."))
    done = import_demonstrations(session, make_project(session), rows, source="file")
    assert (done.added, done.prompts, done.labelers) == (2, 1, 1)


def test_exact_duplicates_are_counted_within_a_file_and_against_earlier_ones(session):
    project = make_project(session)
    rows = [demonstration(), demonstration(), demonstration(completion="Other.")]
    first = import_demonstrations(session, project, file_of(*rows), source="file")
    second = import_demonstrations(session, project, file_of(*rows, demonstration("New?")), source="file")
    assert (first.added, first.duplicates) == (2, 1)
    assert (second.added, second.duplicates, second.labelers) == (1, 3, 0)
    assert len(set(session.scalars(select(Campaign.name)))) == 2


def test_a_file_of_nothing_but_duplicates_makes_no_campaign(session):
    project = make_project(session)
    import_comparisons(session, project, file_of(comparison([1, 2])), source="file")
    again = import_comparisons(session, project, file_of(comparison([1, 2])), source="file")
    assert (again.added, again.duplicates, again.campaigns) == (0, 1, ())
    assert count(session, Campaign) == 1


def test_every_bad_line_is_reported_and_nothing_is_imported(session):
    project = make_project(session)
    rows = file_of(
        demonstration(),
        "{not json",
        demonstration(completion=" "),
        demonstration(split="half"),
        demonstration(seconds=-1),
        demonstration(completion="nul \0"),
        demonstration(extra=1),
    )
    with pytest.raises(ImportRefused) as refused:
        import_demonstrations(session, project, rows, source="file")
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 6, 7]
    assert count(session, Prompt) == count(session, Annotation) == count(session, Campaign) == 0


def test_a_hundred_bad_lines_are_kept_and_all_are_counted(session):
    with pytest.raises(ImportRefused) as refused:
        import_prompts(session, make_project(session), file_of(*["x"] * 250))
    assert len(refused.value.problems) == 100
    assert refused.value.details["count"] == 250


def test_bytes_that_are_not_utf_8_are_a_bad_line(session):
    line = json.dumps(demonstration()).replace("Because", "caf\\u00e9").encode().replace(b"caf\\u00e9", b"caf\xe9")
    with pytest.raises(ImportRefused) as refused:
        import_demonstrations(session, make_project(session), io.BytesIO(line), source="file")
    assert refused.value.problems[0].line == 1


def test_an_empty_file_is_refused(session):
    with pytest.raises(InvalidInput, match="no rows"):
        import_comparisons(session, make_project(session), io.BytesIO(b"\n"), source="file")


def test_judgements_of_the_same_outputs_share_a_task(session):
    rows = file_of(
        comparison([1, 2, 2], task_id="t", labeler="a"),
        comparison([2, 1, 2], task_id="t", labeler="b"),
        comparison([1, 1, 1], task_id="t", labeler="a"),
    )
    import_comparisons(session, make_project(session), rows, source="file")
    assert sorted(session.scalars(select(Task.overlap))) == [1, 2]
    assert set(session.scalars(select(Task.remaining))) == {0}


def test_equal_texts_become_one_output_by_several_authors(session):
    rows = file_of(comparison([1, 2, 1], texts=["same", "other", "same"], authors=[["a"], ["b"], ["c"]]))
    done = import_comparisons(session, make_project(session), rows, source="file")
    assert (done.completions, done.settled_apart) == (2, 0)
    assert sorted(session.scalars(select(AnnotatedOutput.rank))) == [1, 2]
    assert session.scalars(select(Checkpoint.name).order_by(Checkpoint.name)).all() == ["a", "b", "c"]
    assert set(session.scalars(select(Checkpoint.kind))) == {CheckpointKind.EXTERNAL}


def test_equal_texts_ranked_apart_share_the_mean_of_their_ranks_and_are_counted(session):
    rows = file_of(comparison([1, 2, 4, 3], texts=["same", "other", "same", "last"]))
    done = import_comparisons(session, make_project(session), rows, source="file")
    ranks = session.execute(
        select(Completion.text, AnnotatedOutput.rank).join(Completion, Completion.id == AnnotatedOutput.completion_id)
    )
    assert done.settled_apart == 1
    assert dict(ranks.all()) == {"same": 2, "other": 1, "last": 3}


def test_a_single_output_carries_ratings_alone(session):
    rows = file_of(comparison([1], ratings=[{"good": True}]), comparison(None, texts=["x"], ratings=[{"good": False}]))
    import_comparisons(session, make_project(session), rows, source="file")
    assert set(session.scalars(select(Annotation.kind))) == {AnnotationKind.RATING}
    assert set(session.scalars(select(Campaign.kind))) == {CampaignKind.RATE}


def test_ratings_that_fit_the_projects_form_are_on_it(session):
    project = make_project(session)
    rows = file_of(comparison([1, 2], ratings=[{"overall": 7}, {"overall": 2, "opinion": True}]))
    import_comparisons(session, project, rows, source="file")
    assert session.scalars(select(Annotation.form_version_id)).one() == current_form(session, project).id


def test_other_ratings_get_a_form_that_is_read_off_them(session):
    project = make_project(session)
    rows = file_of(
        comparison([1, 2], ratings=[{"fluency": 0, "rude": False}, {"fluency": 4, "rude": True, "note": "ok"}])
    )
    import_comparisons(session, project, rows, source="file")
    form = rating_form(session.scalars(select(FormVersion).where(FormVersion.imported)).one())
    assert {each.name: each.type.value for each in form.output} == {"fluency": "scale", "rude": "flag", "note": "text"}
    assert form.output[0].steps == range(5)


def test_more_outputs_than_letters_are_refused(session):
    with pytest.raises(ImportRefused, match="at most 9"):
        import_comparisons(session, make_project(session), file_of(comparison([1] * 10)), source="file")


def test_prompts_keep_the_split_that_their_line_states(session):
    project = make_project(session)
    rows = [{"prompt_id": f"p{n}", "prompt": [{"role": "user", "content": str(n)}]} for n in range(50)]
    done = import_prompts(session, project, file_of(*rows, {**rows[0], "prompt_id": "q", "split": "test"}))
    stated = import_prompts(
        session, project, file_of({"prompt_id": "t", "prompt": [{"role": "user", "content": "t"}], "split": "test"})
    )
    assert (done.added, done.duplicates, stated.added) == (50, 1, 1)
    assert session.scalars(select(Prompt.split).where(Prompt.external_id == "t")).one() is Split.TEST
    assert Split.TRAIN in set(session.scalars(select(Prompt.split)))


def test_the_e2e_quality_file_arrives_whole(session):
    project = make_project(session)
    path = shared_data("e2e_eval/quality.jsonl")
    with path.open("rb") as file:
        done = import_comparisons(session, project, file, source="quality", format_name="e2e-quality")
    assert (done.added, done.labelers, done.settled_apart) == (2979, 112, 22)
    by_overlap = Counter(session.scalars(select(Task.overlap)))
    assert by_overlap == {1: 630, 3: 783}
    missing = session.scalar(
        select(func.count()).select_from(AnnotatedOutput).where(AnnotatedOutput.ratings["missing"].as_boolean())
    )
    assert missing > 4000


def test_the_e2e_texts_arrive_as_demonstrations(session):
    project = make_project(session)
    with shared_data("e2e/devset.csv").open("rb") as file:
        done = import_demonstrations(session, project, file, source="devset", format_name="e2e")
    assert (done.added, done.duplicates, done.prompts, done.labelers) == (4521, 151, 547, 1)


SOURCES = [{"title": "A page", "url": "https://example.org/a", "text": "It *says* so."}, {"title": "A book"}]


def test_sources_come_with_their_output(session):
    project = make_project(session)
    row = comparison([1, 2], evidence=[SOURCES, []], authors=[["model-7b"], []])
    import_comparisons(session, project, file_of(row), source="file")
    stored = dict(session.execute(select(Completion.text, Completion.evidence)).all())
    assert stored == {"answer 0": SOURCES, "answer 1": []}


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ([SOURCES], "`evidence` has 1 entries for 2 completions"),
        ([[{"title": ""}], []], "has a title"),
        ([[{"title": "x", "link": "y"}], []], "has a title"),
        ([[{"title": "x", "url": "javascript:alert(1)"}], []], "begins with http:// or https://"),
        ([[{"title": "x", "text": 7}], []], "has a title"),
        ([[{"title": "x"}] * 51, []], "at most 50 sources"),
        ([[{"title": "x", "text": "y" * 100_001}], []], "longer than 100000"),
        ([[{"title": "nul \0"}], []], "cannot be stored"),
        ([[{"title": "Read by Model-7B, as it says"}], []], "names model-7b, who wrote the output"),
    ],
)
def test_sources_that_are_none_or_name_the_author_are_refused(session, evidence, reason):
    row = comparison([1, 2], evidence=evidence, authors=[["model-7b"], []])
    with pytest.raises(ImportRefused) as refused:
        import_comparisons(session, make_project(session), file_of(row), source="file")
    assert reason in refused.value.problems[0].reason


def test_what_was_frozen_comes_back_the_same_in_another_project(session, tmp_path):
    judged = [
        comparison(
            [2, 1, 2],
            authors=[["a", "b"], ["human"], []],
            ratings=[
                {"overall": 3, "breaks_constraint": True},
                {"overall": 6, "breaks_constraint": False},
                {"overall": 3, "breaks_constraint": False, "notes": "Ünclear\n"},
            ],
            prompt_ratings={"other_explicit_constraints": True},
            labeler="w1",
            seconds=4.5,
            split="test",
            evidence=[SOURCES, [], []],
        ),
        comparison(None, prompt="How?", texts=[None, "b"], completion_ids=["x", "y"]),
    ]
    first, second = make_project(session, "First"), make_project(session, "Second")
    import_comparisons(session, first, file_of(*judged), source="file")
    once = frozen_rows(session, first, tmp_path)
    lines = file_of(*(to_line(row) for row in once))
    import_comparisons(session, second, lines, source="again")
    again = frozen_rows(session, second, tmp_path)
    kept = ("prompt", "completions", "authors", "ranks", "prompt_ratings", "cohort", "simulated", "seconds", "split")
    kept += ("evidence",)
    assert [row.evidence for row in once] == [(tuple(SOURCES), (), ()), None]
    assert [[getattr(row, name) for name in kept] for row in once] == [
        [getattr(row, name) for name in kept] for row in again
    ]
    assert [answers.get("satisfies_constraint") for answers in again[0].ratings] == [False, True, True]
    assert again[0].ratings == once[0].ratings


def frozen_rows(session, project, files):
    kind = DatasetKind.COMPARISONS
    dataset = freeze_dataset(session, files, project, project.name, kind, DatasetFilter())
    return list(read_lines(Comparison, files / dataset.location / "comparisons.jsonl"))
