"""Every figure that the authors of public data printed, from the product's own tables.

Each file is imported once, through its named format, and all tests look at what was stored.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.annotations.imports.importing import AnnotationsImported, import_comparisons
from app.projects.models import Project
from app.quality.agreement.as_given import outputs_as_given, pair_counts
from app.quality.agreement.coefficients import Figure
from app.quality.agreement.judged import rankings_in
from app.quality.agreement.questions import Measure, Part
from app.quality.agreement.scope import Scope
from app.quality.agreement.tables import Agreement, Line, agreement_in
from tests.factories import make_project
from tests.shared_data import shared_data

NO_DRAWS = 0  # the values are what was printed; intervals have tests of their own


@pytest.fixture(scope="module")
def session(engine: Engine) -> Iterator[Session]:
    """One for all tests here, rolled back after the last."""
    import app.tables  # noqa: F401

    with engine.connect() as connection, connection.begin() as everything:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        everything.rollback()


def brought(session: Session, path: str, format_name: str) -> tuple[Scope, AnnotationsImported]:
    return brought_bytes(session, shared_data(path).read_bytes(), format_name)


def brought_bytes(session: Session, content: bytes, format_name: str) -> tuple[Scope, AnnotationsImported]:
    project: Project = make_project(session)
    done = import_comparisons(session, project, io.BytesIO(content), source="published", format_name=format_name)
    return Scope(project=project.id), done


def line(found: Agreement, part: Part, measure: Measure, question: str = "") -> Line:
    (one,) = [each for each in found.lines if (each.part, each.measure, each.question) == (part, measure, question)]
    return one


@pytest.fixture(scope="module")
def wmt(session: Session) -> tuple[Scope, AnnotationsImported]:
    return brought(session, "wmt16/rankings.jsonl", "wmt")


def test_wmts_rankings_arrive_and_its_skips_are_told(wmt: tuple[Scope, AnnotationsImported]) -> None:
    _, done = wmt
    assert (done.added, done.left_out) == (3418 - 176, 176)
    assert {row.reason for row in done.left_out_rows} <= {"The judge skipped it.", "Only one output was ranked."}


WMT = {
    "tur-eng": ((349, 630, 2367, 9684), (0.554, 0.345, 0.319), (0.714, 0.352, 0.559)),
    "eng-tur": ((403, 735, 3540, 10095), (0.548, 0.334, 0.322), (0.574, 0.343, 0.352)),
    "ron-eng": ((1793, 3062, 2101, 11978), (0.586, 0.371, 0.341), (0.755, 0.355, 0.621)),
}


@pytest.mark.parametrize("pair", WMT)
def test_wmt16_agreement_between_judges_and_with_oneself(
    session: Session, wmt: tuple[Scope, AnnotationsImported], pair: str
) -> None:
    counts, inter, intra = WMT[pair]
    scope, _ = wmt
    found = agreement_in(session, Scope(project=scope.project, use_case=pair), draws=NO_DRAWS)
    between, own = (line(found, Part.PAIRS, measure) for measure in (Measure.WMT_INTER, Measure.WMT_INTRA))
    assert tuple(between.details[name] for name in ("agreed", "comparable", "ties", "judgements")) == counts
    assert of_wmt(between) == inter
    assert of_wmt(own) == intra


def of_wmt(found: Line) -> tuple[float, float, float]:
    assert found.figure.value is not None
    return round(found.details["agreement"], 3), round(found.details["chance"], 3), round(found.figure.value, 3)


@pytest.fixture(scope="module")
def pandalm(session: Session) -> Scope:
    """The judges' file has the model's verdicts beside it, pair by pair."""
    people = json.loads(shared_data("pandalm/testset-v1.json").read_bytes())
    model = json.loads(shared_data("pandalm/pandalm-7b-testset-v1.json").read_bytes())
    rows = [row | {"pandalm_result": said["pandalm_result"]} for row, said in zip(people, model, strict=True)]
    scope, done = brought_bytes(session, json.dumps(rows).encode(), "pandalm")
    assert done.added == 4 * 999
    return scope


def test_pandalm_kappas_of_three_people(session: Session, pandalm: Scope) -> None:
    found = agreement_in(session, pandalm, draws=NO_DRAWS, most_pairs=10)
    kappas = {
        (pair.first.rpartition("/")[2], pair.second.rpartition("/")[2]): rounded(pair.figures[Measure.COHEN])
        for pair in found.pairs
    }
    assert kappas == {
        ("annotator1", "annotator2"): 0.8520,
        ("annotator1", "annotator3"): 0.8789,
        ("annotator2", "annotator3"): 0.8617,
    }
    assert rounded(line(found, Part.PAIRS, Measure.FLEISS).figure) == 0.8642


def rounded(figure: Figure, digits: int = 4) -> float:
    assert figure.value is not None
    return round(figure.value, digits)


def test_pandalm_majorities_and_the_models_accuracy_against_them(session: Session, pandalm: Scope) -> None:
    people = majorities(session, pandalm)
    assert Counter(people.values()) == {0: 105, 1: 422, 2: 472}
    model = majorities(session, Scope(project=pandalm.project, people="simulated"))
    hits = sum(model[task] == said for task, said in people.items())
    assert round(hits / len(people), 4) == 0.6677


def majorities(session: Session, scope: Scope) -> dict[int, int]:
    """By task: 0 a tie, 1 the first, 2 the second."""
    votes: dict[int, Counter[int]] = {}
    for ranking in rankings_in(session, scope):
        first, second = ranking.ranks
        votes.setdefault(ranking.task, Counter())[0 if first == second else 1 if first < second else 2] += 1
    return {task: said.most_common(1)[0][0] for task, said in votes.items()}


RECIPES = {
    "grammar": 0.415127,
    "fluency": 0.432398,
    "verbosity": 0.399142,
    "structure": 0.398558,
    "success": 0.362716,
    "overall": 0.435101,
}


def test_alpha_of_the_recipes_six_criteria(session: Session) -> None:
    path = "judgebench/recipe_crowd_sourcing_data__meta_evaluation_recipes.json"
    scope, _ = brought(session, path, "judgebench")
    found = agreement_in(session, scope, draws=NO_DRAWS)
    alphas = {each.question: rounded(each.figure, 6) for each in found.lines if each.measure is Measure.ALPHA_ORDINAL}
    assert alphas == RECIPES


def test_alpha_of_dices(session: Session) -> None:
    scope, done = brought(session, "judgebench/dices__dices_350_crowdsourced.json", "judgebench")
    assert done.added == 350 * 123
    found = agreement_in(session, scope, draws=NO_DRAWS)
    alpha = line(found, Part.OUTPUT, Measure.ALPHA_NOMINAL, "safety").figure
    assert rounded(alpha, 6) == 0.160860
    assert (alpha.items, alpha.comparisons) == (350, 350 * 123 * 122 // 2)


def test_of_fgrlhfs_prompts_478_are_one_ranking_and_22_are_told(session: Session) -> None:
    _, done = brought(session, "fgrlhf/dev_feedback.json", "fgrlhf")
    assert (done.added, done.left_out, len(done.left_out_rows)) == (478, 22, 22)
    assert {row.reason for row in done.left_out_rows} == {"The preferences between its outputs contradict each other."}


def test_fgrlhfs_preferences_pair_by_pair(session: Session) -> None:
    scope, done = brought(session, "fgrlhf/dev_feedback.json", "fgrlhf-pairs")
    counts = pair_counts(outputs_as_given(session, scope))
    assert done.added == 3000
    assert (counts.first, counts.second, counts.tied) == (1577, 1039, 384)


def test_e2es_rankings_with_their_ties_and_flags(session: Session) -> None:
    scope, done = brought(session, "e2e_eval/quality.jsonl", "e2e-quality")
    answers = outputs_as_given(session, scope)
    counts = pair_counts(answers)
    assert (done.added, len(answers)) == (2979, 2979)
    assert (counts.tied, counts.pairs) == (14_789, 29_790)
    flags = Counter((output.ratings["missing"], output.ratings["added"]) for outputs in answers for output in outputs)
    assert flags == {(False, False): 9183, (True, False): 4055, (False, True): 1473, (True, True): 184}
