"""`/review`: what waits for a reviewer, one after another, and what was decided."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Origin, Role, User
from app.annotations.review.models import Decision, ExclusionReason
from app.annotations.review.queries import Decided, decisions_in
from app.campaigns.queries import campaigns_of
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.quality.agreement.queries import labelers_in
from app.quality.review.queue import EVERYTHING, NEWEST_TASKS, Order, Place, QueueFilter, queue
from app.translation import gettext as _
from app.web.dependencies import SessionDep, allow
from app.web.filters import AddressFilters, Empty, csv_download
from app.web.flashes import flash
from app.web.templating import page, redirect

router = APIRouter(prefix="/review")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
PAGE_SIZE = 50
SHARES = (5, 10, 20, 50, EVERYTHING)
PLACE = r"^(-?\d{1,3}\.\d{1,20}(e-\d{1,3})?_\d{1,18})?$"

CSV_COLUMNS = (
    *("decision_id", "decision", "reason", "comment", "answer", "standing", "reviewer", "labeler", "campaign"),
    *("annotation_id", "correction_id", "created_at"),
)


class Filters(AddressFilters):
    """`names=shown` tells whose work it is; without it labelers are numbers, so that the work is judged."""

    project: int
    campaign: Annotated[int | None, Empty] = None
    labeler: Annotated[int | None, Empty] = None
    order: Order = Order.RANDOM
    share: int = Field(default=EVERYTHING, ge=1, le=EVERYTHING)
    seed: int = Field(default=1, ge=0, le=2**31)
    names: Annotated[Literal["shown"] | None, Empty] = None

    def queue(self, project: Project) -> QueueFilter:
        return QueueFilter(project, self.campaign, self.labeler, self.order, self.share, self.seed)

    def name_of(self, labeler: User) -> str:
        return labeler.name if self.names else pseudonym(labeler)


class Chosen(Filters):
    after: str = Field(default="", pattern=PLACE)


class Wanted(AddressFilters):
    project: int
    decision: Annotated[Decision | None, Empty] = None
    reason: Annotated[ExclusionReason | None, Empty] = None
    before: Annotated[int | None, Empty] = None

    def address_before(self, number: int) -> str:
        return self.model_copy(update={"before": number}).address()


def pseudonym(labeler: User) -> str:
    """As exports name labelers; imported ones are pseudonyms already."""
    return labeler.name if labeler.origin is Origin.IMPORTED else f"labeler-{labeler.id}"


def place_in(text: str) -> Place | None:
    key, _separator, number = text.rpartition("_")
    return Place(float(key), int(number)) if number else None


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, chosen: Annotated[Chosen, Query()]) -> Response:
    project = project_numbered(session, chosen.project)
    filters = Filters(**chosen.model_dump(exclude={"after"}))
    found = queue(session, filters.queue(project), PAGE_SIZE + 1, place_in(chosen.after))
    return page(
        request,
        "review/index.html",
        project=project,
        waiting=found[:PAGE_SIZE],
        more=found[PAGE_SIZE - 1].place if len(found) > PAGE_SIZE else None,
        filters=filters,
        after=chosen.after,
        campaigns=campaigns_of(session, project),
        labelers=labelers_in(session, project),
        shares=SHARES,
        newest=NEWEST_TASKS,
    )


@router.get("/next", dependencies=RESEARCHERS)
def next_of_queue(request: Request, session: SessionDep, chosen: Annotated[Chosen, Query()]) -> Response:
    """To the first that waits, after a place where one is given."""
    filters = Filters(**chosen.model_dump(exclude={"after"}))
    found = queue(session, filters.queue(project_numbered(session, chosen.project)), 1, place_in(chosen.after))
    if not found:
        flash(request, _("Nothing more waits here."), "info")
        return redirect(f"/review?{filters.address()}")
    return redirect(f"/review/work/{found[0].annotation.assignment_id}?{filters.address()}&after={found[0].place}")


@router.get("/decisions", dependencies=RESEARCHERS)
def decisions(request: Request, session: SessionDep, wanted: Annotated[Wanted, Query()]) -> Response:
    project = project_numbered(session, wanted.project)
    found = _decided(session, project, wanted, PAGE_SIZE + 1)
    return page(
        request,
        "review/decisions.html",
        project=project,
        decided=found[:PAGE_SIZE],
        more=found[PAGE_SIZE - 1].decision.id if len(found) > PAGE_SIZE else None,
        wanted=wanted,
        kinds=list(Decision),
        reasons=list(ExclusionReason),
        pseudonym=pseudonym,
    )


@router.get("/decisions.csv", dependencies=RESEARCHERS)
def decisions_as_csv(session: SessionDep, wanted: Annotated[Wanted, Query()]) -> Response:
    found = _decided(session, project_numbered(session, wanted.project), wanted, None)
    return csv_download("review-decisions", CSV_COLUMNS, (_row(each) for each in found))


def _decided(session: Session, project: Project, wanted: Wanted, size: int | None) -> list[Decided]:
    return decisions_in(
        session, project, decision=wanted.decision, reason=wanted.reason, before=wanted.before, size=size
    )


def _row(each: Decided) -> dict[str, Any]:
    decision = each.decision
    return {
        "decision_id": decision.id,
        "decision": decision.decision.value,
        "reason": decision.reason.value if decision.reason else None,
        "comment": decision.comment,
        "answer": decision.answer,
        "standing": decision.standing,
        "reviewer": f"reviewer-{each.reviewer.id}",
        "labeler": pseudonym(each.labeler),
        "campaign": each.campaign.name,
        "annotation_id": decision.annotation_id,
        "correction_id": decision.correction_id,
        "created_at": decision.created_at.isoformat(),
    }
