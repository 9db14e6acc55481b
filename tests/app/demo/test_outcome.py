"""What the demo says it gained."""

from itertools import combinations

import pytest

from app.demo.outcome import Judged, agrees, quality_of
from app.simulation.facts import Checker, parse_facts

FACTS = "name[Aromi], eatType[pub], food[Italian]"


def test_quality_counts_errors_and_words_of_each_text() -> None:
    texts = {FACTS: "Aromi is an Italian pub.", "name[Bibo], food[French]": "Bibo serves food and more food here."}
    quality = quality_of(texts.items(), Checker(map(parse_facts, texts)))
    assert quality.errors >= 0.5
    assert quality.perfect == 0.5
    assert quality.words == 6


@pytest.mark.parametrize(
    ("worse_by", "scores", "right"),
    [(1, (0.0, 1.0), 1.0), (1, (1.0, 0.0), 0.0), (-2, (1.0, 0.0), 1.0), (-1, (0.3, 0.3), 0.5)],
)
def test_a_pair_is_right_where_the_better_text_scores_higher(
    worse_by: int, scores: tuple[float, float], right: float
) -> None:
    one, other = (Judged(rank=0, errors=0, score=score) for score in scores)
    assert agrees(one, other, worse_by) == right


def test_scores_that_follow_the_errors_are_right_on_every_pair() -> None:
    ranking = [Judged(rank=errors + 1, errors=errors, score=-errors) for errors in (3, 0, 1)]
    assert {agrees(one, other, one.errors - other.errors) for one, other in combinations(ranking, 2)} == {1.0}
