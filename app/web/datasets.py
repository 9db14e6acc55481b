"""`/datasets`: choose, count, freeze, look at and take away."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.accounts.models import Cohort, Role
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns_of
from app.datasets.exporting import RONDO, export_formats, exported
from app.datasets.filtering import DatasetFilter, People
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.datasets.queries import counts_by_split, datasets, sources_of
from app.datasets.queries import dataset as dataset_numbered
from app.datasets.sending import zipped
from app.errors import InvalidInput
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.prompts.models import Split
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/datasets")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
KINDS = {
    CampaignKind.DEMONSTRATE: DatasetKind.DEMONSTRATIONS,
    CampaignKind.WRITE_PROMPTS: DatasetKind.PROMPTS,
    CampaignKind.RED_TEAM: DatasetKind.PROMPTS,
}


class NewDataset(BaseModel):
    name: str = Field(default="", max_length=100)
    kind: DatasetKind = DatasetKind.COMPARISONS
    people: People = "people"
    cohort: Cohort = Cohort.TRAINING
    splits: list[Split] = Field(default_factory=list)
    campaigns: list[int] = Field(default_factory=list)
    since: date | None = None
    until: date | None = None
    at_most: int | None = Field(default=None, ge=1)
    attacks: bool = False
    reviewed: bool = False
    adjudicated: bool = False
    do: Literal["count", "freeze"] = "count"

    def filter(self) -> DatasetFilter:
        """Raises `InvalidInput`."""
        try:
            return DatasetFilter(
                people=self.people,
                cohort=self.cohort,
                splits=tuple(self.splits),
                campaigns=tuple(self.campaigns) or None,
                since=self.since,
                until=self.until,
                at_most=self.at_most,
                attacks=self.attacks,
                reviewed=self.reviewed,
                adjudicated=self.adjudicated,
            )
        except ValidationError as error:
            raise InvalidInput(reason=error.errors()[0]["msg"].removeprefix("Value error, ")) from error


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int | None = None) -> Response:
    chosen = project_numbered(session, project) if project is not None else None
    return page(
        request,
        "datasets/index.html",
        datasets=datasets(session, chosen),
        project=chosen,
        projects=[chosen] if chosen else projects(session),
    )


@router.get("/new", dependencies=RESEARCHERS)
def new(request: Request, session: SessionDep, project: int, campaign: int | None = None) -> Response:
    """With a campaign the form begins with that campaign's answers."""
    chosen = project_numbered(session, project)
    begun = (
        _answers_of(campaign_numbered(session, campaign)) if campaign is not None else NewDataset(splits=list(Split))
    )
    form = Form[NewDataset].showing(
        kind=begun.kind.value,
        cohort=begun.cohort.value,
        attacks=1 if begun.attacks else None,
        **{
            "splits[]": [split.value for split in begun.splits],
            "campaigns[]": [str(number) for number in begun.campaigns],
        },
    )
    return _new_page(request, session, chosen, form, counts_by_split(session, chosen, begun.kind, begun.filter()))


def _answers_of(campaign: Campaign) -> NewDataset:
    kind = KINDS.get(campaign.kind, DatasetKind.COMPARISONS)
    about_attacks = campaign.rule_id is not None
    return NewDataset(
        kind=kind, cohort=campaign.cohort, splits=list(Split), campaigns=[campaign.id], attacks=about_attacks
    )


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[NewDataset], posted(NewDataset)],
) -> Response:
    """ "Count" answers with the same page and what the filter takes now; "freeze" keeps it."""
    chosen = project_numbered(session, project)
    counts = None
    if (wanted := form.data) and wanted.do == "freeze" and not wanted.name:
        form.refuse("name", _("Please name the dataset."))
    if wanted := form.data:
        with form.attempt(session, "name"):
            taken = wanted.filter()
            counts = counts_by_split(session, chosen, wanted.kind, taken)
            if wanted.do == "freeze":
                files = request.app.state.settings.files
                made = freeze_dataset(session, files, chosen, wanted.name, wanted.kind, taken, by=user)
                flash(request, _("{rows} rows were frozen.").format(rows=made.rows))
                return redirect(f"/datasets/{made.id}")
    return _new_page(request, session, chosen, form, counts, 422 if form.errors else 200)


def _new_page(
    request: Request,
    session: Session,
    project: Project,
    form: Form[NewDataset],
    counts: dict[Split, int] | None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "datasets/new.html",
        status,
        project=project,
        form=form,
        counts=counts,
        campaigns=campaigns_of(session, project),
        kinds=[each.value for each in DatasetKind],
        splits=[each.value for each in Split],
    )


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    dataset = dataset_numbered(session, number)
    return page(
        request,
        "datasets/show.html",
        dataset=dataset,
        project=project_numbered(session, dataset.project_id),
        sources=sources_of(session, dataset),
        formats=export_formats(dataset.kind),
    )


@router.get("/{number}/download", dependencies=RESEARCHERS)
def download(request: Request, session: SessionDep, number: int, format: str = RONDO) -> Response:
    """A zip archive, made while it is sent."""
    dataset = dataset_numbered(session, number)
    name = f"{dataset.location.rpartition('/')[2]}-{format}"
    parts = exported(request.app.state.settings.files, dataset, format)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(zipped(parts, name), media_type="application/zip", headers=headers)
