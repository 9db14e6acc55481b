"""`/labelers`: how all of them do, as a table and CSV, and one of them over time with what was noticed."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Cohort, Role
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.quality.agreement.scope import People
from app.quality.membership import admit
from app.quality.watching.noticing import begin_anew
from app.quality.watching.queries import (
    Chosen,
    Scored,
    State,
    labeler,
    names_of,
    places_of,
    scores_of,
    watched_labelers,
)
from app.quality.watching.rows import COLUMNS, SCORES, SIGNS, rows_of_labelers, rows_of_scores
from app.tasks.models import Purpose
from app.translation import gettext as _
from app.web.charts import Plot, Point, axis_of
from app.web.dependencies import SessionDep, allow
from app.web.filters import AddressFilters, Empty, csv_download
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/labelers")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
MEAN_OF = 10  # checks that a point of the curve sums up
FEWEST_POINTS = 3


class Filters(AddressFilters):
    project: Annotated[int | None, Empty] = None
    campaign: Annotated[int | None, Empty] = None
    cohort: Annotated[Cohort | None, Empty] = None
    people: People = "both"
    state: Annotated[State | None, Empty] = None

    @property
    def chosen(self) -> Chosen:
        return Chosen(self.project, self.campaign, self.cohort, self.people, self.state)


class Campaign(BaseModel):
    campaign: int


Choosing = Annotated[Filters, Query()]
OfCampaign = Annotated[str, Query(pattern=r"^\d{0,18}$")]


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, filters: Choosing) -> Response:
    project = project_numbered(session, filters.project) if filters.project is not None else None
    return page(
        request,
        "labelers/index.html",
        labelers=watched_labelers(session, filters.chosen),
        filters=filters,
        project=project,
        projects=projects(session),
        campaigns=campaigns(session, project),
        campaign=campaign_numbered(session, filters.campaign) if filters.campaign is not None else None,
        signs=SIGNS,
    )


@router.get("/table.{ending}", dependencies=RESEARCHERS)
def table(session: SessionDep, ending: Literal["csv", "json"], filters: Choosing) -> Response:
    rows = rows_of_labelers(watched_labelers(session, filters.chosen))
    return JSONResponse({"labelers": rows}) if ending == "json" else csv_download("labelers", COLUMNS, rows)


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int, campaign: OfCampaign = "") -> Response:
    person = labeler(session, number)
    places = places_of(session, person)
    scores = scores_of(session, person, int(campaign) if campaign else None)
    return page(
        request,
        "labelers/show.html",
        labeler=person,
        places=places,
        chosen=int(campaign) if campaign else None,
        scores=scores,
        plots=_plots(scores),
        signs=SIGNS,
        others=names_of(session, [sign.other_id for place in places for sign in place.signs]),
        mean_of=MEAN_OF,
    )


@router.get("/{number}/scores.{ending}", dependencies=RESEARCHERS)
def scores(session: SessionDep, number: int, ending: Literal["csv", "json"], campaign: OfCampaign = "") -> Response:
    found = scores_of(session, labeler(session, number), int(campaign) if campaign else None)
    rows = rows_of_scores(found)
    return JSONResponse({"scores": rows}) if ending == "json" else csv_download(f"labeler-{number}", SCORES, rows)


@router.post("/{number}/settle", dependencies=RESEARCHERS)
def settle(
    request: Request, session: SessionDep, number: int, form: Annotated[Form[Campaign], posted(Campaign)]
) -> Response:
    """What was noticed is dealt with: the labeler goes on, and only what comes now is looked at."""
    person = labeler(session, number)
    if form.data:
        campaign = campaign_numbered(session, form.data.campaign)
        if any(place.paused for place in places_of(session, person) if place.campaign is campaign):
            admit(session, campaign, person)
        begin_anew(session, campaign, person)
        flash(request, _("{name} goes on in {campaign}.").format(name=person.name, campaign=campaign.name))
    return redirect(f"/labelers/{number}")


def _plots(scored: list[Scored]) -> list[Plot]:
    """Agreement with known answers, and with oneself, as the mean of the last ten checks."""
    titles = {Purpose.GOLD: _("Agreement with known answers"), Purpose.REPEAT: _("Agreement with oneself")}
    shares = {
        purpose: [each.score.share for each in scored if each.score.purpose is purpose and each.score.share is not None]
        for purpose in titles
    }
    return [_plot(purpose, titles[purpose], found) for purpose, found in shares.items() if len(found) >= FEWEST_POINTS]


def _plot(purpose: Purpose, title: str, shares: list[float]) -> Plot:
    latest = [shares[max(0, place - MEAN_OF) : place] for place in range(1, len(shares) + 1)]
    points = tuple(Point(place, sum(some) / len(some)) for place, some in enumerate(latest, start=1))
    across = axis_of([0, len(points)])
    return Plot(
        f"plot-{purpose.value}",
        title,
        points,
        x=across,
        x_names=tuple(f"{tick:g}" for tick in across.ticks),
        y=axis_of([0, 1]),
        x_title=_("Checks answered"),
        y_title=_("Mean of the last {count}").format(count=MEAN_OF),
        text=_("At first {first}, at last {last}.").format(first=f"{points[0].y:.0%}", last=f"{points[-1].y:.0%}"),
    )
