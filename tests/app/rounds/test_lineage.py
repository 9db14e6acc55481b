from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.projects.models import Project
from app.rounds.lineage import checkpoints_reached_by, lineage_of
from tests.app.rounds.report.reported import Ended, make_ended_round, make_sft
from tests.factories import make_labeler, make_project


@pytest.fixture
def three(session: Session, tmp_path: Path) -> list[Ended]:
    """Three rounds in a row, each from the policy of the one before."""
    project = make_project(session)
    policy, rounds = make_sft(session, project), []
    for _ in range(3):
        rounds.append(make_ended_round(session, tmp_path, project, policy, wins=[True]))
        policy = rounds[-1].policy
    return rounds


def test_the_third_policy_leads_to_the_datasets_of_all_rounds_and_to_their_labelers(
    session: Session, three: list[Ended]
) -> None:
    lineage = lineage_of(session, three[-1].policy)
    assert set(lineage.datasets) == {each.comparisons.id for each in three}
    names = {node.checkpoint.name for node in lineage.checkpoints.values()}
    assert names == {"sft-1", "reward-1", "ppo-1", "reward-2", "ppo-2", "reward-3", "ppo-3"}
    for ended in three:
        ((campaign, people),) = lineage.datasets[ended.comparisons.id].campaigns.items()
        assert campaign == ended.compare
        assert [each.annotations for each in people] == [2] * len(people)


def test_an_earlier_policy_knows_nothing_of_later_rounds(session: Session, three: list[Ended]) -> None:
    assert set(lineage_of(session, three[0].policy).datasets) == {three[0].comparisons.id}


def test_lineage_goes_over_runs_and_says_what_each_read(session: Session, three: list[Ended]) -> None:
    told = lineage_of(session, three[0].policy).as_json()
    nodes = {node["name"]: node for node in told["checkpoints"]}
    assert {each["setting"] for each in nodes["ppo-1"]["checkpoints"]} == {"model", "reward_model"}
    assert nodes["reward-1"]["datasets"] == [{"setting": "comparisons", "id": three[0].comparisons.id}]
    assert nodes["sft-1"]["run"] is None
    assert told["datasets"][0]["campaigns"][0]["labelers"][0]["annotations"] == 2


def test_a_labeler_s_work_is_followed_to_every_checkpoint_it_has_reached(session: Session, three: list[Ended]) -> None:
    first = lineage_of(session, three[0].policy).datasets[three[0].comparisons.id].labelers[0].user
    reached = {each.checkpoint.name: each.annotations for each in checkpoints_reached_by(session, first)}
    assert set(reached) == {"reward-1", "ppo-1", "reward-2", "ppo-2", "reward-3", "ppo-3"}
    assert reached["reward-1"] == 2
    assert reached["ppo-1"] == reached["ppo-3"] == 0  # by way of reward models alone
    assert checkpoints_reached_by(session, make_labeler(session)) == []


def test_a_model_that_was_registered_after_another_is_reached_too(session: Session, three: list[Ended]) -> None:
    labeler = lineage_of(session, three[2].policy).datasets[three[2].comparisons.id].labelers[-1].user
    project = session.get_one(Project, three[2].round.project_id)
    own = register_checkpoint(
        session, project, CheckpointKind.POLICY, "tuned", location="owner/tuned", parent=three[2].policy
    )
    assert own in [each.checkpoint for each in checkpoints_reached_by(session, labeler)]
    assert three[0].comparisons.id in lineage_of(session, own).datasets
