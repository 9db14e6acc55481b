from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.completions.service import record_scores
from app.rounds.plan import RoundPlan
from app.rounds.report.report import round_report
from app.rounds.service import start_round
from tests.app.rounds.report.reported import Ended, make_ended_round, make_sft
from tests.factories import make_project

NINE_OF_TWELVE = [True] * 9 + [False] * 3


@pytest.fixture
def ended(session: Session, tmp_path: Path) -> Ended:
    project = make_project(session)
    return make_ended_round(session, tmp_path, project, make_sft(session, project), wins=NINE_OF_TWELVE)


def test_a_report_tells_what_was_learned_from_what(session: Session, ended: Ended) -> None:
    report = round_report(session, ended.round)
    (labels,) = report.table("labels").as_json()
    assert labels == {"rankings": 4, "prompts": 2, "labelers": 2, "untied": 12, "tied": 0}
    (data,) = report.table("data").as_json()
    assert (data["rows"], data["digest"]) == (4, ended.comparisons.digest)
    agreement = {line["campaign"]: line for line in report.table("agreement").as_json()}
    assert agreement[ended.compare.name]["agreement"] == 1.0
    assert agreement[ended.compare.name]["compared"] == 6  # three pairs of outputs on each of two prompts


def test_win_rates_count_prompts_and_name_whom_they_are_against(session: Session, ended: Ended) -> None:
    (line,) = round_report(session, ended.round).table("win_rates").as_json()
    assert (line["policy"], line["against"], line["win_rate"]) == ("ppo-1", "sft-1", 0.75)
    assert (line["wins"], line["ties"], line["losses"], line["prompts"]) == (9, 0, 3, 12)
    assert line["low"] < 0.75 < line["high"]


def test_few_prompts_make_no_figure(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    ended = make_ended_round(session, tmp_path, project, make_sft(session, project), wins=[True] * 9)
    report = round_report(session, ended.round)
    (line,) = report.table("win_rates").as_json()
    assert (line["win_rate"], line["wins"]) == (None, 9)
    assert not report.is_saturated


def test_a_policy_that_nearly_always_wins_leaves_no_room(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    ended = make_ended_round(session, tmp_path, project, make_sft(session, project), wins=[True] * 12)
    assert round_report(session, ended.round).is_saturated


def test_the_reward_model_is_measured_on_held_out_labelers(session: Session, ended: Ended) -> None:
    """It prefers the policy always; the held-out labelers do on nine prompts of twelve."""
    scores = {
        completion.id: score for pair in ended.outputs for completion, score in zip(pair, (1.0, 0.0), strict=True)
    }
    record_scores(session, ended.reward, scores)
    lines = {line["on"]: line for line in round_report(session, ended.round).table("reward_model").as_json()}
    assert lines["validation"]["accuracy"] == 0.625
    assert (lines["held_out"]["accuracy"], lines["held_out"]["judged_by"]) == (0.75, "held_out")
    assert (lines["held_out"]["verdicts"], lines["held_out"]["prompts"]) == (12, 12)
    assert "own" not in lines  # it scored nothing that its own labelers ranked


def test_reward_and_kl_are_means_over_neighbouring_steps(session: Session, ended: Ended) -> None:
    lines = round_report(session, ended.round).table("reward_kl").as_json()
    assert len(lines) == 20
    assert (lines[0]["first_step"], lines[0]["last_step"], lines[-1]["last_step"]) == (1, 2, 40)
    assert lines[0]["reward"] == pytest.approx(0.15)
    assert lines[-1]["kl"] == pytest.approx(39.5 / 4)


def test_flags_and_lengths_stand_beside_each_other_by_policy(session: Session, ended: Ended) -> None:
    report = round_report(session, ended.round)
    rates = {
        line["policy"]: line["rate"] for line in report.table("flags").as_json() if line["flag"] == "hallucination"
    }
    assert rates == {"ppo-1": 0.25, "sft-1": 0.75}
    assert report.questions["hallucination"]
    lengths = {line["policy"]: line for line in report.table("lengths").as_json()}
    assert (lengths["ppo-1"]["words"], lengths["ppo-1"]["ended"], lengths["ppo-1"]["outputs"]) == (5, 1.0, 12)
    assert (lengths["sft-1"]["words"], lengths["sft-1"]["ended"]) == (5, 0.0)


def test_a_round_stands_beside_those_before_it_and_not_those_after(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    sft = make_sft(session, project)
    first = make_ended_round(session, tmp_path, project, sft, wins=NINE_OF_TWELVE)
    second = make_ended_round(session, tmp_path, project, first.policy, wins=[True] * 6 + [False] * 6)
    assert [line["round"] for line in round_report(session, first.round).table("rounds").as_json()] == [1]
    lines = round_report(session, second.round).table("rounds").as_json()
    assert [(line["round"], line["win_rate_earlier"]) for line in lines] == [(1, 0.75), (2, 0.5)]
    assert [line["win_rate_sft"] for line in lines] == [0.75, None]  # the second was compared with ppo-1 alone
    assert second.round.number == 2


def test_one_ranking_of_three_outputs_holds_both_win_rates(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    sft = make_sft(session, project)
    first = make_ended_round(session, tmp_path, project, sft, wins=NINE_OF_TWELVE)
    ended = make_ended_round(session, tmp_path, project, first.policy, wins=NINE_OF_TWELVE, baseline=sft)
    report = round_report(session, ended.round)
    rates = {line["against"]: (line["win_rate"], line["prompts"]) for line in report.table("win_rates").as_json()}
    assert rates == {"ppo-1": (0.75, 12), "sft-1": (1.0, 12)}
    assert [line["win_rate_sft"] for line in report.table("rounds").as_json()] == [0.75, 1.0]
    assert report.is_saturated


def test_a_round_that_has_just_begun_has_an_empty_report(session: Session) -> None:
    report = round_report(session, start_round(session, make_project(session), RoundPlan()))
    assert report.as_json()["policy"] is None
    assert [table.name for table in report.tables if table.rows] == ["rounds"]
