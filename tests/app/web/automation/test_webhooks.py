"""Webhooks on their pages: the secret once, the log, and nothing for anybody but admins."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.notifications.attempts import Result, note
from app.notifications.models import Delivery, DeliveryState, EventKind, Webhook
from app.notifications.webhooks import create_webhook, try_webhook
from tests.factories import make_project
from tests.pages import PageClient

URL = "https://hooks.example.org/rondo"


@pytest.fixture
def hook(session: Session) -> Webhook:
    return create_webhook(session, make_project(session), URL, [EventKind.RUN_FAILED])


def address(hook: Webhook) -> str:
    return f"/projects/{hook.project_id}/webhooks/{hook.id}"


def test_a_webhook_is_made_and_its_secret_shown_once(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(pages.get(f"/projects/{project.id}").links["Webhooks: who else is told"])
    made = pages.submit(page, page.path, 201, url=URL, **{"events[]": ["run_failed", "campaign_done"]})
    hook = session.scalars(select(Webhook)).one()
    assert hook.secret in made.body
    assert hook.events == ["run_failed", "campaign_done"]
    listed = pages.get(page.path)
    assert URL in listed.text
    shown = pages.get(address(hook))
    assert hook.secret not in listed.body + shown.body
    assert shown.form(shown.path)["events[]"] == ["run_failed", "campaign_done"]


def test_what_is_missing_is_said_and_what_was_typed_stays(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/projects/{project.id}/webhooks")
    again = pages.submit(page, page.path, 422, url="hooks", **{"events[]": []})
    assert again.form(page.path)["url"] == ["hooks"]
    assert again.all("p", class_="error")
    wrong = pages.submit(again, page.path, 422, url="hooks", **{"events[]": ["run_failed"]})
    assert "whole address" in wrong.one("p", id="error-url").text
    assert session.scalars(select(Webhook)).all() == []


def test_a_webhook_is_changed_switched_and_deleted(pages: PageClient, session: Session, hook: Webhook) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(address(hook))
    page = pages.submit(page, page.path, url=URL + "/new", **{"events[]": ["data_waiting"]})
    assert (hook.url, hook.events) == (URL + "/new", ["data_waiting"])
    page = pages.submit(page, f"{page.path}/off")
    assert "nothing is sent to it" in page.text
    page = pages.submit(page, f"{page.path}/on")
    assert hook.active
    before = hook.secret
    renewed = pages.submit(page, f"{page.path}/secret", 201)
    assert hook.secret != before
    assert hook.secret in renewed.body
    pages.submit(page, f"{page.path}/delete")
    assert session.scalars(select(Webhook)).all() == []


def test_the_log_says_how_it_went_and_sends_again(pages: PageClient, session: Session, hook: Webhook) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(address(hook))
    page = pages.submit(page, f"{page.path}/test")
    delivery = session.scalars(select(Delivery)).one()
    note(session, delivery.id, Result(status=503, error="HTTP 503"), is_last=True)
    session.flush()
    page = pages.get(page.path)
    assert "HTTP 503" in page.text
    assert "It did not take the last attempt." in page.text
    pages.submit(page, f"{page.path}/deliveries/{delivery.id}")
    assert delivery.state is DeliveryState.WAITING


def test_nothing_is_reached_through_another_project(pages: PageClient, session: Session, hook: Webhook) -> None:
    delivery = try_webhook(session, hook)
    other = create_webhook(session, make_project(session), URL, [EventKind.RUN_FAILED])
    pages.sign_in_as(Role.ADMIN)
    for action in ("/off", "/test", "/secret", "/delete", f"/deliveries/{delivery.id}"):
        pages.post(f"/projects/{other.project_id}/webhooks/{hook.id}{action}", status=404)
    pages.post(f"{address(other)}/deliveries/{delivery.id}", status=404)
    assert hook.active


def test_researchers_see_no_way_there(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.RESEARCHER)
    links = pages.get(f"/projects/{project.id}").links.values()
    assert not [link for link in links if link.endswith(("/webhooks", "/automation"))]
