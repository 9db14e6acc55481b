"""`/history`: what one has submitted, to look at and to revise, with every version of it."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.accounts.models import Role, User
from app.annotations.queries import Version, campaigns_of_history, history_length, history_of, versions_of
from app.annotations.review.queries import came_back_to
from app.campaigns.queries import frozen_form
from app.errors import NotFound
from app.projects.forms import RatingForm
from app.projects.guidelines import ChangedLine, changed_lines
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.quality.own_figures import days_of, seen_alike
from app.tasks.queries import assignment_of, desk
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.reading import html_of
from app.web.templating import page

router = APIRouter(prefix="/history")
LABELERS = [allow(Role.LABELER)]
PAGE_SIZE = 50
RECENT = timedelta(days=14)

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]


@dataclass(frozen=True)
class ShownVersion:
    """`changes`: the lines of its text that differ from the version before it."""

    version: Version
    changes: list[ChangedLine]


@router.get("", dependencies=LABELERS)
def index(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: PageNumber = 1,
    campaign: Annotated[str, Query(pattern=r"^\d{0,18}$")] = "",
) -> Response:
    chosen = int(campaign) if campaign else None
    return page(
        request,
        "history/index.html",
        past=history_of(session, user, number, PAGE_SIZE, chosen),
        number=number,
        pages=ceil(history_length(session, user, chosen) / PAGE_SIZE),
        campaigns=campaigns_of_history(session, user),
        chosen=chosen,
        own=_own_figures(session, user) if number == 1 and chosen is None else None,
    )


def _own_figures(session: Session, user: User) -> dict[str, object]:
    return {"days": days_of(session, user, clock.now() - RECENT), "alike": seen_alike(session, user)}


@router.get("/{number}", dependencies=LABELERS)
def show(request: Request, session: SessionDep, user: CurrentUser, number: int) -> Response:
    """Of an assignment: the task as it was seen, and all that was ever said of it."""
    work = desk(session, assignment_of(session, user, number))
    versions = versions_of(session, work.assignment)
    if not versions:
        raise NotFound(what="submission", number=number)
    messages = work.prompt.messages if work.prompt else []
    html = html_of(session, [each["content"] for each in messages] + [output.text or "" for output in work.outputs])
    return page(
        request,
        "history/show.html",
        work=work,
        versions=_with_changes(versions),
        came_back=came_back_to(session, user),
        conversation=[(each["role"], html[each["content"]]) for each in messages],
        outputs=[(output.id, html[output.text or ""]) for output in work.outputs],
        form=in_readers_words(rating_form(frozen_form(session, work.campaign)))
        if work.campaign.form_version_id
        else RatingForm(),
    )


def _with_changes(versions: list[Version]) -> list[ShownVersion]:
    """Newest first; the first one that was sent changed nothing."""
    pairs = zip(versions, [*versions[1:], None], strict=True)
    return [
        ShownVersion(new, changed_lines(old.text, new.text) if old and old.text and new.text else [])
        for new, old in pairs
    ]
