"""`/agreement`: how far labelers agree, as tables on a page, CSV and JSON; filters stand in the address."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Cohort, Role
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns_of
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.prompts.queries import use_cases_of
from app.quality.agreement.queries import labelers_in
from app.quality.agreement.questions import Part
from app.quality.agreement.rows import MEASURES, REASONS, rows_of_figures, rows_of_groups, rows_of_pairs
from app.quality.agreement.scope import People, Scope
from app.quality.agreement.tables import Agreement, agreement_in
from app.rounds.queries import campaigns_of_round, round_by_id, rounds_of
from app.web.agreement_charts import drawings, group_name
from app.web.dependencies import SessionDep, allow
from app.web.filters import AddressFilters, Empty, csv_download
from app.web.templating import page

router = APIRouter(prefix="/agreement")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
NEWEST_TASKS = 1000  # a page looks at these; the command looks at all
MOST_PAIRS = 30

TableName = Literal["figures", "groups", "labeler_pairs"]
TABLES: dict[str, Callable[[Agreement], list[dict[str, Any]]]] = {
    "figures": lambda found: rows_of_figures(found.lines),
    "groups": lambda found: rows_of_groups(found.groups),
    "labeler_pairs": lambda found: rows_of_pairs(found.pairs),
}


class Filters(AddressFilters):
    project: int
    campaign: Annotated[int | None, Empty] = None
    round: Annotated[int | None, Empty] = None
    cohort: Annotated[Cohort | None, Empty] = None
    people: People = "people"
    use_case: Annotated[str | None, Empty] = None
    labeler: Annotated[int | None, Empty] = None
    other: Annotated[int | None, Empty] = None
    excluded: Annotated[Literal["counted"] | None, Empty] = None

    def between(self, first: int, second: int) -> str:
        return self.model_copy(update={"labeler": first, "other": second}).address()


Choosing = Annotated[Filters, Query()]


@router.get("", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, filters: Choosing) -> Response:
    project = project_numbered(session, filters.project)
    found = _agreement(session, project, filters)
    return page(
        request,
        "agreement/show.html",
        project=project,
        found=found,
        drawings=drawings(found, filters.between),
        group_name=group_name,
        filters=filters,
        pair_lines=[line for line in found.lines if line.part in (Part.PAIRS, Part.RANKS)],
        rated=_by_question(found),
        measures=MEASURES,
        reasons=REASONS,
        newest=NEWEST_TASKS,
        campaigns=campaigns_of(session, project),
        rounds=rounds_of(session, project),
        labelers=labelers_in(session, project),
        use_cases=use_cases_of(session, project),
    )


@router.get("/tables.json", dependencies=RESEARCHERS)
def as_json(session: SessionDep, filters: Choosing) -> Response:
    found = _agreement(session, project_numbered(session, filters.project), filters)
    return JSONResponse(
        {**{name: rows(found) for name, rows in TABLES.items()}, "cut": found.cut, "excluded": found.excluded}
    )


@router.get("/{table}.json", dependencies=RESEARCHERS)
def one_as_json(session: SessionDep, table: TableName, filters: Choosing) -> Response:
    return JSONResponse(_rows(session, table, filters))


@router.get("/{table}.csv", dependencies=RESEARCHERS)
def as_csv(session: SessionDep, table: TableName, filters: Choosing) -> Response:
    rows = _rows(session, table, filters)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return csv_download(f"agreement-{table}", columns, rows)


def _rows(session: Session, table: TableName, filters: Filters) -> list[dict[str, Any]]:
    return TABLES[table](_agreement(session, project_numbered(session, filters.project), filters))


def _agreement(session: Session, project: Project, filters: Filters) -> Agreement:
    people = tuple(number for number in (filters.labeler, filters.other) if number is not None)
    scope = Scope(
        project=project.id,
        campaigns=_campaigns(session, filters),
        cohort=filters.cohort,
        people=filters.people,
        use_case=filters.use_case,
        labelers=people if len(people) == 2 else None,
        newest_tasks=NEWEST_TASKS,
        excluded=filters.excluded is not None,
    )
    return agreement_in(session, scope, most_pairs=MOST_PAIRS)


def _campaigns(session: Session, filters: Filters) -> tuple[int, ...] | None:
    """Raises `NotFound`."""
    campaign = (campaign_numbered(session, filters.campaign).id,) if filters.campaign is not None else None
    if filters.round is None:
        return campaign
    of_round = campaigns_of_round(session, round_by_id(session, filters.round))
    return of_round if campaign is None else tuple(set(campaign) & set(of_round))


def _by_question(found: Agreement) -> list[dict[str, Any]]:
    """One row for each rated question: what was asked and its figures by coefficient."""
    rows: dict[tuple[Part, str, str], dict[str, Any]] = {}
    for line in found.lines:
        if line.part in (Part.OUTPUT, Part.PROMPT):
            row = rows.setdefault((line.part, line.question, line.label), {"part": line.part, "label": line.label})
            row[line.measure.value] = line.figure
    return list(rows.values())
