"""Samples dealt into tasks."""

from collections import Counter
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.completions.models import Completion
from app.rounds.feeding import mixed
from app.rounds.models import RoundCampaign, RoundState
from app.rounds.plan import SamplingPlan
from app.tasks.models import Task, TaskCompletion
from tests.app.rounds.sampled import advance, make_policies, start_sampling_round
from tests.factories import make_project


def test_equal_texts_are_shown_once_and_at_most_k_of_them() -> None:
    pairs = [(1, number) for number in (5, 5, 6, 7, 8, 9, 10)]
    ((prompt_id, group),) = mixed([pairs], SamplingPlan(k_min=2, k_max=4), "seed")
    assert prompt_id == 1
    assert len(group) == len(set(group)) == 4


def test_each_run_has_an_equal_share_in_an_order_that_does_not_tell_it() -> None:
    ours, theirs = [(1, number) for number in range(10)], [(1, number) for number in range(100, 110)]
    groups = [mixed([ours, theirs], SamplingPlan(k_min=4, k_max=6), str(seed))[0][1] for seed in range(40)]
    assert {sum(number < 100 for number in group) for group in groups} == {3}
    assert {group[0] < 100 for group in groups} == {True, False}


def test_several_rankings_of_a_prompt_have_outputs_of_their_own() -> None:
    plan = SamplingPlan(k_min=4, k_max=9, rankings=2)
    for count in (8, 11, 18):
        groups = mixed([[(1, number) for number in range(count)]], plan, "seed")
        assert sorted(number for _, group in groups for number in group) == list(range(count))
        assert all(4 <= len(group) <= 9 for _, group in groups)


def test_too_few_different_texts_make_one_ranking_rather_than_two_short_ones() -> None:
    groups = mixed([[(1, number % 6) for number in range(16)]], SamplingPlan(k_min=4, k_max=9, rankings=2), "seed")
    assert [len(group) for _, group in groups] == [6]


def test_the_same_seed_deals_the_same_hands() -> None:
    pairs = [(prompt, 10 * prompt + number) for prompt in range(5) for number in range(8)]
    assert mixed([pairs], SamplingPlan(), "seed") == mixed([pairs], SamplingPlan(), "seed")


def test_where_not_all_sources_have_room_they_are_left_out_in_turn() -> None:
    sources = [
        [(prompt, 1000 * source + 10 * prompt + n) for prompt in range(60) for n in range(4)] for source in range(5)
    ]
    groups = mixed(sources, SamplingPlan(k_min=4, k_max=4), "seed")
    shown = Counter(number // 1000 for _, group in groups for number in group)
    assert {len({number // 1000 for number in group}) for _, group in groups} == {4}
    assert min(shown.values()) > 60 * 4 / 5 * 0.7
    assert set(shown) == set(range(5))


def test_candidates_come_from_several_policies_at_several_temperatures(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    sft, policy = make_policies(session, project)
    plan = {
        "aim": "reward",
        "candidate_others": [sft.id],
        "candidates": SamplingPlan(k_min=4, k_max=4, temperature=1.0, more_temperatures=(0.5,)),
        "approval": False,
    }
    current = start_sampling_round(session, project, policy, **plan)
    (run,) = advance(session, tmp_path, current)
    assert (current.state, current.error) == (RoundState.WAITING, None)
    assert run.settings["temperatures"] == "1.0,0.5"
    shown = select(Completion.text).join(TaskCompletion, TaskCompletion.completion_id == Completion.id)
    texts = session.scalars(shown).all()
    assert Counter((text or "").split()[0] for text in texts) == {"ppo": 3 * 2, "sft": 3 * 2}
    assert Counter((text or "").split()[3] for text in texts) == {
        "0th": 3 * 2,
        "1th": 3 * 2,
    }  # one at either temperature


def test_outputs_that_look_alike_are_shown_once_and_counted(session: Session, tmp_path: Path) -> None:
    """Of one prompt all outputs are alike: nobody is asked to rank them."""
    project = make_project(session)
    _, policy = make_policies(session, project)
    current = start_sampling_round(session, project, policy, approval=False)
    numbers: list[int] = []

    def text(_policy: str, prompt: int, place: int) -> str:
        numbers.append(prompt)
        return "The same." if prompt == numbers[0] else f"Text {place % 5}" + "\n" * (place // 5)

    advance(session, tmp_path, current, text)
    assert (current.state, current.error) == (RoundState.FINISHED, None)
    fed = session.scalars(select(RoundCampaign)).one()
    assert (fed.sampled, fed.alike, fed.left_out) == (3 * 9, 8 + 4 + 4, 1)
    shown = select(TaskCompletion.task_id).join(Task).where(Task.campaign_id == fed.campaign_id)
    per_task = session.scalars(shown).all()
    assert len(per_task) == 2 * 5
    assert len(set(per_task)) == 2
