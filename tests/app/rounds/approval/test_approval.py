"""A round that asks before its samples reach labelers."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.campaigns.models import Campaign
from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.errors import InvalidInput
from app.notifications.models import Event, EventKind
from app.rounds.approval.deciding import (
    DecidedAlready,
    NothingToApprove,
    NotRejected,
    approve_samples,
    reject_samples,
    sample_again,
)
from app.rounds.approval.queries import approvals_of, asked_now, seen_by
from app.rounds.models import ApprovalState, Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan, Step, steps_of
from app.rounds.queries import rounds, step_views
from app.rounds.service import RoundUnderWay, cancel_round, resume_round, start_round
from tests.app.rounds.sampled import advance, make_policies, says, start_sampling_round
from tests.factories import make_project, make_user


@pytest.fixture
def waiting(session: Session, tmp_path: Path) -> Round:
    """Its samples are there, and nobody has looked at them yet."""
    project = make_project(session)
    sft, policy = make_policies(session, project)
    current = start_sampling_round(session, project, policy, others=[sft.id])
    advance(session, tmp_path, current)
    return current


def _campaigns(session: Session) -> int:
    return len(session.scalars(select(Campaign)).all())


def test_plans_of_old_ask_nobody() -> None:
    assert not {Step.CANDIDATE_APPROVAL, Step.SAMPLE_APPROVAL} & set(steps_of(RoundPlan()))
    asked = steps_of(RoundPlan(approval=True))
    assert asked.index(Step.CANDIDATES) < asked.index(Step.CANDIDATE_APPROVAL) < asked.index(Step.COMPARE)
    sampled = (Step.SAMPLES, Step.EARLIER_SAMPLES, Step.TEST_SAMPLES, Step.EARLIER_TEST_SAMPLES)
    assert max(map(asked.index, sampled)) < asked.index(Step.SAMPLE_APPROVAL)
    assert asked.index(Step.SAMPLE_APPROVAL) < min(asked.index(Step.NEXT_COMPARE), asked.index(Step.EVALUATION))


def test_a_round_waits_until_somebody_approves_and_keeps_who_did(
    session: Session, tmp_path: Path, waiting: Round
) -> None:
    assert (waiting.state, waiting.error) == (RoundState.WAITING, None)
    assert _campaigns(session) == 0
    assert [listed.asks for listed in rounds(session)] == [True]
    advance(session, tmp_path, waiting)  # a second look asks nothing more
    researcher = make_user(session, Role.RESEARCHER)
    approve_samples(session, waiting, asked_now(session, waiting), researcher)
    advance(session, tmp_path, waiting)
    assert waiting.state is RoundState.FINISHED
    assert _campaigns(session) == 1
    ((asked),) = approvals_of(session, waiting)
    assert (asked.approval.state, asked.by) == (ApprovalState.APPROVED, researcher)
    assert asked.approval.decided_at is not None
    assert [listed.asks for listed in rounds(session)] == [False]


def test_samples_are_seen_beside_what_the_earlier_policy_said_to_the_same_prompts(
    session: Session, waiting: Round
) -> None:
    seen = seen_by(asked_now(session, waiting))
    assert (seen.policy, seen.earlier) == ("ppo-1", "sft-1")
    assert seen.theirs is not None
    assert seen.ours.outputs == seen.theirs.outputs == 3 * 9
    assert len(seen.drawn) == 3
    assert all(row.theirs for row in seen.drawn)


def test_rejected_samples_stop_the_round_and_others_are_drawn_for_the_same_prompts(
    session: Session, tmp_path: Path, waiting: Round
) -> None:
    first = asked_now(session, waiting)
    with pytest.raises(InvalidInput, match="Say why"):
        reject_samples(session, waiting, first, "  ")
    reject_samples(session, waiting, first, "They all begin alike.")
    assert waiting.state is RoundState.REJECTED
    assert waiting.finished_at is not None
    assert _campaigns(session) == 0
    sample_again(session, waiting)
    (again,) = advance(session, tmp_path, waiting, lambda *words: says(*words) + " Or not.")
    assert again.settings["seed"] == 1
    second = asked_now(session, waiting)
    assert second.run_id == again.id != first.run_id
    approve_samples(session, waiting, second)
    advance(session, tmp_path, waiting)
    assert waiting.state is RoundState.FINISHED
    assert [each.approval.state for each in approvals_of(session, waiting)] == ["approved", "rejected"]
    assert first.reason == "They all begin alike."
    (made,) = [view.run for view in step_views(session, waiting) if view.step is Step.SAMPLES]
    assert made == again
    told = session.scalars(select(Event).order_by(Event.id)).all()
    assert [each.kind for each in told] == [*[EventKind.ROUND_AWAITS_APPROVAL] * 2, EventKind.ROUND_FINISHED]
    assert told[0].path == f"/rounds/{waiting.id}/samples?asked={first.id}"


def test_nobody_decides_twice_or_of_a_round_that_was_cancelled(session: Session, waiting: Round) -> None:
    asked = asked_now(session, waiting)
    cancel_round(session, waiting)
    with pytest.raises(NothingToApprove):
        approve_samples(session, waiting, asked)
    resume_round(session, waiting)
    approve_samples(session, waiting, asked)
    with pytest.raises(DecidedAlready):
        reject_samples(session, waiting, asked, "Too late.")
    with pytest.raises(NotRejected):
        sample_again(session, waiting)


def test_a_rejected_round_can_be_cancelled_and_comes_back_rejected(
    session: Session, tmp_path: Path, waiting: Round
) -> None:
    reject_samples(session, waiting, asked_now(session, waiting), "No.")
    cancel_round(session, waiting)
    assert waiting.state is RoundState.CANCELLED
    resume_round(session, waiting)
    advance(session, tmp_path, waiting)
    assert waiting.state is RoundState.REJECTED


def test_a_rejected_round_makes_way_for_another_and_waits_for_its_end(session: Session, waiting: Round) -> None:
    reject_samples(session, waiting, asked_now(session, waiting), "No.")
    project = make_project(session)
    waiting.project_id = project.id
    start_round(session, project, RoundPlan()).number = 7
    session.flush()
    with pytest.raises(RoundUnderWay):
        sample_again(session, waiting)


def test_the_rejected_run_is_kept_apart_from_the_round(session: Session, waiting: Round) -> None:
    asked = asked_now(session, waiting)
    reject_samples(session, waiting, asked, "No.")
    sample_again(session, waiting)
    links = session.scalars(select(RoundRun.step).where(RoundRun.round_id == waiting.id)).all()
    assert links == [Step.EARLIER_SAMPLES]
    assert session.scalar(select(RoundRun).where(RoundRun.run_id == asked.run_id)) is None


def test_a_model_that_only_people_came_before_is_seen_beside_their_answers(session: Session, tmp_path: Path) -> None:
    project = make_project(session)
    sft, _ = make_policies(session, project)
    assert sft.kind is CheckpointKind.SFT
    current = start_sampling_round(session, project, sft)
    advance(session, tmp_path, current)
    seen = seen_by(asked_now(session, current))
    assert (seen.earlier, seen.theirs, seen.same) == (None, None, None)


@pytest.mark.parametrize("aim", ["samples", "reward"])
def test_every_policy_whose_samples_become_tasks_is_seen(session: Session, tmp_path: Path, aim: str) -> None:
    project = make_project(session)
    sft, policy = make_policies(session, project)
    third = register_checkpoint(session, project, CheckpointKind.POLICY, "api-1", location="api")
    others = "others" if aim == "samples" else "candidate_others"
    current = start_sampling_round(session, project, policy, aim=aim, **{others: [third.id, policy.id, sft.id]})
    advance(session, tmp_path, current)
    seen = seen_by(asked_now(session, current))
    beside = [each.policy for each in seen.mixed]
    assert [seen.policy, seen.earlier, *beside] == ["ppo-1", "sft-1", "api-1"]
    assert seen.mixed[0].figures.outputs == seen.ours.outputs
