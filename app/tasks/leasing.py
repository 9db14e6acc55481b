"""Leases: who works on which task, for how long, and what happens to the slot when they stop.

A task has `overlap` slots; `remaining` counts those nobody holds and changes in the transaction that takes or returns
one, so exactly `overlap` labelers answer it. Claims and returns skip locked rows, so they never wait for each other;
whatever waits locks the assignment first, and only then its task or its labeler, so nothing waits in a circle.
"""

import time
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import exists, select, text, update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember
from app.campaigns.queries import open_to
from app.tasks.locks import lock_assignment
from app.tasks.models import CHECKS, Assignment, AssignmentState, Purpose, Task

SKIPS_ALLOWED = 3
RETURNED_AT_ONCE = 500
PATIENCE = 200  # looks at tasks that others hold locked for the length of a statement
PAUSE_SECONDS = 0.01

# The tasks this labeler may take: one index scan per campaign that stops at the first row which is neither seen nor
# locked, so finished tasks (remaining = 0, not in the partial index) cost nothing. Unless told to claim anyway it does
# nothing where something else comes first: work that this labeler began, or leases that ran out.
CLAIM = text("""
    WITH next AS (
        SELECT task.id, campaign.lease_minutes
        FROM (
            SELECT campaigns.id, campaigns.priority, campaigns.lease_minutes
            FROM campaign_members JOIN campaigns ON campaigns.id = campaign_members.campaign_id
            WHERE campaign_members.user_id = :labeler AND NOT campaign_members.paused AND campaigns.state = 'open'
              AND (campaigns.content_warning IS NULL OR (SELECT sees_sensitive FROM users WHERE users.id = :labeler))
              AND (CAST(:campaign AS bigint) IS NULL OR campaigns.id = CAST(:campaign AS bigint))
              AND (:anyway OR NOT EXISTS (
                  SELECT FROM assignments WHERE labeler_id = :labeler AND state IN ('leased', 'expired')
              ) AND NOT EXISTS (
                  SELECT FROM assignments WHERE state = 'leased' AND deadline < :now
              ))
            ORDER BY campaigns.priority DESC, campaigns.id
            OFFSET 0
        ) AS campaign
        CROSS JOIN LATERAL (
            SELECT tasks.id FROM tasks
            WHERE tasks.campaign_id = campaign.id AND tasks.remaining > 0 AND NOT tasks.set_aside
              AND tasks.purpose NOT IN ('gold', 'repeat', 'training')
              AND NOT EXISTS (
                  SELECT FROM assignments WHERE assignments.labeler_id = :labeler AND assignments.task_id = tasks.id
              )
            ORDER BY tasks.position
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS task
        ORDER BY campaign.priority DESC, campaign.id
        LIMIT 1
    ), taken AS (
        UPDATE tasks SET remaining = tasks.remaining - 1 FROM next WHERE tasks.id = next.id RETURNING tasks.id
    )
    INSERT INTO assignments (task_id, labeler_id, shown_order, heartbeat_at, deadline)
    SELECT
        next.id,
        :labeler,
        ARRAY(SELECT completion_id FROM task_completions WHERE task_id = next.id ORDER BY random()),
        :now,
        CAST(:now AS timestamptz) + make_interval(mins => CAST(next.lease_minutes AS int))
    FROM next JOIN taken ON taken.id = next.id
    RETURNING assignments.*
""")

# Skips what somebody is working with this very moment; a later call finds it.
RETURN_EXPIRED = text("""
    WITH late AS (
        SELECT assignments.id, assignments.task_id
        FROM assignments JOIN tasks ON tasks.id = assignments.task_id
        WHERE assignments.state = 'leased' AND assignments.deadline < :now
        ORDER BY assignments.deadline
        LIMIT :most
        FOR UPDATE SKIP LOCKED
    ), given_back AS (
        UPDATE tasks SET remaining = tasks.remaining + late_tasks.slots
        FROM (SELECT task_id, count(*) AS slots FROM late GROUP BY task_id) AS late_tasks
        WHERE tasks.id = late_tasks.task_id
    )
    UPDATE assignments SET state = 'expired' FROM late WHERE assignments.id = late.id
    RETURNING assignments.id
""")


def claim_next_task(session: Session, labeler: User, campaign: Campaign | None = None) -> Assignment | None:
    """The labeler's unfinished work if there is some, else the next task of their campaigns (or of one); else None.

    Highest campaign priority first, then the task's fixed random position.
    """
    _one_claim_at_a_time(session, labeler)
    return _claim_unless_begun(session, labeler, campaign) or _begun_or_next(session, labeler, campaign)


def _begun_or_next(session: Session, labeler: User, campaign: Campaign | None) -> Assignment | None:
    return_expired_leases(session)
    return (
        open_lease(session, labeler)
        or _resume_expired(session, labeler, campaign)
        or _claim_patiently(session, labeler, campaign)
    )


def open_lease(session: Session, labeler: User) -> Assignment | None:
    query = select(Assignment).where(Assignment.labeler_id == labeler.id, Assignment.state == AssignmentState.LEASED)
    return session.scalar(query.execution_options(populate_existing=True))


def return_expired_leases(session: Session) -> int:
    """Give back the slots of leases past their deadline; the drafts stay. Returns how many."""
    late = session.scalars(RETURN_EXPIRED, {"now": clock.now(), "most": RETURNED_AT_ONCE}).all()
    if late:
        session.expire_all()
    return len(late)


