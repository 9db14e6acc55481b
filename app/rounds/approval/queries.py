"""What is known about approvals: what waits for one, and what there is to see."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.completions.models import Completion
from app.db import among
from app.errors import NotFound
from app.prompts.models import Prompt
from app.rounds.approval.deciding import NothingToApprove
from app.rounds.approval.seen import Row, Seen
from app.rounds.models import ApprovalState, Round, RoundApproval


@dataclass(frozen=True)
class Asked:
    """A question, and who answered it where somebody did in a browser."""

    approval: RoundApproval
    by: User | None


@dataclass(frozen=True)
class Texts:
    """Of the rows of a table: prompts by number, and outputs as they were written by number."""

    prompts: dict[int, Prompt]
    outputs: dict[int, str]


def approvals_of(session: Session, found: Round) -> list[Asked]:
    """Newest first."""
    query = (
        select(RoundApproval, User)
        .outerjoin(User, User.id == RoundApproval.decided_by_id)
        .where(RoundApproval.round_id == found.id)
        .order_by(RoundApproval.id.desc())
    )
    return [Asked(approval, by) for approval, by in session.execute(query)]


def approval_in(session: Session, found: Round, number: int) -> RoundApproval:
    """Raises `NotFound`."""
    approval = session.get(RoundApproval, number)
    if approval is None or approval.round_id != found.id:
        raise NotFound(what="approval", number=number)
    return approval


def asked_now(session: Session, found: Round) -> RoundApproval:
    """Raises `NothingToApprove`."""
    query = select(RoundApproval).where(RoundApproval.round_id == found.id, RoundApproval.state == ApprovalState.ASKED)
    asked = session.scalar(query.order_by(RoundApproval.id.desc()).limit(1))
    if asked is None:
        raise NothingToApprove(number=found.number)
    return asked


def seen_by(approval: RoundApproval) -> Seen:
    return Seen.model_validate(approval.seen)


def texts_of(session: Session, rows: Sequence[Row]) -> Texts:
    shown = [each.completion for row in rows for each in (row.ours, row.theirs) if each]
    prompts = session.scalars(select(Prompt).where(among(Prompt.id, [row.prompt for row in rows])))
    outputs = session.scalars(select(Completion).where(among(Completion.id, shown)))
    return Texts({each.id: each for each in prompts}, {each.id: each.text or "" for each in outputs})
