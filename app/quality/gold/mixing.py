"""Which task comes next where known answers and repeats are mixed in: decided as an answer is sent.

Each labeler has blocks of answers of their own, one over the rate long, and gets one known answer at a random place in
each, so the rate holds for whoever comes late as well. What was drawn is leased to the labeler at once, exactly as a
claim would: the same order of numbers, the same page, the same columns.
"""

from random import Random, SystemRandom

from sqlalchemy import Exists, Select, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app import clock
from app.accounts.models import User
from app.annotations.models import Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignMember
from app.campaigns.queries import open_to
from app.quality.gold.answers import check_task
from app.quality.gold.models import RepeatedTask, Watch
from app.tasks.leasing import open_lease
from app.tasks.models import Assignment, Purpose, Task

FORGOTTEN_AFTER = 20  # answers, before one of them is asked for again
REMEMBERED = 200

CHANCE: Random = SystemRandom()

# A free slot where somebody gave one back, else a new one, which nobody else ever sees.
LEASE = text("""
    WITH slot AS (
        UPDATE tasks SET overlap = overlap + CASE WHEN remaining > 0 THEN 0 ELSE 1 END,
                         remaining = greatest(remaining - 1, 0)
        WHERE id = :task
        RETURNING id, campaign_id
    )
    INSERT INTO assignments (task_id, labeler_id, shown_order, heartbeat_at, deadline)
    SELECT
        slot.id,
        :labeler,
        ARRAY(SELECT completion_id FROM task_completions WHERE task_id = slot.id ORDER BY random()),
        :now,
        CAST(:now AS timestamptz) + make_interval(mins => CAST(campaigns.lease_minutes AS int))
    FROM slot JOIN campaigns ON campaigns.id = slot.campaign_id
    RETURNING assignments.*
""")


def next_check(
    session: Session, labeler: User, campaign: Campaign, annotation: Annotation, chance: Random = CHANCE
) -> Assignment | None:
    """After an answer: the lease on a known answer or a repeat where one is due, else None. Revisions count as nothing.

    Where nothing is mixed in this asks the database nothing.
    """
    if not campaign.mixes_in or annotation.revision > 1 or annotation.kind is AnnotationKind.SKIP:
        return None
    watch = _count(session, campaign, labeler)
    task = _training(session, labeler, campaign) or _due(session, labeler, campaign, watch, chance)
    if task is None or not _may_work(session, labeler, campaign) or open_lease(session, labeler):
        return None
    return _lease(session, labeler, task)


def begin_training(session: Session, labeler: User, campaign: Campaign | None = None) -> Assignment | None:
    """Whoever begins in a campaign that trains gets its training tasks first."""
    query = _training_tasks(labeler)
    if campaign is not None:
        query = query.where(Task.campaign_id == campaign.id)
    task = session.scalars(query.order_by(Campaign.priority.desc(), Task.position).limit(1)).one_or_none()
    if task is None or open_lease(session, labeler):
        return None
    return _lease(session, labeler, task)


def _count(session: Session, campaign: Campaign, labeler: User) -> Watch:
    row = insert(Watch).values(campaign_id=campaign.id, labeler_id=labeler.id, answered=1)
    counted = row.on_conflict_do_update(
        index_elements=[Watch.campaign_id, Watch.labeler_id], set_={"answered": Watch.answered + 1}
    )
    refreshed = counted.returning(Watch).execution_options(populate_existing=True)
    return session.scalars(refreshed).one()


def _training(session: Session, labeler: User, campaign: Campaign) -> Task | None:
    if not campaign.trains:
        return None
    query = _training_tasks(labeler).where(Task.campaign_id == campaign.id)
    return session.scalars(query.order_by(Task.position).limit(1)).one_or_none()


def _training_tasks(labeler: User) -> Select[Task]:
    return (
        select(Task)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(*open_to(labeler), Campaign.trains, Task.purpose == Purpose.TRAINING, ~Task.set_aside)
        .where(~_had(labeler))
    )


