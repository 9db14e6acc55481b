"""What an admin decides about an attempt: admitted, refused, or to be taken again."""

from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.errors import DomainError, InvalidInput, message
from app.quality.membership import admit_to_open_campaigns
from app.quality.screening.gate import shut_out_unscreened
from app.quality.screening.models import Attempt, AttemptState, Screening

LONGEST_REASON = 1_000


class NotYetJudged(DomainError):
    sentence = message("This attempt is not finished, so nothing can be decided about it.")


class ReasonNeeded(DomainError):
    status = InvalidInput.status
    sentence = message("Say why: somebody may ask later.")


def admit_candidate(session: Session, attempt: Attempt, by: User, reason: str = "") -> int:
    """Into the project's open campaigns of their cohort; returns how many. An admission in spite of a failure says why.

    Raises `NotYetJudged`, `ReasonNeeded`.
    """
    _expect_judged(session, attempt)
    if not reason.strip() and attempt.state is not AttemptState.PASSED:
        raise ReasonNeeded
    _decide(attempt, AttemptState.ADMITTED, by, reason)
    session.flush()
    screening = session.get_one(Screening, attempt.screening_id)
    return admit_to_open_campaigns(session, screening.project_id, session.get_one(User, attempt.labeler_id))


def refuse_candidate(session: Session, attempt: Attempt, by: User, reason: str) -> None:
    """Also takes an admission back. Raises `NotYetJudged`, `ReasonNeeded`."""
    _expect_judged(session, attempt)
    if not reason.strip():
        raise ReasonNeeded
    _decide(attempt, AttemptState.REFUSED, by, reason)
    attempt.retake_from = None
    session.flush()
    shut_out_unscreened(session, session.get_one(Screening, attempt.screening_id))


def allow_retake(session: Session, attempt: Attempt) -> None:
    """From now on. Raises `NotYetJudged` where the attempt neither failed nor was refused."""
    session.refresh(attempt, with_for_update=True)
    if attempt.state not in (AttemptState.FAILED, AttemptState.REFUSED):
        raise NotYetJudged
    attempt.retake_from = clock.now()
    session.flush()


def _expect_judged(session: Session, attempt: Attempt) -> None:
    session.refresh(attempt, with_for_update=True)
    if attempt.is_under_way:
        raise NotYetJudged


def _decide(attempt: Attempt, state: AttemptState, by: User, reason: str) -> None:
    attempt.state, attempt.decided_at, attempt.decided_by_id = state, clock.now(), by.id
    attempt.reason = reason.strip()[:LONGEST_REASON] or None
