"""What the desk says beside the task: how far one is, what looks like a slip, and the way to what was sent last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.annotations.checks import Circumstances, Doubt, doubts_about, doubts_about_text
from app.annotations.models import Annotation
from app.annotations.queries import judged_outputs, last_submission, today_and_in
from app.annotations.service import current_annotation
from app.annotations.submissions import Demonstration, Judgement
from app.completions.models import Completion
from app.projects.forms import RatingForm
from app.tasks.leasing import open_lease
from app.tasks.models import AssignmentState
from app.tasks.queries import Desk

UNDO_OFFERED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class ShownProgress:
    """Tasks done and minutes at work, today and in this campaign."""

    done_today: int
    minutes_today: int
    done_here: int
    minutes_here: int


class Doubted(Exception):
    """Before it is taken, the labeler is asked about it."""

    def __init__(self, doubts: list[Doubt]) -> None:
        self.doubts = doubts
        super().__init__("; ".join(doubt.sentence for doubt in doubts))


@dataclass(frozen=True)
class Insistence:
    """What the labeler says to doubts: submit in any case, or the names of those that were answered before."""

    idempotency_key: str
    confirmed: bool
    asked: frozenset[str]
    seconds: float


def guidance(session: Session, labeler: User, desk: Desk) -> dict[str, Any]:
    """For the desk's templates."""
    today, here = today_and_in(session, labeler, midnight(), desk.campaign)
    return {
        "progress": ShownProgress(today.done, today.minutes, here.done, here.minutes),
        "task_number": today.done + 1,
        "undo_url": undo_url(session, labeler, desk),
        "back_url": back_url(session, labeler) if desk.assignment.state is AssignmentState.SUBMITTED else "/tasks",
    }


def midnight() -> datetime:
    """The start of the day by the server's clock, in UTC."""
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def undo_url(session: Session, labeler: User, desk: Desk) -> str | None:
    """Where the last submission is revised, offered on the desk of the task after it."""
    if desk.assignment.state is AssignmentState.SUBMITTED:
        return None
    last = last_submission(session, labeler, clock.now() - UNDO_OFFERED_FOR)
    return f"/assignments/{last.assignment_id}?undo=1" if last else None


def back_url(session: Session, labeler: User) -> str:
    """From a revision to the task that was on the desk."""
    begun = open_lease(session, labeler)
    return f"/assignments/{begun.id}" if begun else "/tasks"


def ask_about(
    session: Session, desk: Desk, work: Judgement | Demonstration, form: RatingForm, said: Insistence
) -> None:
    """Raises `Doubted` for what looks like a slip and was not asked about yet."""
    revising = desk.assignment.state is AssignmentState.SUBMITTED
    before = current_annotation(session, desk.assignment) if revising else None
    if said.confirmed or (before and before.idempotency_key == said.idempotency_key):
        return
    if isinstance(work, Demonstration):
        doubts = doubts_about_text(work, _text_before(session, before) if before else None)
    else:
        judged = _judged_before(session, desk, before) if before else None
        doubts = doubts_about(work, form, Circumstances(_words_on(desk), said.seconds, judged))
    new = [doubt for doubt in doubts if doubt.name not in said.asked]
    if new:
        raise Doubted(new)


def _words_on(desk: Desk) -> int:
    messages = desk.prompt.messages if desk.prompt else []
    texts = [message["content"] for message in messages] + [output.text or "" for output in desk.outputs]
    return sum(len(text.split()) for text in texts)


def _judged_before(session: Session, desk: Desk, before: Annotation) -> Judgement:
    outputs = judged_outputs(session, [before]).get(before.id, {})
    judged = [outputs[output.id] for output in desk.outputs if output.id in outputs]
    return Judgement(tuple(each.rank for each in judged), tuple(each.ratings for each in judged), before.prompt_ratings)


def _text_before(session: Session, before: Annotation) -> Demonstration | None:
    if before.completion_id is None:
        return None
    text = session.get_one(Completion, before.completion_id).text or ""
    return Demonstration(text, before.prompt_ratings)
