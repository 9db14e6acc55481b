"""Who gets which task, and what happens to its slot."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, insert, select, text, update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import close_campaign
from app.db import transaction
from app.quality.membership import pause
from app.tasks.drafts import DraftIsOlder, Window, save_draft
from app.tasks.leasing import CLAIM, claim_next_task, renew_lease, return_expired_leases
from app.tasks.models import Assignment, AssignmentState, Task, TaskCompletion
from app.tasks.service import drop, put_back
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_tasks

JUDGED = Judgement(ranks=(1, 2, 2, 3), ratings=({}, {}, {}, {}))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and it is two hours later: leases of an hour have expired."""
    moment = clock.now() + timedelta(hours=2)
    return lambda: monkeypatch.setattr(clock, "now", lambda: moment)


def _task(session: Session, assignment: Assignment) -> Task:
    return session.get_one(Task, assignment.task_id, populate_existing=True)


def test_a_claim_takes_a_slot_and_shows_every_output_once(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    outputs = session.scalars(select(TaskCompletion.completion_id).where(TaskCompletion.task_id == assignment.task_id))
    assert sorted(assignment.shown_order) == sorted(outputs)
    assert _task(session, assignment).remaining == 0
    assert assignment.deadline - assignment.heartbeat_at == timedelta(minutes=60)


def test_the_order_of_the_outputs_is_drawn_for_each_assignment(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(12)]
    campaign = make_open_campaign(session, overlap=12, outputs=9)
    orders = {tuple(make_assignment(session, labeler, campaign).shown_order) for labeler in labelers}
    assert len(orders) > 6


def test_unfinished_work_is_handed_back_before_anything_new(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=3)
    first = make_assignment(session, labeler, campaign)
    assert claim_next_task(session, labeler) is first


def test_the_highest_priority_comes_first(session: Session) -> None:
    labeler = make_labeler(session)
    make_open_campaign(session, priority=1)
    urgent = make_open_campaign(session, priority=5)
    make_open_campaign(session, priority=3)
    claimed = claim_next_task(session, labeler)
    assert claimed is not None
    assert _task(session, claimed).campaign_id == urgent.id


def test_tasks_of_one_campaign_come_by_position(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(4)]
    campaign = make_open_campaign(session, tasks=4)
    got = [_task(session, make_assignment(session, labeler, campaign)).position for labeler in labelers]
    assert got == sorted(got)


def test_a_labeler_sees_no_task_twice(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, overlap=2)
    submit_ranking(session, make_assignment(session, labeler, campaign), JUDGED, Sent("one"))
    assert claim_next_task(session, labeler, campaign) is None


def test_a_closed_campaign_hands_out_no_tasks_and_still_takes_open_work(session: Session) -> None:
    busy, late = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, tasks=2)
    begun = make_assignment(session, busy, campaign)
    close_campaign(session, campaign)
    assert claim_next_task(session, late) is None
    assert claim_next_task(session, busy) is begun
    assert not submit_ranking(session, begun, JUDGED, Sent("one")).surplus


def test_who_is_no_member_or_paused_gets_nothing(session: Session) -> None:
    paused = make_labeler(session)
    campaign = make_open_campaign(session, tasks=2)
    stranger = make_labeler(session)
    pause(session, campaign, paused)
    assert claim_next_task(session, paused) is None
    assert claim_next_task(session, stranger) is None


def test_an_expired_lease_returns_its_slot_and_keeps_the_work(session: Session, later: Callable[[], None]) -> None:
    away, fresh = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session)
    left = make_assignment(session, away, campaign)
    left.draft = {"text": "half"}
    later()
    taken = claim_next_task(session, fresh, campaign)
    assert taken is not None
    assert taken.task_id == left.task_id
    assert left.state is AssignmentState.EXPIRED
    assert left.draft == {"text": "half"}


def test_a_late_submission_takes_its_slot_again_where_one_is_free(session: Session, later: Callable[[], None]) -> None:
    away = make_labeler(session)
    left = make_assignment(session, away, make_open_campaign(session))
    later()
    assert return_expired_leases(session) == 1
    assert not submit_ranking(session, left, JUDGED, Sent("one")).surplus
    assert _task(session, left).remaining == 0


def test_a_late_submission_to_a_filled_slot_is_kept_as_surplus(session: Session, later: Callable[[], None]) -> None:
    away, fresh = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session)
    left = make_assignment(session, away, campaign)
    later()
    submit_ranking(session, make_assignment(session, fresh, campaign), JUDGED, Sent("one"))
    late = submit_ranking(session, left, JUDGED, Sent("two"))
    assert late.surplus
    assert _task(session, left).remaining == 0


def test_whoever_comes_back_gets_the_expired_task_again(session: Session, later: Callable[[], None]) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session)
    left = make_assignment(session, labeler, campaign)
    later()
    assert claim_next_task(session, labeler) is left
    assert left.state is AssignmentState.LEASED
    assert left.deadline > clock.now()


def test_a_heartbeat_keeps_the_lease(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = clock.now()
    assignment = make_assignment(session, make_labeler(session))
    for minutes in (40, 80, 120):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: begun + timedelta(minutes=minutes))
        renew_lease(session, assignment)
        assert return_expired_leases(session) == 0
    assert assignment.state is AssignmentState.LEASED


def test_a_heartbeat_after_expiry_takes_the_slot_again_only_where_it_is_free(
    session: Session, later: Callable[[], None]
) -> None:
    away, fresh = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, overlap=1)
    left = make_assignment(session, away, campaign)
    later()
    return_expired_leases(session)
    renew_lease(session, left)
    assert left.state is AssignmentState.LEASED
    assert claim_next_task(session, fresh, campaign) is None
    session.execute(update(Assignment).values(deadline=clock.now() - timedelta(seconds=1)))
    assert claim_next_task(session, fresh, campaign) is not None
    renew_lease(session, left)
    assert left.state is AssignmentState.EXPIRED


