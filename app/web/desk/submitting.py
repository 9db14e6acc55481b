"""What is sent from the desk, by kind of work: read, checked, asked about, stored."""

from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from app.annotations.models import Annotation
from app.annotations.service import Sent, submit_demonstration, submit_prompt, submit_ranking, submit_rating
from app.annotations.submissions import InvalidSubmission, read_demonstration, read_ranking, read_rating
from app.annotations.written import read_written_prompt
from app.campaigns.models import CampaignKind
from app.campaigns.queries import frozen_form
from app.projects.queries import rating_form
from app.tasks.queries import Desk
from app.web.desk.doubts import Insistence, ask_about_judgement, ask_about_prompt, ask_about_text
from app.web.forms import Form
from app.web.windows import FromWindow

WRITTEN = ("text", "instruction", "use_case")
JUDGED = ("rank[", "output[", "prompt[", "pair[")


class Submission(FromWindow):
    """What was judged is checked against the campaign's own form, what was written against the task's brief."""

    idempotency_key: str = Field(max_length=100)
    rank: dict[str, str] = Field(default_factory=dict)
    output: dict[str, dict[str, str]] = Field(default_factory=dict)
    prompt: dict[str, str] = Field(default_factory=dict)
    text: str = ""
    instruction: str = ""
    pair: dict[str, dict[str, str]] = Field(default_factory=dict)
    use_case: str = ""
    confirmed: bool = False
    asked: str = ""
    undoing: bool = False

    @property
    def sent(self) -> Sent:
        return Sent(self.idempotency_key, self.active_seconds, self.window)

    @property
    def insistence(self) -> Insistence:
        return Insistence(
            self.idempotency_key, self.confirmed, frozenset(self.asked.split(",")), seconds=self.active_seconds
        )


def judged_fields(form: Form[Any]) -> dict[str, str]:
    """What the labeler typed or ticked, by field name, without what the page itself sends along."""
    return {name: form.value(name) for name in form.values if name in WRITTEN or name.startswith(JUDGED)}


def submit_work(session: Session, work: Desk, form: Form[Submission]) -> Annotation:
    """Raises `InvalidSubmission`, `Doubted` and what the services raise."""
    if form.data is None:
        raise InvalidSubmission(form.errors)
    if work.brief is not None:
        written = read_written_prompt(form.data.model_dump(), work.brief)
        ask_about_prompt(session, work, written, form.data.insistence)
        return submit_prompt(session, work.assignment, written, form.data.sent)
    if work.campaign.kind is CampaignKind.DEMONSTRATE:
        return _demonstrate(session, work, form.data)
    return _judge(session, work, form.data)


def _demonstrate(session: Session, work: Desk, sent: Submission) -> Annotation:
    rating = rating_form(frozen_form(session, work.campaign))
    written = read_demonstration(sent.model_dump(), rating)
    ask_about_text(session, work, written, sent.insistence)
    return submit_demonstration(session, work.assignment, written, sent.sent)


def _judge(session: Session, work: Desk, sent: Submission) -> Annotation:
    rating = rating_form(frozen_form(session, work.campaign))
    rated_only = work.campaign.kind is CampaignKind.RATE
    judged = (read_rating if rated_only else read_ranking)(sent.model_dump(), rating, len(work.assignment.shown_order))
    ask_about_judgement(session, work, judged, rating, sent.insistence)
    return (submit_rating if rated_only else submit_ranking)(session, work.assignment, judged, sent.sent)