def _due(session: Session, labeler: User, campaign: Campaign, watch: Watch, chance: Random) -> Task | None:
    """`golds` and `repeats` count the blocks in which one was given."""
    if _is_drawn(watch.answered, watch.golds, campaign.gold_rate, chance):
        watch.golds = watch.answered // _block(campaign.gold_rate) + 1
        if gold := _unseen_gold(session, labeler, campaign):
            return gold
    if _is_drawn(watch.answered, watch.repeats, campaign.repeat_rate, chance):
        watch.repeats = watch.answered // _block(campaign.repeat_rate) + 1
        return _repeat(session, labeler, campaign)
    return None


def _block(rate: float) -> int:
    return max(round(1 / rate), 2)


def _is_drawn(answered: int, settled: int, rate: float, chance: Random) -> bool:
    """Whether the task after so many answers is the one of its block: each place that is left is as likely."""
    if rate <= 0:
        return False
    block, place = divmod(answered, _block(rate))
    return settled <= block and chance.random() < 1 / (_block(rate) - place)


def _unseen_gold(session: Session, labeler: User, campaign: Campaign) -> Task | None:
    """Any whose prompt this labeler has not had, under whichever purpose."""
    seen = aliased(Task)
    had = exists().where(
        seen.prompt_id == Task.prompt_id, Assignment.task_id == seen.id, Assignment.labeler_id == labeler.id
    )
    query = select(Task).where(
        Task.campaign_id == campaign.id, Task.purpose == Purpose.GOLD, ~Task.set_aside, ~had.correlate(Task)
    )
    return session.scalar(query.order_by(func.random()).limit(1))


def _had(labeler: User) -> Exists:
    return exists().where(Assignment.task_id == Task.id, Assignment.labeler_id == labeler.id).correlate(Task)


def _repeat(session: Session, labeler: User, campaign: Campaign) -> Task | None:
    """One of the labeler's own real tasks, some answers ago, that was not asked again yet."""
    asked = exists().where(RepeatedTask.original_id == Annotation.assignment_id)
    own = (
        select(Annotation.assignment_id, Annotation.task_id)
        .join(Task, Task.id == Annotation.task_id)
        .where(
            Annotation.labeler_id == labeler.id,
            Task.campaign_id == campaign.id,
            Task.purpose == Purpose.REAL,
            Annotation.current,
            Annotation.kind == AnnotationKind.RANKING,
            ~asked,
        )
        .order_by(Annotation.created_at.desc())
        .offset(FORGOTTEN_AFTER)
        .limit(REMEMBERED)
        .subquery()
    )
    found = session.execute(select(own).order_by(func.random()).limit(1)).one_or_none()
    if found is None:
        return None
    repeated = check_task(session, session.get_one(Task, found.task_id), Purpose.REPEAT)
    session.add(RepeatedTask(task_id=repeated.id, original_id=found.assignment_id))
    session.flush()
    return repeated


def _may_work(session: Session, labeler: User, campaign: Campaign) -> bool:
    member = select(CampaignMember.user_id).join(Campaign, Campaign.id == CampaignMember.campaign_id)
    return session.scalar(member.where(*open_to(labeler), Campaign.id == campaign.id)) is not None


def _lease(session: Session, labeler: User, task: Task) -> Assignment:
    values = {"task": task.id, "labeler": labeler.id, "now": clock.now()}
    leased: Assignment = session.scalars(select(Assignment).from_statement(LEASE), values).one()
    session.expire(task, ["overlap", "remaining"])
    if task.purpose is Purpose.REPEAT:
        _show_anew(session, leased, task)
    return leased


def _show_anew(session: Session, leased: Assignment, task: Task) -> None:
    """In another order than the first time."""
    first = session.get_one(Assignment, session.get_one(RepeatedTask, task.id).original_id)
    if leased.shown_order == first.shown_order:
        leased.shown_order = leased.shown_order[::-1]
        session.flush()
