"""`/history`: what one has submitted, to look at and to revise."""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.annotations.queries import history_length, history_of
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.templating import page

router = APIRouter(prefix="/history")
PAGE_SIZE = 50

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]


@router.get("", dependencies=[allow(Role.LABELER)])
def index(request: Request, session: SessionDep, user: CurrentUser, number: PageNumber = 1) -> Response:
    past = history_of(session, user, number, PAGE_SIZE)
    pages = ceil(history_length(session, user) / PAGE_SIZE)
    return page(request, "history/index.html", past=past, number=number, pages=pages)
