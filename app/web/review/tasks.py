"""`/review/tasks/N`: one task's rankings side by side, and which of them an adjudicator prefers."""

from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.annotations.queries import Answer, answers_to
from app.annotations.ranking import parse_ranks
from app.annotations.review.adjudication import JUDGED, prefer, rank_anew, standing_adjudication
from app.annotations.review.decisions import LONGEST_COMMENT
from app.annotations.review.queries import annotation as annotation_numbered
from app.annotations.submissions import LETTERS, Judgement
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import frozen_form
from app.projects.forms import RatingForm
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.prompts.models import Prompt
from app.quality.review.side_by_side import side_by_side
from app.tasks.models import Task
from app.tasks.queries import outputs_of
from app.tasks.queries import task as task_numbered
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.templating import page, redirect

router = APIRouter(prefix="/review/tasks")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
OWN = 0


class Preferred(BaseModel):
    """`preferred`: the number of an annotation, or 0 for the ranks that were typed."""

    preferred: int
    idempotency_key: str = Field(max_length=100)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    rank: dict[str, str] = Field(default_factory=dict)


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    return _page(request, session, task_numbered(session, number), Form[Preferred].showing())


@router.post("/{number}", dependencies=RESEARCHERS)
def adjudicate(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[Preferred], posted(Preferred)],
) -> Response:
    task = task_numbered(session, number)
    if wanted := form.data:
        with form.attempt(session, "preferred"):
            _adjudicate(session, user, task, wanted)
            flash(request, _("Kept. Datasets may take this ranking alone for the task."))
            return redirect(f"/review/tasks/{task.id}")
    return _page(request, session, task, form, 422)


def _adjudicate(session: Session, user: User, task: Task, wanted: Preferred) -> None:
    if wanted.preferred != OWN:
        prefer(session, user, task, annotation_numbered(session, wanted.preferred), wanted.comment)
        return
    count = len(outputs_of(session, task))
    ranks = parse_ranks(wanted.rank, LETTERS[:count])
    judgement = Judgement(tuple(ranks), ({},) * count)
    rank_anew(session, user, task, judgement, wanted.idempotency_key, wanted.comment)


def _page(request: Request, session: Session, task: Task, form: Form[Preferred], status: int = 200) -> Response:
    campaign = campaign_numbered(session, task.campaign_id)
    prompt = session.get(Prompt, task.prompt_id) if task.prompt_id else None
    messages, outputs = prompt.messages if prompt else [], outputs_of(session, task)
    said = [answer for answer in answers_to(session, task) if answer.annotation.kind in JUDGED]
    answers = [answer for answer in said if not answer.annotation.surplus]
    html = html_of(session, [each["content"] for each in messages] + [output.text or "" for output in outputs])
    rated = rating_form(frozen_form(session, campaign)) if campaign.form_version_id else RatingForm()
    standing = standing_adjudication(session, task)
    return page(
        request,
        "review/task.html",
        status,
        task=task,
        campaign=campaign,
        conversation=[(each["role"], html[each["content"]]) for each in messages],
        outputs=[(output.id, html[output.text or ""]) for output in outputs],
        answers=answers,
        compared=side_by_side(answers, [output.id for output in outputs]),
        standing=standing,
        own=_made_by_adjudicator(said, standing.annotation_id) if standing else None,
        rated=in_readers_words(rated),
        form=form,
        key=token_urlsafe(16),
    )


def _made_by_adjudicator(said: list[Answer], annotation: int) -> Answer | None:
    """Where the one preferred is no labeler's."""
    return next((each for each in said if each.annotation.id == annotation and each.annotation.surplus), None)
