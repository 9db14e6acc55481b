"""`/users`: who works here, for admins."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.invitations import ADDRESS, invite, withdraw_invitations
from app.accounts.links import make_user_link
from app.accounts.models import Cohort, LinkPurpose, Origin, Role, User
from app.accounts.queries import user_with, users_of, waiting_invitations
from app.accounts.service import deactivate, reactivate
from app.quality.membership import move
from app.rounds.lineage import checkpoints_reached_by
from app.translation import gettext as _
from app.web.addresses import public_address
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/users", dependencies=[allow(Role.ADMIN)])


class Place(BaseModel):
    role: Role
    cohort: Cohort | None = None


class Invitation(Place):
    email: str = Field(max_length=320, pattern=ADDRESS)


class Withdrawal(BaseModel):
    email: str


@router.get("")
def index(request: Request, session: SessionDep, origin: Origin = Origin.PERSON) -> Response:
    invitations = waiting_invitations(session)
    return page(request, "users/index.html", users=users_of(session, origin), origin=origin, invitations=invitations)


@router.get("/invitations/new")
def new_invitation(request: Request) -> Response:
    return page(request, "users/invite.html", form=Form.showing(role=Role.LABELER, cohort=Cohort.TRAINING))


@router.post("/invitations")
def send_invitation(
    request: Request, session: SessionDep, admin: CurrentUser, form: Annotated[Form[Invitation], posted(Invitation)]
) -> Response:
    """Answers with the link itself instead of a redirect: it is shown once, and kept nowhere."""
    if asked := form.data:
        with form.attempt(session, "email"):
            token = invite(session, asked.email, asked.role, asked.cohort, by=admin)
            link = public_address(request, f"/invitations/{token}")
            return page(request, "users/link.html", status=201, link=link, email=asked.email, purpose="invite")
    return page(request, "users/invite.html", status=422, form=form)


@router.post("/invitations/withdraw")
def withdraw(request: Request, session: SessionDep, form: Annotated[Form[Withdrawal], posted(Withdrawal)]) -> Response:
    if form.data:
        withdraw_invitations(session, form.data.email)
        flash(request, _("The invitation was withdrawn."))
    return redirect("/users")


@router.get("/{number}")
def show(request: Request, session: SessionDep, number: int) -> Response:
    user = user_with(session, number)
    return _shown(request, session, user, place_of(user))


def _shown(request: Request, session: Session, user: User, form: Form[Place], status: int = 200) -> Response:
    reached = checkpoints_reached_by(session, user)
    return page(request, "users/show.html", status, user=user, form=form, reached=reached)


@router.post("/{number}/role")
def save_role(
    request: Request, session: SessionDep, number: int, form: Annotated[Form[Place], posted(Place)]
) -> Response:
    user = user_with(session, number)
    if form.data:
        with form.attempt(session, "role"):
            move(session, user, form.data.role, form.data.cohort)
            flash(request, _("The role was saved."))
            return redirect(f"/users/{number}")
    return _shown(request, session, user, form, 422)


@router.post("/{number}/deactivate")
def stop(request: Request, session: SessionDep, number: int) -> Response:
    deactivate(session, user_with(session, number))
    flash(request, _("The account is deactivated and signed out everywhere."))
    return redirect(f"/users/{number}")


@router.post("/{number}/reactivate")
def resume(request: Request, session: SessionDep, number: int) -> Response:
    reactivate(session, user_with(session, number))
    flash(request, _("The account is active again."))
    return redirect(f"/users/{number}")


@router.post("/{number}/reset")
def reset(request: Request, session: SessionDep, admin: CurrentUser, number: int) -> Response:
    """Answers with the link itself, as `send_invitation` does."""
    user = user_with(session, number)
    token = make_user_link(session, LinkPurpose.RESET, user, by=admin)
    link = public_address(request, f"/reset/{token}")
    return page(request, "users/link.html", status=201, link=link, email=user.email, purpose="reset")


def place_of(user: User) -> Form[Place]:
    return Form.showing(role=user.role, cohort=user.cohort)
