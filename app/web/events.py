"""What happens to a run, or to the runs of a round's project, as server-sent events."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.accounts.models import Role
from app.rounds.queries import round_by_id
from app.runs.queries import run_by_id
from app.web.broadcast import Broadcast, Topic
from app.web.dependencies import SessionDep, allow

router = APIRouter()
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
HEADERS = {"x-accel-buffering": "no"}  # nginx would keep them back


@router.get("/runs/{number}/events", dependencies=WATCHERS)
def of_run(request: Request, session: SessionDep, number: int) -> StreamingResponse:
    return _stream(request, ("run", run_by_id(session, number).id))


@router.get("/rounds/{number}/events", dependencies=WATCHERS)
def of_round(request: Request, session: SessionDep, number: int) -> StreamingResponse:
    return _stream(request, ("project", round_by_id(session, number).project_id))


def _stream(request: Request, topic: Topic) -> StreamingResponse:
    broadcast: Broadcast = request.app.state.broadcast
    return StreamingResponse(broadcast.stream(topic), media_type="text/event-stream", headers=HEADERS)
