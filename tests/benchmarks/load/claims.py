"""What a claim costs the database, and a campaign brought to any stage of being done."""

import time
from statistics import median

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember
from app.tasks.leasing import claim_next_task
from tests.benchmarks.load.filling import tidy

CLAIMS = 400
UNMEASURED = 20  # at first, while plans and pages are fetched

# The tasks that come first are answered first, each by `overlap` labelers in turn.
FINISH = text("""
    WITH members AS (
        SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS place, count(*) OVER () AS many
        FROM campaign_members WHERE campaign_id = :campaign
    ), chosen AS (
        SELECT id, remaining, row_number() OVER (ORDER BY position) AS place FROM tasks
        WHERE campaign_id = :campaign AND remaining > 0
        ORDER BY position
        LIMIT greatest(0, CAST(:share * (SELECT count(*) FROM tasks WHERE campaign_id = :campaign) AS bigint)
            - (SELECT count(*) FROM tasks WHERE campaign_id = :campaign AND remaining = 0))
    ), answered AS (
        INSERT INTO assignments (task_id, labeler_id, state, shown_order, deadline)
        SELECT chosen.id, members.user_id, 'submitted',
               ARRAY(SELECT completion_id FROM task_completions WHERE task_id = chosen.id), now()
        FROM chosen
        CROSS JOIN LATERAL generate_series(1, chosen.remaining) AS turn
        JOIN members ON members.place = (chosen.place + turn) % members.many
        ON CONFLICT DO NOTHING
    )
    UPDATE tasks SET remaining = 0 FROM chosen WHERE tasks.id = chosen.id
""")


def finish(engine: Engine, campaign: int, share: float) -> None:
    """Bring the campaign to where this share of its tasks is done."""
    with engine.begin() as connection:
        connection.execute(FINISH, {"campaign": campaign, "share": share})
    tidy(engine)


def claim_milliseconds(engine: Engine, number: int) -> float:
    """The median of many claims, by its members in turn, each as the desk makes it and undone again."""
    with Session(engine) as session:
        campaign = session.get_one(Campaign, number)
        at_work = CampaignMember.campaign_id == number, ~CampaignMember.paused
        query = select(User).join(CampaignMember).where(*at_work).order_by(User.id)
        members = session.scalars(query).all()
        session.execute(text("UPDATE assignments SET state = 'submitted' WHERE state IN ('leased', 'expired')"))
        times = [_timed_claim(session, members[turn % len(members)], campaign) for turn in range(CLAIMS)]
        session.rollback()
    return 1000 * median(times[UNMEASURED:])


def _timed_claim(session: Session, labeler: User, campaign: Campaign) -> float:
    with session.begin_nested() as savepoint:
        started = time.perf_counter()
        claimed = claim_next_task(session, labeler, campaign)
        seconds = time.perf_counter() - started
        assert claimed is not None, "no task left to claim"
        savepoint.rollback()
    return seconds
