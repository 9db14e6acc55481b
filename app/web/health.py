"""`/health`: for whoever watches the server."""

import logging

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import DomainError
from app.files.place import trouble_with_store
from app.schema import DatabaseUnreachable, require_current
from app.translation import gettext as _
from app.web.dependencies import public

logger = logging.getLogger(__name__)
router = APIRouter()


@router.get("/health", dependencies=[public])
def health(request: Request) -> Response:
    """200 where database and store answer and the schema is this code's, else 503 and the reason.

    Why one of them does not answer may name its host and user: that goes to the log, not to whoever asks.
    """
    try:
        require_current(request.app.state.engine)
    except DatabaseUnreachable:
        logger.exception("The database does not answer")
        return JSONResponse({"status": "failing", "reason": _("The database does not answer.")}, 503)
    except DomainError as error:
        return JSONResponse({"status": "failing", "reason": error.localized()}, 503)
    if trouble := trouble_with_store(request.app.state.settings.files):
        logger.error(trouble)
        return JSONResponse({"status": "failing", "reason": _("The store of files does not answer.")}, 503)
    return JSONResponse({"status": "ok"})
