"""Which events one wants by e-mail."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.config import settings
from app.notifications.models import Delivery, EventKind
from app.notifications.wishes import wishes_of
from tests.pages import PageClient

PAGE = "/account/notifications"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RONDO_SMTP_HOST", "mail.example.org")
    monkeypatch.setenv("RONDO_SMTP_FROM", "rondo@example.org")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.ADMIN])
def test_wishes_are_kept_and_shown(pages: PageClient, session: Session, role: Role) -> None:
    user = pages.sign_in_as(role)
    page = pages.get(pages.get("/account").links["E-mail about events"])
    saved = pages.submit(page, PAGE, **{"events[]": ["run_failed", "data_waiting"]})
    assert set(wishes_of(session, user)) == {EventKind.RUN_FAILED, EventKind.DATA_WAITING}
    assert saved.form(PAGE)["events[]"] == ["run_failed", "data_waiting"]
    pages.submit(saved, PAGE, **{"events[]": []})
    assert wishes_of(session, user) == []


def test_a_house_without_mail_says_what_to_set(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(PAGE)
    assert "RONDO_SMTP_HOST" in page.text
    assert "Send me a test" not in page.text


@pytest.mark.usefixtures("configured")
def test_a_test_is_sent_to_oneself(pages: PageClient, session: Session) -> None:
    user = pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(PAGE)
    assert "RONDO_SMTP_HOST" not in page.text
    again = pages.submit(page, f"{PAGE}/test")
    assert session.scalars(select(Delivery.user_id)).all() == [user.id]
    assert "What was sent" in again.text


def test_labelers_are_shown_no_way_there(pages: PageClient) -> None:
    pages.sign_in_as(Role.LABELER)
    assert PAGE not in pages.get("/account").links.values()
