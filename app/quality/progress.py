"""How far a campaign is, in slots and by labeler."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.conditions import by_its_labeler
from app.campaigns.models import Campaign
from app.tasks.models import CHECKS, Assignment, AssignmentState, Task


@dataclass(frozen=True)
class Progress:
    """`slots` answers are asked for: `done` are there, `leased` on a desk, `open` to be handed out.

    Known answers and repeats are not among them. `set_aside` counts tasks, `surplus` the answers that came after their
    slot was filled.
    """

    tasks: int
    slots: int
    done: int
    leased: int
    open: int
    set_aside: int
    surplus: int


@dataclass(frozen=True)
class Share:
    """One labeler's part in a campaign, without known answers and repeats; `seconds` is the mean active time of an
    answer."""

    labeler: User
    done: int
    skipped: int
    surplus: int
    seconds: float | None


def progress_of(session: Session, campaign: Campaign, shares: Sequence[Share]) -> Progress:
    """`shares` are the campaign's (`shares_in`), so that its answers are gone through once."""
    slots = select(
        func.count(),
        func.coalesce(func.sum(Task.overlap), 0),
        func.coalesce(func.sum(Task.remaining).filter(~Task.set_aside), 0),
        func.count().filter(Task.set_aside & (Task.remaining > 0)),
    ).where(Task.campaign_id == campaign.id, Task.purpose.not_in(CHECKS))
    tasks, asked, waiting, set_aside = session.execute(slots).one()
    leases = select(func.count()).select_from(Assignment).join(Task, Task.id == Assignment.task_id)
    leased = session.scalars(
        leases.where(
            Task.campaign_id == campaign.id, Task.purpose.not_in(CHECKS), Assignment.state == AssignmentState.LEASED
        )
    ).one()
    done, surplus = sum(share.done for share in shares), sum(share.surplus for share in shares)
    return Progress(tasks, int(asked), done, leased, int(waiting), set_aside, surplus)


def shares_in(session: Session, campaign: Campaign) -> list[Share]:
    """Most work first."""
    answered = Annotation.kind != AnnotationKind.SKIP
    work = (
        select(
            Annotation.labeler_id,
            func.count().filter(answered & ~Annotation.surplus).label("done"),
            func.count().filter(~answered).label("skipped"),
            func.count().filter(answered & Annotation.surplus).label("surplus"),
            func.avg(Annotation.seconds).filter(answered).label("seconds"),
        )
        .join(Task, Task.id == Annotation.task_id)
        .where(Task.campaign_id == campaign.id, Task.purpose.not_in(CHECKS), Annotation.current, by_its_labeler())
        .group_by(Annotation.labeler_id)
        .subquery()
    )
    query = (
        select(User, work.c.done, work.c.skipped, work.c.surplus, work.c.seconds)
        .join(work, work.c.labeler_id == User.id)
        .order_by(work.c.done.desc(), User.name)
    )
    return [Share(*row) for row in session.execute(query)]
