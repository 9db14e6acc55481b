"""The table that a reviewer sees, and what is called out."""

from dataclasses import replace

import pytest

from app.rounds.approval.drawing import ROWS, ROWS_A_REMARK, ROWS_OF_MIXED, Voice, seen_of
from app.rounds.approval.samples import Answer
from app.rounds.approval.seen import Remark, Seen

WORDS = [f"word{number}" for number in range(400)]


def _answers(first: int, words: int = 20, count: int = 60) -> list[Answer]:
    """Two for each prompt, all different, about as long as each other."""
    return [
        Answer(
            prompt=number // 2,
            completion=first + number,
            text=" ".join([f"text{first + number}", *WORDS[: words + number % 5]]),
            ended=True,
            reward=1.0 + number % 7 / 10,
            likelihood=-2.0 - number % 3 / 100,
        )
        for number in range(count)
    ]


OURS, THEIRS = _answers(1), _answers(1001)


def _seen(ours: list[Answer], theirs: list[Answer] = THEIRS, seed: str = "seed") -> Seen:
    return seen_of(Voice("ppo-1", ours, 4.5), Voice("sft-1", theirs), seed)


def _remarks(changed: Answer) -> tuple[Remark, ...]:
    """Of one output that is not like the others."""
    seen = _seen([changed, *OURS[1:]])
    return next((row.ours.remarks for row in seen.far_out if row.ours.completion == changed.completion), ())


@pytest.mark.parametrize(
    ("changed", "remark"),
    [
        ({"text": " \n "}, Remark.EMPTY),
        ({"ended": False}, Remark.CUT_OFF),
        ({"text": "I'm sorry, but I cannot help with that. " + " ".join(WORDS[:14])}, Remark.REFUSAL),
        ({"text": "and so on " * 7}, Remark.REPETITION),
        ({"text": "No."}, Remark.SHORT),
        ({"text": " ".join(WORDS)}, Remark.LONG),
        ({"reward": -8.0}, Remark.LOW_REWARD),
        ({"reward": 9.0}, Remark.HIGH_REWARD),
        ({"likelihood": -6.0}, Remark.UNLIKELY),
        ({"likelihood": -0.01}, Remark.CERTAIN),
    ],
)
def test_what_is_not_usual_is_called_out_by_its_name(changed: dict[str, object], remark: Remark) -> None:
    assert _remarks(OURS[0]) == ()
    assert _remarks(replace(OURS[0], **changed)) == (remark,)


def test_a_policy_that_writes_four_times_as_much_is_measured_by_the_earlier_one() -> None:
    longer = _answers(1, words=90)
    assert _seen(longer).ours.shares[Remark.LONG] == 1
    assert _seen(longer, []).ours.shares[Remark.LONG] == 0  # nobody to measure by but itself
    assert _seen(longer).theirs.shares[Remark.LONG] == 0


def test_the_table_has_prompts_once_and_an_earlier_answer_to_the_same_one() -> None:
    seen = _seen(OURS)
    assert len({row.prompt for row in seen.drawn}) == len(seen.drawn) == ROWS
    by_number = {each.completion: each for each in [*OURS, *THEIRS]}
    for row in seen.drawn:
        assert row.theirs is not None
        assert by_number[row.ours.completion].prompt == by_number[row.theirs.completion].prompt == row.prompt


def test_the_same_seed_draws_the_same_table_and_another_one_another() -> None:
    assert _seen(OURS) == _seen(OURS)
    assert _seen(OURS).drawn != _seen(OURS, seed="other").drawn


def test_of_many_that_are_far_out_a_few_are_shown_and_all_are_counted() -> None:
    half = [replace(each, ended=False) if number % 2 else each for number, each in enumerate(OURS)]
    seen = _seen(half)
    assert seen.ours.shares[Remark.CUT_OFF] == 0.5
    assert len(seen.far_out) == ROWS_A_REMARK


def test_equal_outputs_and_those_that_the_earlier_policy_gave_too_are_counted() -> None:
    copied = [
        replace(THEIRS[0], completion=1, text=THEIRS[0].text + "\n"),
        replace(OURS[1], text=OURS[0].text),
        OURS[0],
    ]
    seen = _seen(copied)
    assert (seen.ours.outputs, seen.ours.alike) == (3, 1)
    assert seen.same == pytest.approx(1 / 3)


def test_nothing_is_known_of_how_people_s_answers_ended() -> None:
    people = [replace(each, ended=None, reward=None, likelihood=None) for each in THEIRS]
    seen = seen_of(Voice("sft-1", OURS), Voice(None, people), "seed")
    assert seen.theirs is not None
    assert (seen.theirs.known, seen.theirs.reward, seen.earlier) == (0, None, None)
    assert Seen.model_validate(seen.model_dump(mode="json")) == seen


def test_nothing_sampled_makes_an_empty_table() -> None:
    seen = _seen([], [])
    assert (seen.ours.outputs, seen.ours.words, seen.theirs, seen.drawn) == (0, None, None, ())


def test_policies_that_are_mixed_in_are_seen_beside_the_new_one() -> None:
    others = [replace(each, completion=each.completion + 5000) for each in OURS]
    others[0] = replace(others[0], text="")
    seen = seen_of(
        Voice("ppo-1", OURS), Voice("sft-1", THEIRS), "seed", [Voice("api-1", others, 2.0), Voice("none", [])]
    )
    (mixed,) = seen.mixed
    assert (mixed.policy, mixed.figures.outputs, mixed.figures.kl) == ("api-1", 60, 2.0)
    assert mixed.figures.shares[Remark.EMPTY] == 1 / 60
    numbers = [row.ours.completion for row in mixed.rows]
    assert others[0].completion in numbers
    assert len(numbers) == len(set(numbers)) <= ROWS_OF_MIXED + 1
    ours = {each.completion: each.prompt for each in OURS}
    assert all(row.theirs and ours[row.theirs.completion] == row.prompt for row in mixed.rows)
    assert set(numbers) <= {row.ours.completion for row in seen.rows}