def test_three_skips_set_a_task_aside_until_a_researcher_decides(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(5)]
    campaign = make_open_campaign(session)
    for labeler in labelers[:3]:
        skipped = make_assignment(session, labeler, campaign)
        skip(session, skipped, "unclear", Sent("one"))
    task = _task(session, skipped)
    assert (task.remaining, task.skips, task.set_aside) == (1, 3, True)
    assert claim_next_task(session, labelers[3], campaign) is None
    put_back(session, task)
    again = make_assignment(session, labelers[3], campaign)
    skip(session, again, "still unclear", Sent("one"))
    assert not _task(session, again).set_aside


def test_a_dropped_task_is_never_handed_out_again(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(5)]
    campaign = make_open_campaign(session, overlap=2)
    submit_ranking(session, make_assignment(session, labelers[0], campaign), JUDGED, Sent("one"))
    for labeler in labelers[1:4]:
        skip(session, make_assignment(session, labeler, campaign), "unclear", Sent("one"))
    task = session.scalars(select(Task)).one()
    drop(session, task)
    assert (task.overlap, task.remaining) == (1, 0)
    assert claim_next_task(session, labelers[4], campaign) is None


def test_two_hundred_concurrent_claims_fill_every_slot_exactly_once(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labelers = [make_labeler(session) for _ in range(200)]
        campaign = make_open_campaign(session, tasks=60, overlap=3, outputs=2)

    def claim(labeler: User) -> int | None:
        with transaction(fresh_database) as session:
            claimed = claim_next_task(session, labeler, campaign)
            return claimed.task_id if claimed else None

    with ThreadPoolExecutor(20) as pool:
        claims = list(pool.map(claim, labelers))
    given = Counter(task for task in claims if task is not None)
    assert given == dict.fromkeys(given, 3)
    assert len(given) == 60
    with Session(fresh_database) as session:
        assert session.scalars(select(func.sum(Task.remaining))).one() == 0
        assert session.scalars(select(func.count()).select_from(Assignment)).one() == 180


def test_a_double_click_gets_one_task(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        campaign = make_open_campaign(session, tasks=10, outputs=2)

    def claim(_click: int) -> int:
        with transaction(fresh_database) as session:
            claimed = claim_next_task(session, labeler, campaign)
            assert claimed is not None
            return claimed.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(claim, range(8)))) == 1


def test_a_double_submit_makes_one_annotation(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        number = make_assignment(session, make_labeler(session), make_open_campaign(session, outputs=4)).id

    def submit(_click: int) -> int:
        with transaction(fresh_database) as session:
            return submit_ranking(session, session.get_one(Assignment, number), JUDGED, Sent("same")).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(submit, range(8)))) == 1
    with Session(fresh_database) as session:
        assert session.scalars(select(func.count()).select_from(Annotation)).one() == 1


def test_heartbeats_drafts_and_submissions_of_one_desk_never_block_each_other(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        campaign = make_open_campaign(session, tasks=40)
        make_assignment(session, labeler, campaign)

    def act(turn: int) -> None:
        with transaction(fresh_database) as session:
            assignment = session.scalars(select(Assignment).order_by(Assignment.id.desc()).limit(1)).one()
            if turn % 4 == 0:
                submit_ranking(session, assignment, JUDGED, Sent(f"{assignment.id}"))
                claim_next_task(session, labeler, campaign)
            elif turn % 4 == 1:
                with suppress(DraftIsOlder):
                    save_draft(session, assignment, Window(assignment.draft_version), {"rank[a]": "1"})
            elif turn % 4 == 2:
                late = update(Assignment).where(Assignment.id == assignment.id)
                session.execute(late.values(deadline=clock.now() - timedelta(seconds=1)))
            else:
                renew_lease(session, assignment)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(160)))
    with Session(fresh_database) as session:
        taken = func.count().filter(Assignment.state.in_([AssignmentState.LEASED, AssignmentState.SUBMITTED]))
        held = session.scalars(select(taken)).one()
        assert session.scalars(select(func.sum(Task.overlap - Task.remaining))).one() == held


def test_a_claim_walks_the_index_of_open_tasks_however_many_are_done(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, CampaignKind.DEMONSTRATE, tasks=1)
    _add_finished_tasks(session, campaign, labeler, 4000)
    make_tasks(session, campaign, 20)
    session.execute(text("ANALYZE tasks, assignments, campaigns, campaign_members"))
    values = {"labeler": labeler.id, "campaign": None, "now": clock.now(), "anyway": False}
    plan = "\n".join(session.scalars(text(f"EXPLAIN (ANALYZE, BUFFERS) {CLAIM.text}"), values))
    assert "ix_tasks_claimable" in plan
    assert "Seq Scan on tasks" not in plan
    assert "Seq Scan on assignments" not in plan


def _add_finished_tasks(session: Session, campaign: Campaign, labeler: User, number: int) -> None:
    prompt_id = session.scalars(select(Task.prompt_id).where(Task.campaign_id == campaign.id)).first()
    row = {"campaign_id": campaign.id, "kind": campaign.kind, "prompt_id": prompt_id, "overlap": 1, "remaining": 0}
    tasks = session.scalars(insert(Task).returning(Task.id), [row] * number).all()
    done = {"labeler_id": labeler.id, "state": AssignmentState.SUBMITTED, "shown_order": [], "deadline": clock.now()}
    session.execute(insert(Assignment), [done | {"task_id": task} for task in tasks])
