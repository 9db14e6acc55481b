"""What a round compares its policy with, and which rankings it learns from."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.clock import now
from app.projects.models import Project
from app.rounds.advancing import turn_of
from app.rounds.plan import DataPlan, RoundPlan, Step
from app.rounds.service import start_round
from app.rounds.steps import freeze_comparisons, policies_to_beat
from app.rounds.turn import Turn
from tests.app.rounds.report.reported import make_ended_round, make_ranked_campaign
from tests.factories import make_project


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


@pytest.fixture
def sft(session: Session, project: Project) -> Checkpoint:
    return register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="runs/1/model", digest="5f")


@pytest.fixture
def policy(session: Session, project: Project, sft: Checkpoint) -> Checkpoint:
    kind = CheckpointKind.POLICY
    return register_checkpoint(session, project, kind, "ppo-1", location="runs/2/model", digest="90", parent=sft)


def _turn(session: Session, files: Path, project: Project, start: Checkpoint, **plan: object) -> Turn:
    wanted = RoundPlan(start="checkpoint", checkpoint_id=start.id, **plan)
    return turn_of(session, files, start_round(session, project, wanted))


def test_a_policy_is_compared_with_the_one_before_and_the_first_sft(
    session: Session, tmp_path: Path, project: Project, sft: Checkpoint, policy: Checkpoint
) -> None:
    assert policies_to_beat(_turn(session, tmp_path, project, policy)) == [policy, sft]


def test_where_the_policy_before_is_the_first_sft_it_is_compared_once(
    session: Session, tmp_path: Path, project: Project, sft: Checkpoint
) -> None:
    assert policies_to_beat(_turn(session, tmp_path, project, sft)) == [sft]


def test_a_first_sft_that_is_not_wanted_or_whose_files_are_gone_is_left_out(
    session: Session, tmp_path: Path, project: Project, sft: Checkpoint, policy: Checkpoint
) -> None:
    turn = _turn(session, tmp_path, project, policy)
    sft.files_deleted_at = now()
    assert policies_to_beat(turn) == [policy]
    sft.files_deleted_at = None
    unwanted = turn.plan.model_copy(update={"against_first_sft": False})
    assert policies_to_beat(Turn(session, tmp_path, turn.round, project, unwanted)) == [policy]


@pytest.mark.parametrize(
    ("rankings", "chosen", "rows"), [("collect", False, 4), ("both", False, 12), ("both", True, 8)]
)
def test_a_round_learns_from_what_it_collected_and_from_what_was_there_if_it_says_so(
    session: Session, tmp_path: Path, project: Project, sft: Checkpoint, rankings: str, chosen: bool, rows: int
) -> None:
    """Four rankings in each of two earlier rounds, of which one may be chosen, and in this one."""
    earlier = [make_ended_round(session, tmp_path, project, sft, wins=[True]) for _ in range(2)]
    data = DataPlan(campaigns=(earlier[0].compare.id,) if chosen else None)
    turn = _turn(session, tmp_path, project, sft, rankings=rankings, comparisons=data)
    make_ranked_campaign(session, project, turn.round, labelers=2)
    freeze_comparisons(turn)
    assert turn.the_dataset(Step.COMPARISONS).rows == rows
