from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.accounts.service import create_user
from app.accounts.signing_in import FAILURES_PER_ACCOUNT
from tests.pages import Page, PageClient

PASSWORD = "correct horse battery"
NEW = "another horse battery"


def _sign_in(pages: PageClient, session: Session) -> None:
    pages.sign_in(create_user(session, name="Ada", email="ada@example.org", role=Role.LABELER, password=PASSWORD))


def _change(pages: PageClient, present: str, status: int = 200) -> Page:
    shown = pages.get("/account/password")
    return pages.submit(shown, "/account/password", status, present=present, password=NEW)


def test_the_password_is_changed_by_whoever_knows_it(pages: PageClient, session: Session) -> None:
    _sign_in(pages, session)
    assert "is not your present password" in _change(pages, "a guess", 422).text
    assert "Your password was changed" in _change(pages, PASSWORD).text
    assert "is not your present password" in _change(pages, PASSWORD, 422).text


def test_guesses_at_a_browser_left_open_are_slowed_down(pages: PageClient, session: Session) -> None:
    _sign_in(pages, session)
    for _ in range(FAILURES_PER_ACCOUNT):
        _change(pages, "a guess", 422)
    assert "too many failed attempts" in _change(pages, PASSWORD, 429).text


def test_a_right_password_forgives_the_guesses_before(pages: PageClient, session: Session) -> None:
    _sign_in(pages, session)
    for _ in range(FAILURES_PER_ACCOUNT - 1):
        _change(pages, "a guess", 422)
    _change(pages, PASSWORD)
    assert "is not your present password" in _change(pages, "a guess", 422).text


def test_a_labeler_chooses_to_be_spared_sensitive_campaigns(pages: PageClient, session: Session) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    shown = pages.submit(pages.get("/account"), "/account", spared="1")
    assert not session.get_one(User, labeler.id).sees_sensitive
    assert "checked" in shown.one("input", name="spared").attributes
    form = shown.form("/account")
    del form["spared"]
    pages.post("/account", form)
    assert session.get_one(User, labeler.id).sees_sensitive


def test_who_hands_out_no_tasks_to_themselves_is_not_asked(pages: PageClient) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    assert not pages.get("/account").all("input", name="spared")
