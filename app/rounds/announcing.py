"""What others are told of a round, in the transaction in which it happens."""

from sqlalchemy.orm import Session

from app.notifications.models import EventKind
from app.notifications.outbox import announce
from app.projects.models import Project
from app.rounds.models import Round, RoundApproval, RoundState


def announce_state(session: Session, current: Round) -> None:
    """That it is finished, or failed; nobody waits to hear of other states. Resumed it may fail again."""
    if current.state is RoundState.FINISHED:
        _announce(session, current, EventKind.ROUND_FINISHED, str(current.id), "/report")
    elif current.state is RoundState.FAILED:
        key = f"{current.id}/{current.finished_at}"
        _announce(session, current, EventKind.ROUND_FAILED, key, error=current.error or "")


def announce_approval_asked(session: Session, current: Round, asked: RoundApproval) -> None:
    """Its samples wait until somebody has looked at them; sampled again they wait again."""
    path = f"/samples?asked={asked.id}"
    _announce(session, current, EventKind.ROUND_AWAITS_APPROVAL, str(asked.id), path)


def _announce(session: Session, current: Round, kind: EventKind, key: str, path: str = "", **facts: str) -> None:
    project = session.get_one(Project, current.project_id)
    announce(session, kind, project, key, f"/rounds/{current.id}{path}", round=current.number, **facts)
