"""`/projects/N/webhooks`: which addresses a project's events are posted to, and how each delivery went."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.notifications.models import CHOOSABLE, EventKind, Webhook
from app.notifications.queries import delivery_to, sent_to, webhook_numbered, webhooks_of
from app.notifications.webhooks import (
    LONGEST_URL,
    change_webhook,
    create_webhook,
    delete_webhook,
    renew_secret,
    send_again,
    switch_off,
    switch_on,
    try_webhook,
)
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/webhooks", dependencies=[allow(Role.ADMIN)])


class WebhookForm(BaseModel):
    url: str = Field(max_length=LONGEST_URL)
    events: list[EventKind] = Field(min_length=1, max_length=len(CHOOSABLE))


Posted = Annotated[Form[WebhookForm], posted(WebhookForm)]


@router.get("")
def index(request: Request, session: SessionDep, number: int) -> Response:
    return _listed(request, session, project_numbered(session, number), Form.showing())


@router.post("")
def create(request: Request, session: SessionDep, admin: CurrentUser, number: int, form: Posted) -> Response:
    """Answers with the secret itself instead of a redirect: it is shown once."""
    project = project_numbered(session, number)
    if typed := form.data:
        with form.attempt(session, "url"):
            return _secret(request, project, create_webhook(session, project, typed.url, typed.events, admin))
    return _listed(request, session, project, form, 422)


@router.get("/{webhook}")
def show(request: Request, session: SessionDep, number: int, webhook: int) -> Response:
    project, found = _found(session, number, webhook)
    return _shown(request, session, project, found, Form.showing(**{"url": found.url, "events[]": found.events}))


@router.post("/{webhook}")
def save(request: Request, session: SessionDep, number: int, webhook: int, form: Posted) -> Response:
    project, found = _found(session, number, webhook)
    if typed := form.data:
        with form.attempt(session, "url"):
            change_webhook(session, found, typed.url, typed.events)
    if form.data is None:
        return _shown(request, session, project, found, form, 422)
    flash(request, _("It was saved."))
    return _back(found)


@router.post("/{webhook}/secret")
def renew(request: Request, session: SessionDep, number: int, webhook: int) -> Response:
    """Answers with the secret itself, as `create` does."""
    project, found = _found(session, number, webhook)
    renew_secret(session, found)
    return _secret(request, project, found)


@router.post("/{webhook}/test")
def send_test(request: Request, session: SessionDep, number: int, webhook: int) -> Response:
    _project, found = _found(session, number, webhook)
    try_webhook(session, found)
    flash(request, _("A test is on its way. Load this page again to see how it went."))
    return _back(found)


@router.post("/{webhook}/off")
def off(session: SessionDep, number: int, webhook: int) -> Response:
    _project, found = _found(session, number, webhook)
    switch_off(session, found)
    return _back(found)


@router.post("/{webhook}/on")
def on(session: SessionDep, number: int, webhook: int) -> Response:
    _project, found = _found(session, number, webhook)
    switch_on(session, found)
    return _back(found)


@router.post("/{webhook}/delete")
def delete(request: Request, session: SessionDep, number: int, webhook: int) -> Response:
    _project, found = _found(session, number, webhook)
    delete_webhook(session, found)
    flash(request, _("The webhook is deleted, and the log of what was sent to it."))
    return redirect(f"/projects/{number}/webhooks")


@router.post("/{webhook}/deliveries/{delivery}")
def redeliver(request: Request, session: SessionDep, number: int, webhook: int, delivery: int) -> Response:
    _project, found = _found(session, number, webhook)
    send_again(session, found, delivery_to(session, found, delivery))
    flash(request, _("It is on its way again. Load this page again to see how it went."))
    return _back(found)


def _found(session: Session, number: int, webhook: int) -> tuple[Project, Webhook]:
    project = project_numbered(session, number)
    return project, webhook_numbered(session, webhook, project)


def _back(webhook: Webhook) -> Response:
    return redirect(f"/projects/{webhook.project_id}/webhooks/{webhook.id}")


def _listed(
    request: Request, session: Session, project: Project, form: Form[WebhookForm], status: int = 200
) -> Response:
    found = webhooks_of(session, project)
    return page(
        request, "automation/webhooks.html", status, project=project, webhooks=found, form=form, kinds=CHOOSABLE
    )


def _shown(
    request: Request,
    session: Session,
    project: Project,
    webhook: Webhook,
    form: Form[WebhookForm],
    status: int = 200,
) -> Response:
    sent = sent_to(session, webhook)
    return page(
        request,
        "automation/webhook.html",
        status,
        project=project,
        webhook=webhook,
        form=form,
        sent=sent,
        kinds=CHOOSABLE,
    )


def _secret(request: Request, project: Project, webhook: Webhook) -> Response:
    return page(request, "automation/secret.html", 201, project=project, webhook=webhook)
