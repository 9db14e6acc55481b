"""How far answers agree with the known ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.ranking import dense_ranks
from app.quality.screening.models import KnownAnswer
from app.quality.screening.scores import Answered, flag_agreement, ranking_agreement, unticked_agreement

FLAGS = ("output.sexual_content", "output.violent_content", "prompt.sensitive_content")


def ranked(known: tuple[int, ...], said: tuple[int, ...] | None) -> Answered:
    """No ranks said: a skip."""
    answer = KnownAnswer(ranks={str(number): rank for number, rank in enumerate(known)}, ratings={}, prompt_ratings={})
    kind = AnnotationKind.RANKING if said else AnnotationKind.SKIP
    outputs = {number: AnnotatedOutput(completion_id=number, rank=rank) for number, rank in enumerate(said or ())}
    return Answered(answer, Annotation(kind=kind, prompt_ratings={}), outputs)


def rated(known: set[str], said: set[str] | None) -> Answered:
    """One output; `sensitive_content` is said of the prompt."""
    of_output, of_prompt = ({name: name in known for name in names} for names in (OUTPUT, PROMPT))
    answer = KnownAnswer(ratings={"7": of_output}, prompt_ratings=of_prompt)
    kind = AnnotationKind.RATING if said is not None else AnnotationKind.SKIP
    ticks = dict.fromkeys(said or (), True)
    return Answered(answer, Annotation(kind=kind, prompt_ratings=ticks), {7: AnnotatedOutput(ratings=ticks)})


OUTPUT, PROMPT = ("sexual_content", "violent_content"), ("sensitive_content",)


@pytest.mark.parametrize(
    ("known", "said", "agreement"),
    [
        ((1, 2, 3), (1, 2, 3), 1.0),
        ((1, 2, 3), (3, 2, 1), 0.0),
        ((1, 2, 3), (1, 3, 2), 2 / 3),
        ((1, 2, 3), (1, 1, 1), 0.5),
        ((1, 2, 2), (1, 2, 2), 1.0),
        ((1, 2, 2), (1, 2, 3), 2.5 / 3),
        ((1, 2, 3), None, 0.0),
    ],
)
def test_pairs_in_the_same_order_agree_and_a_tie_against_an_order_is_half(
    known: tuple[int, ...], said: tuple[int, ...] | None, agreement: float
) -> None:
    found = ranking_agreement([ranked(known, said)])
    assert found.value == pytest.approx(agreement)
    assert found.compared == 3


def test_every_pair_of_outputs_weighs_the_same_whatever_its_task() -> None:
    found = ranking_agreement([ranked((1, 2), (2, 1)), ranked((1, 2, 3), (1, 2, 3))])
    assert (found.value, found.compared) == (pytest.approx(3 / 4), 4)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=9))
def test_only_the_same_order_agrees_entirely(ranks: list[int]) -> None:
    known = tuple(dense_ranks(ranks))
    assert ranking_agreement([ranked(known, known)]).value == 1.0
    tied_share = ranking_agreement([ranked(known, (1,) * len(known))]).value
    assert tied_share == pytest.approx(1.0 if max(known) == 1 else tied_share)
    assert (tied_share == 1.0) == (max(known) == 1)


@pytest.mark.parametrize(
    ("known", "said", "agreement"),
    [
        (set(), set(), 1.0),
        ({"violent_content"}, {"violent_content"}, 1.0),
        ({"violent_content"}, set(), 2 / 3),
        ({"violent_content"}, {"sexual_content"}, 1 / 3),
        ({"sensitive_content", "violent_content"}, {"sensitive_content"}, 2 / 3),
        ({"sexual_content", "violent_content", "sensitive_content"}, set(), 0.0),
        (set(), None, 0.0),
    ],
)
def test_a_flag_agrees_where_both_tick_it_or_neither(known: set[str], said: set[str] | None, agreement: float) -> None:
    found = flag_agreement([rated(known, said)], FLAGS)
    assert found.value == pytest.approx(agreement)
    assert found.compared == 3


def test_flags_that_the_screening_does_not_look_at_count_for_nothing() -> None:
    assert flag_agreement([rated({"violent_content"}, set())], FLAGS[:1]).value == 1.0


def test_who_never_ticks_agrees_where_nothing_is_to_be_ticked() -> None:
    known = [rated({"violent_content"}, set()).known, rated(set(), set()).known]
    assert unticked_agreement(known, FLAGS) == pytest.approx(5 / 6)


def test_nothing_compared_is_said_to_be_nothing() -> None:
    assert flag_agreement([], FLAGS).compared == ranking_agreement([]).compared == 0
