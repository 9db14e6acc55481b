"""What a labeler answers to work that a reviewer sent back; revising it is done on the desk."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.annotations.review.decisions import LONGEST_COMMENT, stand_by
from app.tasks.queries import assignment_of
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import redirect

router = APIRouter(prefix="/history")


class Answered(BaseModel):
    answer: str = Field(default="", max_length=LONGEST_COMMENT)


@router.post("/{number}/stand-by", dependencies=[allow(Role.LABELER)])
def answer(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[Answered], posted(Answered)],
) -> Response:
    assignment = assignment_of(session, user, number)
    if answered := form.data:
        with form.attempt(session):
            stand_by(session, user, assignment, answered.answer)
            flash(request, _("Thank you. A reviewer will read your answer."))
    for sentence in form.errors.values():
        flash(request, sentence, "error")
    return redirect("/tasks")
