"""`/health`: for whoever watches the server."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import DomainError
from app.schema import require_current
from app.web.dependencies import public

router = APIRouter()


@router.get("/health", dependencies=[public])
def health(request: Request) -> Response:
    """200 where the database answers and its schema is this code's, else 503 and the reason."""
    try:
        require_current(request.app.state.engine)
    except DomainError as error:
        return JSONResponse({"status": "failing", "reason": error.localized()}, 503)
    return JSONResponse({"status": "ok"})
