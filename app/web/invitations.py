"""`/invitations/TOKEN` and `/reset/TOKEN`: where the links lead that an admin hands out."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.invitations import ADDRESS, accept_invitation
from app.accounts.links import usable_link
from app.accounts.models import LinkPurpose
from app.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from app.accounts.service import reset_password
from app.web.dependencies import SessionDep, public
from app.web.forms import Form, posted
from app.web.signing_in import enter, hashing
from app.web.templating import page, redirect

router = APIRouter()


class NewPassword(BaseModel):
    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class NewAccount(NewPassword):
    name: str = Field(max_length=100)
    email: str = Field(max_length=320, pattern=ADDRESS)


@router.get("/invitations/{token}", dependencies=[public])
def invitation(request: Request, session: SessionDep, token: str) -> Response:
    link = usable_link(session, LinkPurpose.INVITE, token)
    return page(request, "invitations/accept.html", form=Form.showing(email=link.email), token=token, role=link.role)


@router.post("/invitations/{token}", dependencies=[hashing, public])
def accept(
    request: Request, session: SessionDep, token: str, form: Annotated[Form[NewAccount], posted(NewAccount)]
) -> Response:
    link = usable_link(session, LinkPurpose.INVITE, token)
    if new := form.data:
        with form.attempt(session, "email"):
            user = accept_invitation(session, token, email=new.email, name=new.name, password=new.password)
            enter(request, session, user)
            return redirect("/")
    return page(request, "invitations/accept.html", status=422, form=form, token=token, role=link.role)


@router.get("/reset/{token}", dependencies=[public])
def reset_page(request: Request, session: SessionDep, token: str) -> Response:
    usable_link(session, LinkPurpose.RESET, token)
    return page(request, "invitations/reset.html", form=Form.showing(), token=token)


@router.post("/reset/{token}", dependencies=[hashing, public])
def reset(
    request: Request, session: SessionDep, token: str, form: Annotated[Form[NewPassword], posted(NewPassword)]
) -> Response:
    usable_link(session, LinkPurpose.RESET, token)
    if form.data:
        enter(request, session, reset_password(session, token, form.data.password))
        return redirect("/")
    return page(request, "invitations/reset.html", status=422, form=form, token=token)
