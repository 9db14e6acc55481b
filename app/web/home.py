"""`/`: each role starts where its work is."""

from fastapi import APIRouter
from starlette.responses import Response

from app.accounts.models import Role
from app.web.dependencies import CurrentUser, allow
from app.web.templating import redirect

router = APIRouter()


@router.get("/", dependencies=[allow()])
def start(user: CurrentUser) -> Response:
    return redirect("/tasks" if user.role is Role.LABELER else "/projects")
