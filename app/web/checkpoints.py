"""`/checkpoints`: models with their lineage."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.checkpoints.queries import ancestors, checkpoints, children
from app.checkpoints.queries import checkpoint as checkpoint_numbered
from app.completions.queries import work_of
from app.projects.queries import project as project_numbered
from app.runs.queries import datasets_read_by, run_that_produced
from app.web.dependencies import SessionDep, allow
from app.web.templating import page

router = APIRouter(prefix="/checkpoints")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int | None = None) -> Response:
    chosen = project_numbered(session, project) if project is not None else None
    return page(request, "checkpoints/index.html", checkpoints=checkpoints(session, chosen), project=chosen)


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    checkpoint = checkpoint_numbered(session, number)
    run = run_that_produced(session, checkpoint)
    return page(
        request,
        "checkpoints/show.html",
        checkpoint=checkpoint,
        project=project_numbered(session, checkpoint.project_id),
        ancestors=ancestors(session, checkpoint),
        children=children(session, checkpoint),
        run=run,
        datasets=datasets_read_by(session, run) if run else [],
        work=work_of(session, checkpoint),
    )
