"""What was posted after the sign-in had ended comes back with the person who posted it."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.accounts.service import create_user
from app.annotations.models import Annotation
from app.campaigns.models import CampaignKind
from app.tasks.drafts import Window, save_draft
from app.tasks.models import Assignment
from tests.factories import make_open_campaign
from tests.pages import Page, PageClient

PASSWORD = "correct horse battery"
OURS = {"origin": "http://testserver"}
TEXT = 'Fifteen "minutes" of <b>work</b>\n\nand more'


@pytest.fixture
def ada(session: Session) -> User:
    return create_user(session, name="Ada", email="ada@example.org", role=Role.LABELER, password=PASSWORD)


def begin_writing(pages: PageClient, session: Session, labeler: User) -> Page:
    pages.sign_in(labeler)
    make_open_campaign(session, CampaignKind.DEMONSTRATE)
    return pages.post("/tasks/next")


def send_signed_out(pages: PageClient, desk: Page, origin: dict[str, str] = OURS, **typed: str) -> Page:
    pages.sign_out()
    pages.http.headers.update(origin)
    return pages.submit(desk, f"{desk.path}/submit", 401, **{"text": TEXT, **typed})


def sign_in_with(pages: PageClient, page: Page, status: int = 200, **changes: str) -> Page:
    return pages.submit(page, "/sign-in", status, **{"email": "ada@example.org", "password": PASSWORD, **changes})


def test_who_was_signed_out_comes_back_to_the_filled_page(pages: PageClient, session: Session, ada: User) -> None:
    desk = begin_writing(pages, session, ada)
    signing_in = send_signed_out(pages, desk)
    assert "the page comes back as you filled it" in signing_in.text
    wrong = sign_in_with(pages, signing_in, 422, password="wrong")
    back = sign_in_with(pages, wrong)
    assert back.path == desk.path
    assert back.form(f"{desk.path}/submit")["text"] == [TEXT]
    assert "not submitted yet" in back.text
    assert session.scalar(select(Annotation)) is None
    assert pages.submit(back, f"{desk.path}/submit").path == "/tasks"


def test_a_page_from_before_signing_in_anew_comes_back_filled(pages: PageClient, session: Session, ada: User) -> None:
    desk = begin_writing(pages, session, ada)
    pages.sign_in(ada)
    pages.http.headers.update(OURS)
    back = pages.submit(desk, f"{desk.path}/submit", text=TEXT)
    assert back.path == desk.path
    assert back.form(f"{desk.path}/submit")["text"] == [TEXT]


def test_another_person_who_signs_in_sees_nothing_of_it(pages: PageClient, session: Session, ada: User) -> None:
    create_user(session, name="Eve", email="eve@example.org", role=Role.LABELER, password=PASSWORD)
    desk = begin_writing(pages, session, ada)
    landed = sign_in_with(pages, send_signed_out(pages, desk), email="eve@example.org")
    assert landed.path == "/tasks"
    assert "Fifteen" not in landed.body
    assert session.scalars(select(Assignment.draft)).one() is None


@pytest.mark.parametrize("origin", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
def test_nothing_is_carried_from_other_sites(
    pages: PageClient, session: Session, ada: User, origin: dict[str, str]
) -> None:
    desk = begin_writing(pages, session, ada)
    refused = send_signed_out(pages, desk, origin)
    assert not refused.all("input", name="carried")


def test_what_another_window_saved_meanwhile_is_not_overwritten(pages: PageClient, session: Session, ada: User) -> None:
    desk = begin_writing(pages, session, ada)
    signing_in = send_signed_out(pages, desk)
    assignment = session.scalars(select(Assignment)).one()
    save_draft(session, assignment, Window(0, "other", 1), {"text": "Saved elsewhere"})
    back = sign_in_with(pages, signing_in)
    assert back.form(f"{desk.path}/submit")["text"] == ["Saved elsewhere"]
    assert "what another window saved meanwhile" in back.text


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("carried", ["{", "{}", '{"assignment": 99999999999999999999, "version": 0, "fields": {}}'])
def test_what_is_bent_out_of_shape_only_signs_in(pages: PageClient, carried: str) -> None:
    page = pages.get("/sign-in")
    assert sign_in_with(pages, page, carried=carried).path == "/tasks"
