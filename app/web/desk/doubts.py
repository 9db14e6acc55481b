"""What looks like a slip in what was sent from the desk is asked about, once, before it is taken."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.annotations.checks import (
    Circumstances,
    Doubt,
    doubts_about,
    doubts_about_prompt,
    doubts_about_text,
    may_be_hurried,
)
from app.annotations.models import Annotation
from app.annotations.queries import judged_outputs, prompts_written_before
from app.annotations.service import current_annotation
from app.annotations.submissions import Demonstration, Judgement
from app.annotations.written import as_written
from app.completions.models import Completion
from app.projects.forms import RatingForm
from app.prompts.models import Prompt
from app.prompts.writing import WrittenPrompt
from app.tasks.models import AssignmentState
from app.tasks.queries import Desk


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

    def covers(self, before: Annotation | None) -> bool:
        """Whether nothing is to be asked: confirmed, or the very page that `before` was made from."""
        return self.confirmed or (before is not None and before.idempotency_key == self.idempotency_key)


def ask_about_text(session: Session, desk: Desk, written: Demonstration, said: Insistence) -> None:
    """Raises `Doubted` for what looks like a slip and was not asked about yet, as the others here."""
    before = _revised(session, desk)
    if not said.covers(before):
        _ask(doubts_about_text(written, _text_before(session, before) if before else None), said)


def ask_about_judgement(session: Session, desk: Desk, judgement: Judgement, form: RatingForm, said: Insistence) -> None:
    before = _revised(session, desk)
    if not said.covers(before):
        judged = _judged_before(session, desk, before) if before else None
        words = _words_on(desk) if may_be_hurried(said.seconds) else 0
        _ask(doubts_about(judgement, form, Circumstances(words, said.seconds, judged)), said)


def ask_about_prompt(session: Session, desk: Desk, written: WrittenPrompt, said: Insistence) -> None:
    before = _revised(session, desk)
    if said.covers(before):
        return
    revised = session.get(Prompt, before.prompt_id) if before and before.prompt_id else None
    earlier = prompts_written_before(session, desk.assignment, desk.campaign)
    messages = {prompt.id: prompt.messages for prompt in earlier}
    _ask(doubts_about_prompt(written, messages, as_written(revised) if revised else None), said)


def _ask(doubts: Iterable[Doubt], said: Insistence) -> None:
    if new := [doubt for doubt in doubts if doubt.name not in said.asked]:
        raise Doubted(new)


def _revised(session: Session, desk: Desk) -> Annotation | None:
    """What this would supersede."""
    revising = desk.assignment.state is AssignmentState.SUBMITTED
    return current_annotation(session, desk.assignment) if revising else None


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