def renew_lease(session: Session, assignment: Assignment) -> None:
    """The labeler is still at it: move the deadline; an expired lease gets its slot again if it is still free."""
    lock_assignment(session, assignment)
    if assignment.state is AssignmentState.LEASED:
        _move_deadline(session, assignment)
    elif assignment.state is AssignmentState.EXPIRED:
        labeler = session.get_one(User, assignment.labeler_id)
        _one_claim_at_a_time(session, labeler)
        if not open_lease(session, labeler):
            _lease_again(session, assignment)
    session.flush()


def finish_lease(session: Session, assignment: Assignment) -> bool:
    """Mark as submitted; True where it fills a slot, False where the slot was filled since: the work is surplus.

    The assignment must be locked by the caller (`lock_assignment`).
    """
    holds_slot = assignment.state is AssignmentState.LEASED or _take_slot(session, assignment.task_id)
    assignment.state = AssignmentState.SUBMITTED
    return holds_slot


def give_up_lease(session: Session, assignment: Assignment) -> None:
    """A skip: the slot goes back, and after three skips the task is set aside for a researcher.

    Not in a screening, which asks everybody the same.
    """
    returned = 1 if assignment.state is AssignmentState.LEASED else 0
    assignment.state = AssignmentState.SKIPPED
    session.flush()
    session.execute(
        update(Task)
        .where(Task.id == assignment.task_id)
        .values(
            remaining=Task.remaining + returned,
            skips=Task.skips + 1,
            set_aside=Task.set_aside | ((Task.skips + 1 >= SKIPS_ALLOWED) & (Task.purpose != Purpose.SCREENING)),
        )
    )


def give_back(session: Session, assignment: Assignment) -> None:
    """The labeler stops for now: somebody else may have the slot at once. Drafts stay, and the task may be resumed."""
    lock_assignment(session, assignment)
    if assignment.state is not AssignmentState.LEASED:
        return
    assignment.state = AssignmentState.EXPIRED
    session.flush()
    session.execute(update(Task).where(Task.id == assignment.task_id).values(remaining=Task.remaining + 1))


def take_up_skipped(session: Session, assignment: Assignment) -> None:
    """A skip taken back no longer counts against the task; the slot has to be taken anew."""
    assignment.state = AssignmentState.EXPIRED
    session.flush()
    session.execute(update(Task).where(Task.id == assignment.task_id).values(skips=Task.skips - 1))


def _one_claim_at_a_time(session: Session, labeler: User) -> None:
    """A double click gets one task. Foreign keys to the labeler are not held up by this lock."""
    session.execute(select(User.id).where(User.id == labeler.id).with_for_update(key_share=True))


def _claim_unless_begun(session: Session, labeler: User, campaign: Campaign | None) -> Assignment | None:
    """The one statement that nearly always does: None where the labeler or a lease that ran out needs a longer look."""
    return _claim(session, labeler, campaign, {"anyway": False})


def _claim(
    session: Session, labeler: User, campaign: Campaign | None, condition: Mapping[str, bool]
) -> Assignment | None:
    values = {"labeler": labeler.id, "campaign": campaign.id if campaign else None, "now": clock.now(), **condition}
    claimed: Assignment | None = session.scalar(select(Assignment).from_statement(CLAIM), values)
    return claimed


def _claim_patiently(session: Session, labeler: User, campaign: Campaign | None) -> Assignment | None:
    """Look again while the only tasks left are locked: whoever holds them may leave a slot, or the last one."""
    for _ in range(PATIENCE):
        claimed = _claim(session, labeler, campaign, {"anyway": True})
        if claimed is not None or not _something_waits(session, labeler, campaign):
            return claimed
        time.sleep(PAUSE_SECONDS)
    return None


def _something_waits(session: Session, labeler: User, campaign: Campaign | None) -> bool:
    seen = exists().where(Assignment.labeler_id == labeler.id, Assignment.task_id == Task.id)
    query = (
        select(Task.id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(*open_to(labeler), Task.remaining > 0, ~Task.set_aside, Task.purpose.not_in(CHECKS), ~seen)
    )
    if campaign is not None:
        query = query.where(Campaign.id == campaign.id)
    return session.scalar(query.limit(1)) is not None


def _resume_expired(session: Session, labeler: User, campaign: Campaign | None) -> Assignment | None:
    """Work that the labeler left too long and nobody else took up meanwhile: the newest, with its draft."""
    query = (
        select(Assignment)
        .join(Task, Task.id == Assignment.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(Assignment.labeler_id == labeler.id, Assignment.state == AssignmentState.EXPIRED)
        .where(*open_to(labeler), Task.remaining > 0, ~Task.set_aside)
        .order_by(Assignment.id.desc())
        .limit(1)
        .with_for_update(of=Assignment, skip_locked=True)
    )
    if campaign is not None:
        query = query.where(Campaign.id == campaign.id)
    found = session.scalar(query)
    return found if found is not None and _lease_again(session, found) else None


def _lease_again(session: Session, assignment: Assignment) -> bool:
    if not _take_slot(session, assignment.task_id):
        return False
    assignment.state = AssignmentState.LEASED
    _move_deadline(session, assignment)
    session.flush()
    return True


def _take_slot(session: Session, task_id: int) -> bool:
    taking = update(Task).where(Task.id == task_id, Task.remaining > 0).values(remaining=Task.remaining - 1)
    return session.scalar(taking.returning(Task.id)) is not None


def _move_deadline(session: Session, assignment: Assignment) -> None:
    minutes = select(Campaign.lease_minutes).join(Task, Task.campaign_id == Campaign.id)
    lease = timedelta(minutes=session.scalars(minutes.where(Task.id == assignment.task_id)).one())
    assignment.heartbeat_at = clock.now()
    assignment.deadline = assignment.heartbeat_at + lease
