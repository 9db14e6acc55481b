"""A labeler's way through a screening: begun, finished, marked, passed or failed, and perhaps begun anew."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Origin, Role, User
from app.campaigns.models import Campaign
from app.errors import DomainError, InvalidInput, message
from app.quality.membership import admit
from app.quality.screening.marks import attempts_marked, mean_mark
from app.quality.screening.models import Attempt, AttemptState, Part, PartScore, Screening
from app.quality.screening.queries import latest_attempt, part_of_campaign, parts_of
from app.quality.screening.scores import Agreement, answered_in, flag_agreement, ranking_agreement
from app.quality.screening.sittings import parts_for_sitting
from app.tasks.models import Assignment, AssignmentState, Task
from app.translation import gettext as _

COMFORT = range(1, 5)  # not at all, a little, comfortable, very comfortable
COMFORTABLE = 3
SENT: Sequence[AssignmentState] = (AssignmentState.SUBMITTED, AssignmentState.SKIPPED)


class ScreeningClosed(DomainError):
    sentence = message("This qualification is not open just now.")


class NoRetakeYet(DomainError):
    sentence = message("You cannot take this qualification again yet.")


def may_begin(screening: Screening, last: Attempt | None) -> bool:
    """A first attempt while the screening is open, another one when the last allows it."""
    if not screening.is_open:
        return False
    if last is None:
        return True
    over = last.state in (AttemptState.FAILED, AttemptState.REFUSED)
    return over and last.retake_from is not None and last.retake_from <= clock.now()


def begin_attempt(session: Session, screening: Screening, labeler: User) -> Attempt:
    """Let the labeler into the screening's campaigns, or into copies of them where it is not the first time.

    Raises `ScreeningClosed`, `NoRetakeYet`. Two clicks begin one attempt.
    """
    session.refresh(screening, with_for_update=True)
    last = latest_attempt(session, screening, labeler)
    if last is not None and last.is_under_way:
        return last
    if not screening.is_open or labeler.role is not Role.LABELER or labeler.origin is Origin.IMPORTED:
        raise ScreeningClosed
    if not may_begin(screening, last):
        raise NoRetakeYet
    attempt = Attempt(screening_id=screening.id, labeler_id=labeler.id, number=last.number + 1 if last else 1)
    attempt.state = AttemptState.IN_PROGRESS
    session.add(attempt)
    session.flush()
    for campaign in parts_for_sitting(session, screening, attempt.number).values():
        admit(session, campaign, labeler)
    return attempt


def assess_oneself(session: Session, attempt: Attempt, comfort: Mapping[str, int]) -> None:
    """How comfortable the labeler is identifying sensitive content about each topic, 1 to 4.

    Raises `InvalidInput` where a topic is left out; once the attempt is over nothing changes.
    """
    session.refresh(attempt, with_for_update=True)
    if attempt.state is not AttemptState.IN_PROGRESS:
        return
    topics = session.get_one(Screening, attempt.screening_id).topics
    if any(comfort.get(topic) not in COMFORT for topic in topics):
        raise InvalidInput(reason=_("Please answer for each topic."))
    attempt.comfort = {topic: comfort[topic] for topic in topics}
    session.flush()
    advance(session, attempt)


def advance_of_task(session: Session, assignment: Assignment) -> None:
    """After something of a screening was submitted or skipped: it may have been the last."""
    task = session.get_one(Task, assignment.task_id)
    labeler = session.get_one(User, assignment.labeler_id)
    if attempt := _attempt_in(session, task, labeler):
        advance(session, attempt)


def advance(session: Session, attempt: Attempt) -> None:
    """Score what can be scored, once every task is answered and the topics are. Safe to call again."""
    session.refresh(attempt, with_for_update=True)
    screening = session.get_one(Screening, attempt.screening_id)
    unanswered = bool(screening.topics) and attempt.comfort is None
    if attempt.state is not AttemptState.IN_PROGRESS or unanswered or open_tasks(session, screening, attempt):
        return
    attempt.finished_at = session.scalar(select(func.clock_timestamp()))  # annotations are stamped by that clock too
    attempt.state = AttemptState.WAITING
    session.flush()
    parts = parts_of(session, screening, attempt.number)
    if campaign := parts.get(Part.FLAGS):
        found = flag_agreement(answered_in(session, campaign, attempt), screening.flags)
        _keep(session, attempt, Part.FLAGS, found, screening.flags_cutoff)
    if campaign := parts.get(Part.RANKINGS):
        found = ranking_agreement(answered_in(session, campaign, attempt))
        _keep(session, attempt, Part.RANKINGS, found, screening.rankings_cutoff)
    if screening.needed_topics:
        _keep(session, attempt, Part.SELF_ASSESSMENT, needed_comfort(screening, attempt), 1.0)
    settle(session, attempt)


def settle(session: Session, attempt: Attempt) -> None:
    """Passed or failed, where no demonstration waits for its mark any more."""
    screening = session.get_one(Screening, attempt.screening_id)
    if campaign := parts_of(session, screening, attempt.number).get(Part.DEMONSTRATIONS):
        found = mean_mark(session, campaign, attempt)
        if found is None:
            return
        _keep(session, attempt, Part.DEMONSTRATIONS, found, screening.demonstrations_cutoff)
    scores = session.scalars(select(PartScore).where(PartScore.attempt_id == attempt.id)).all()
    passed = all(score.is_enough for score in scores)
    attempt.state = AttemptState.PASSED if passed else AttemptState.FAILED
    if not passed and screening.retake_days is not None:
        attempt.retake_from = clock.now() + timedelta(days=screening.retake_days)
    session.flush()


def mark_demonstrations(session: Session, screening: Screening, marks: Mapping[int, int], reviewer: User) -> int:
    """Marks of 1 to 7 by annotation id; attempts that waited for nothing else are settled. Returns how many were."""
    attempts = attempts_marked(session, screening, marks, reviewer)
    for attempt in attempts:
        settle(session, attempt)
    return sum(not attempt.is_under_way for attempt in attempts)


def needed_comfort(screening: Screening, attempt: Attempt) -> Agreement:
    """The share of the needed topics in which they feel at least comfortable."""
    said = attempt.comfort or {}
    enough = [said.get(topic, 0) >= COMFORTABLE for topic in screening.needed_topics]
    return Agreement(sum(enough) / len(enough), len(enough))


def open_tasks(session: Session, screening: Screening, attempt: Attempt) -> bool:
    """Whether a task is left that the labeler neither answered nor skipped."""
    campaigns = [campaign.id for campaign in parts_of(session, screening, attempt.number).values()]
    done = exists().where(
        Assignment.task_id == Task.id, Assignment.labeler_id == attempt.labeler_id, Assignment.state.in_(SENT)
    )
    left = select(Task.id).where(Task.campaign_id.in_(campaigns), ~Task.set_aside, ~done)
    return session.scalar(left.limit(1)) is not None


def _attempt_in(session: Session, task: Task, labeler: User) -> Attempt | None:
    part = part_of_campaign(session, session.get_one(Campaign, task.campaign_id))
    if part is None:
        return None
    query = select(Attempt).where(Attempt.screening_id == part.screening_id, Attempt.labeler_id == labeler.id)
    return session.scalar(query.where(Attempt.number == part.sitting))


def _keep(session: Session, attempt: Attempt, part: Part, found: Agreement, cutoff: float) -> None:
    """Where there was nothing to compare, as all of its tasks were withdrawn, the part decides nothing."""
    if found.compared:
        session.add(
            PartScore(attempt_id=attempt.id, part=part, score=found.value, cutoff=cutoff, rests_on=found.compared)
        )
        session.flush()
