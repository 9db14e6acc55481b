"""Looking after labelers: what is noticed is kept, and who must be stopped is paused. Nothing here slows a submission.

Every minute a job looks at whoever has ranked something since it last did, in campaigns that are open.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from procrastinate import JobContext
from sqlalchemy import Engine, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import clock, jobs
from app.accounts.models import User
from app.annotations.models import Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignMember, CampaignState
from app.db import transaction
from app.quality.gold.models import Level, Sign, Watch
from app.quality.gold.scoring import keep_scores
from app.quality.membership import pause
from app.quality.signs.answers import answers_of
from app.quality.signs.findings import Finding, Thresholds
from app.quality.signs.sign import findings
from app.tasks.models import Purpose, Task

IN_FLIGHT = timedelta(seconds=10)  # an answer may become visible so long after the moment it carries
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@jobs.periodic(cron="* * * * *")
@jobs.task(name="quality.watch_labelers", queueing_lock="quality.watch_labelers", pass_context=True)
def watch_labelers(context: JobContext, timestamp: int) -> None:
    del timestamp
    look_at_all(jobs.engine_of(context))


def look_at_all(engine: Engine) -> int:
    """A transaction for each labeler in each campaign; returns how many."""
    with transaction(engine) as session:
        waiting = unwatched(session)
    for campaign_id, labeler_id in waiting:
        with transaction(engine) as session:
            look_at(session, session.get_one(Campaign, campaign_id), session.get_one(User, labeler_id))
    return len(waiting)


def unwatched(session: Session) -> list[tuple[int, int]]:
    """The numbers of open campaigns with their labelers who have ranked something since the last look."""
    answered = exists().where(
        Annotation.labeler_id == CampaignMember.user_id,
        Annotation.kind == AnnotationKind.RANKING,
        Annotation.created_at > func.coalesce(Watch.looked_at, NEVER),
        Task.id == Annotation.task_id,
        Task.campaign_id == CampaignMember.campaign_id,
        Task.purpose != Purpose.SCREENING,
    )
    query = (
        select(CampaignMember.campaign_id, CampaignMember.user_id)
        .join(Campaign, Campaign.id == CampaignMember.campaign_id)
        .outerjoin(
            Watch, (Watch.campaign_id == CampaignMember.campaign_id) & (Watch.labeler_id == CampaignMember.user_id)
        )
        .where(Campaign.state == CampaignState.OPEN, answered)
        .order_by(CampaignMember.campaign_id, CampaignMember.user_id)
    )
    return [(campaign_id, labeler_id) for campaign_id, labeler_id in session.execute(query)]


def look_at(session: Session, campaign: Campaign, labeler: User) -> list[Finding]:
    """Score what was answered to checks, keep the signs that are raised, pause where one says so."""
    watch = _watch(session, campaign, labeler)
    watch.looked_at = clock.now() - IN_FLIGHT
    answers = answers_of(session, campaign.id, labeler.id, watch.since)
    keep_scores(session, campaign.id, answers)
    found = findings(answers, Thresholds(campaign.warn_below, campaign.pause_below))
    _keep(session, campaign, labeler, [each for each in found if each.level is not None])
    if any(each.level is Level.PAUSE for each in found):
        pause(session, campaign, labeler)
    session.flush()
    return found


def begin_anew(session: Session, campaign: Campaign, labeler: User) -> None:
    """A researcher has dealt with what was noticed: it is forgotten, and only answers from now on are looked at."""
    session.execute(delete(Sign).where(Sign.campaign_id == campaign.id, Sign.labeler_id == labeler.id))
    _watch(session, campaign, labeler).since = clock.now()
    session.flush()


def _watch(session: Session, campaign: Campaign, labeler: User) -> Watch:
    """Locked, so that two looks follow each other."""
    row = insert(Watch).values(campaign_id=campaign.id, labeler_id=labeler.id).on_conflict_do_nothing()
    session.execute(row)
    return session.get_one(Watch, (campaign.id, labeler.id), with_for_update=True, populate_existing=True)


def _keep(session: Session, campaign: Campaign, labeler: User, raised: Sequence[Finding]) -> None:
    """What was raised before stays, with the figures of today; a pause does not become a warning again."""
    query = select(Sign).where(Sign.campaign_id == campaign.id, Sign.labeler_id == labeler.id)
    before = {sign.kind: sign for sign in session.scalars(query)}
    for found in raised:
        sign = before.get(found.kind) or Sign(campaign_id=campaign.id, labeler_id=labeler.id, kind=found.kind)
        sign.level = Level.PAUSE if Level.PAUSE in (sign.level, found.level) else Level.WARNING
        sign.evidence, sign.observed, sign.expected = found.evidence, found.observed, found.expected
        sign.looked_at, sign.tasks, sign.other_id = found.looked_at, list(found.tasks), found.other
        session.add(sign)
