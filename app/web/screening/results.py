"""`/projects/N/screening/results`: for admins, who took the screening, what came out, and whom they admit."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.errors import DomainError
from app.projects.queries import project as project_numbered
from app.quality.screening.attempts import COMFORT
from app.quality.screening.deciding import LONGEST_REASON, admit_candidate, allow_retake, refuse_candidate
from app.quality.screening.models import Attempt, Part
from app.quality.screening.queries import attempt_numbered
from app.quality.screening.results import ORDERS, Order, coverage, result_rows, results_of
from app.translation import gettext as _
from app.translation import ngettext
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.filters import csv_download
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.screening.pages import the_screening
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/screening/results")
ADMINS = [allow(Role.ADMIN)]


class Decision(BaseModel):
    do: Literal["admit", "refuse", "retake"]
    reason: str = Field(default="", max_length=LONGEST_REASON)


@router.get("", dependencies=ADMINS)
def show(request: Request, session: SessionDep, number: int, order: Order = "newest") -> Response:
    project = project_numbered(session, number)
    screening = the_screening(session, project)
    results = results_of(session, screening, order)
    return page(
        request,
        "screening/results.html",
        project=project,
        screening=screening,
        results=results,
        coverage=coverage(screening, results),
        order=order,
        orders=ORDERS,
        parts=[part for part in Part if any(part in each.scores for each in results)],
        comfort=COMFORT,
        longest=LONGEST_REASON,
    )


@router.get("/table.csv", dependencies=ADMINS)
def as_csv(session: SessionDep, number: int, order: Order = "newest") -> Response:
    screening = the_screening(session, project_numbered(session, number))
    columns, rows = result_rows(screening, results_of(session, screening, order))
    return csv_download("screening", columns, rows)


@router.post("/{attempt}", dependencies=ADMINS)
def decide(
    request: Request,
    session: SessionDep,
    admin: CurrentUser,
    number: int,
    attempt: int,
    form: Annotated[Form[Decision], posted(Decision)],
) -> Response:
    here = redirect(f"/projects/{number}/screening/results")
    found = attempt_numbered(session, the_screening(session, project_numbered(session, number)), attempt)
    if form.data is None:
        flash(request, " ".join(form.errors.values()), "error")
        return here
    try:
        with session.begin_nested():
            said = _decided(session, found, admin, form.data)
    except DomainError as refused:
        flash(request, refused.localized(), "error")
        return here
    flash(request, said)
    return here


def _decided(session: Session, attempt: Attempt, admin: User, decision: Decision) -> str:
    """What was done, in words. Raises what the services raise."""
    if decision.do == "admit":
        count = admit_candidate(session, attempt, admin, decision.reason)
        return ngettext("Admitted, and let into {n} campaign.", "Admitted, and let into {n} campaigns.", count).format(
            n=count
        )
    if decision.do == "refuse":
        refuse_candidate(session, attempt, admin, decision.reason)
        return _("Refused.")
    allow_retake(session, attempt)
    return _("They may try again from now on.")
