"""Events: a fact is told in the transaction that makes it, to everybody who asked, and once.

What is rolled back was never told: the event, its deliveries and the jobs that carry them all go with it. Nothing is
sent while a transaction is open. A worker killed between sending and noting sends again: receivers know a repeated
delivery by its `webhook-id`, mail readers by its `Message-ID`.
"""

import random
from secrets import token_hex

from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import jobs
from app.accounts.models import Role, User
from app.config import settings
from app.db import transaction
from app.errors import DomainError, message
from app.notifications.attempts import attempt, note, parcel_of
from app.notifications.models import Delivery, Event, EventKind, MailWish, Webhook
from app.projects.models import Project

LONGEST = 500  # characters of a fact: errors may be long
TOLD_BY_MAIL = (Role.RESEARCHER, Role.ADMIN)
DELIVER = "notifications.deliver"
# Seconds: the schedule that Standard Webhooks recommends, a little over three days in all.
PAUSES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
SPREAD = 0.1  # of a pause, at random, so that what failed together does not come back together


class NotDelivered(DomainError):
    sentence = message("Not delivered: {reason}")


def announce(
    session: Session, kind: EventKind, project: Project, key: str, path: str, **facts: str | int
) -> Event | None:
    """`key` names the fact; None where it was told before. `path`: of the page to look at."""
    event = record(session, kind, project, f"{kind}/{key}", path, **facts)
    if event is not None:
        for delivery in (*_to_webhooks(session, project, event), *_to_people(session, event)):
            send(session, delivery)
    return event


def record(
    session: Session, kind: EventKind, project: Project | None, key: str, path: str, **facts: str | int
) -> Event | None:
    """An event that nobody is told of yet; None where it is there already."""
    said = {name: fact[:LONGEST] if isinstance(fact, str) else fact for name, fact in facts.items()}
    if project is not None:
        said["project"] = project.name
    values = {
        "message_id": f"msg_{token_hex(16)}",
        "kind": kind,
        "project_id": project.id if project else None,
        "key": key,
        "facts": said,
        "path": path,
    }
    written = insert(Event).values(values).on_conflict_do_nothing(index_elements=["key"]).returning(Event)
    return session.scalars(written).one_or_none()


def send(session: Session, delivery: Delivery) -> None:
    """Put it on its way when the transaction commits."""
    session.add(delivery)
    session.flush()
    jobs.defer(session, DELIVER, delivery=delivery.id)


def _to_webhooks(session: Session, project: Project, event: Event) -> list[Delivery]:
    asked = select(Webhook.id).where(
        Webhook.project_id == project.id, Webhook.active, Webhook.events.contains([event.kind.value])
    )
    return [Delivery(event_id=event.id, webhook_id=number) for number in session.scalars(asked)]


def _to_people(session: Session, event: Event) -> list[Delivery]:
    if not settings().sends_mail:
        return []
    wishing = (
        select(User.id)
        .join(MailWish, MailWish.user_id == User.id)
        .where(MailWish.kind == event.kind, User.active, User.role.in_(TOLD_BY_MAIL), User.email.is_not(None))
    )
    return [Delivery(event_id=event.id, user_id=number) for number in session.scalars(wishing)]


class GrowingPauses(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        del exception
        if job.attempts >= len(PAUSES):
            return None
        seconds = PAUSES[job.attempts] * random.uniform(1, 1 + SPREAD)
        return RetryDecision(retry_in={"seconds": round(seconds)})


@jobs.task(name=DELIVER, retry=GrowingPauses(), pass_context=True)
def deliver(context: JobContext, delivery: int) -> None:
    """Raises `NotDelivered` where it is to be tried again."""
    engine = jobs.engine_of(context)
    with transaction(engine) as session:
        parcel = parcel_of(session, delivery)
    if parcel is None:
        return
    result = attempt(settings(), parcel)
    with transaction(engine) as session:
        noted = note(session, delivery, result, is_last=context.job.attempts >= len(PAUSES))
        if noted.switched_off:
            _tell_of(session, noted.switched_off)
    if not noted.is_over:
        raise NotDelivered(reason=result.error)


def _tell_of(session: Session, webhook: Webhook) -> None:
    """Its own deliveries end here; other webhooks and people hear of it."""
    project = session.get_one(Project, webhook.project_id)
    path, key = f"/projects/{project.id}/webhooks/{webhook.id}", f"{webhook.id}/{token_hex(8)}"
    kind, failures = EventKind.WEBHOOK_DISABLED, webhook.failures
    announce(session, kind, project, key, path, url=webhook.url, failures=failures)
