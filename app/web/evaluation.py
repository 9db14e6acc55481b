"""`/evaluation`: policies and reward models by what people say of them, as tables on a page, CSV and JSON."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Cohort, Role
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns_of
from app.checkpoints.queries import checkpoints_of
from app.errors import NotFound
from app.evaluation.choosing import Chosen, excluded_in, newest_of
from app.evaluation.tables import Table
from app.projects.models import Project
from app.projects.queries import labels_in
from app.projects.queries import project as project_numbered
from app.prompts.queries import use_cases_of
from app.web.dependencies import SessionDep, allow
from app.web.filters import AddressFilters, Empty, csv_download
from app.web.templating import page

router = APIRouter(prefix="/evaluation")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
NEWEST_TASKS = 1000  # a page looks at these; the command looks at all


class Filters(AddressFilters):
    project: int
    campaign: Annotated[int | None, Empty] = None
    baseline: Annotated[int | None, Empty] = None
    use_case: Annotated[str | None, Empty] = None
    cohort: Annotated[Cohort | None, Empty] = None
    flag: Annotated[str | None, Empty] = None
    excluded: Annotated[Literal["counted"] | None, Empty] = None


Choosing = Annotated[Filters, Query()]


@router.get("", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, filters: Choosing) -> Response:
    from app.web.evaluation_charts import drawings, flags_of  # and with it numpy and scipy

    project = project_numbered(session, filters.project)
    chosen = _chosen(session, project, filters)
    tables, labels = _tables(session, chosen, filters), labels_in(session, project)
    return page(
        request,
        "evaluation/show.html",
        project=project,
        tables=tables,
        drawings=drawings(tables, filters.flag, labels),
        questions=labels,
        flags=flags_of(tables),
        cut=chosen.since_task is not None,
        excluded=excluded_in(session, chosen),
        newest=NEWEST_TASKS,
        filters=filters,
        campaigns=campaigns_of(session, project),
        checkpoints=checkpoints_of(session, project),
        use_cases=use_cases_of(session, project),
    )


@router.get("/tables.json", dependencies=RESEARCHERS)
def as_json(session: SessionDep, filters: Choosing) -> Response:
    """`cut`: only the newest tasks were looked at; `excluded`: how many judgements reviewers keep out."""
    chosen = _chosen(session, project_numbered(session, filters.project), filters)
    tables = {table.name: table.as_json() for table in _tables(session, chosen, filters)}
    return JSONResponse({**tables, "cut": chosen.since_task is not None, "excluded": excluded_in(session, chosen)})


@router.get("/{table}.json", dependencies=RESEARCHERS)
def one_as_json(session: SessionDep, table: str, filters: Choosing) -> Response:
    return JSONResponse(_table(session, table, filters).as_json())


@router.get("/{table}.csv", dependencies=RESEARCHERS)
def as_csv(session: SessionDep, table: str, filters: Choosing) -> Response:
    found = _table(session, table, filters)
    return csv_download(found.name, [column.name for column in found.columns], found.as_json())


def _table(session: Session, name: str, filters: Filters) -> Table:
    """Raises `NotFound`."""
    chosen = _chosen(session, project_numbered(session, filters.project), filters)
    tables = _tables(session, chosen, filters)
    found = next((each for each in tables if each.name == name), None)
    if found is None:
        raise NotFound(what="table", number=name)
    return found


def _chosen(session: Session, project: Project, filters: Filters) -> Chosen:
    """Raises `NotFound`."""
    campaign = campaign_numbered(session, filters.campaign) if filters.campaign is not None else None
    chosen = Chosen(project, campaign, filters.use_case, filters.cohort, excluded=filters.excluded is not None)
    return newest_of(session, chosen, NEWEST_TASKS)


def _tables(session: Session, chosen: Chosen, filters: Filters) -> list[Table]:
    from app.evaluation.report import evaluation_tables  # 40 MB of numpy and scipy that few requests need

    return evaluation_tables(session, chosen, filters.baseline)
