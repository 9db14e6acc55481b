from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.accounts.models import Cohort, OneTimeLink, Origin, Role, User
from app.accounts.queries import user_by_email
from app.campaigns.queries import members
from app.config import Settings
from tests.factories import make_labeler, make_open_campaign, make_user
from tests.pages import Page, PageClient


def invited(pages: PageClient, email: str, **fields: str) -> str:
    """The path of the link that the page shows."""
    page = pages.submit(pages.get("/users/invitations/new"), "/users/invitations", 201, email=email, **fields)
    return shown_path(page)


def shown_path(page: Page) -> str:
    return page.one("input", readonly="").get("value").removeprefix("http://testserver")


def test_an_admin_invites_a_labeler_who_makes_an_account(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    path = invited(pages, "grace@example.org", role="labeler", cohort="held_out")
    pages.sign_out()
    page = pages.get(path)
    answer = pages.http.post(path, data=page.form(path) | {"name": "Grace", "password": "ten characters"})
    assert answer.status_code == 303
    assert "Grace" in pages.get("/account").text
    grace = user_by_email(session, "grace@example.org")
    assert grace is not None
    assert (grace.role, grace.cohort, grace.origin) == (Role.LABELER, Cohort.HELD_OUT, Origin.PERSON)


def test_an_invitation_works_once(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    path = invited(pages, "grace@example.org")
    page = pages.get(path)
    sent = page.form(path) | {"name": "Grace", "password": "ten characters"}
    assert pages.http.post(path, data=sent).status_code == 303
    pages.get(path, status=410)


def test_the_newest_invitation_of_an_address_is_the_one_that_works(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    first, second = invited(pages, "grace@example.org"), invited(pages, "Grace@example.org")
    pages.get(first, status=410)
    pages.get(second)


def test_an_invitation_is_withdrawn(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    path = invited(pages, "grace@example.org")
    assert "grace@example.org" in pages.get("/users").text
    page = pages.submit(pages.get("/users"), "/users/invitations/withdraw")
    assert "grace@example.org" not in page.text
    pages.get(path, status=410)


def test_only_the_digest_of_an_invitation_is_kept(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    token = invited(pages, "grace@example.org").rsplit("/", 1)[1]
    kept = session.scalars(select(OneTimeLink)).one()
    assert token.encode() not in kept.token_digest
    assert token not in pages.get("/users").body


def test_a_short_password_keeps_what_was_typed(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    path = invited(pages, "grace@example.org")
    page = pages.submit(pages.get(path), path, 422, name="Grace Hopper", password="short")
    assert page.one("input", name="name").get("value") == "Grace Hopper"
    assert "at least 10 characters" in page.text


def test_an_address_with_an_account_is_not_invited(pages: PageClient) -> None:
    admin = pages.sign_in_as(Role.ADMIN)
    assert admin.email
    form = pages.get("/users/invitations/new")
    page = pages.submit(form, "/users/invitations", 422, email=admin.email.upper())
    assert "already an account" in page.text


def test_links_name_the_public_address(web_app: FastAPI, pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    form = pages.get("/users/invitations/new")
    web_app.state.settings = Settings(public_url="http://rondo.example/")
    page = pages.submit(form, "/users/invitations", 201, email="grace@example.org")
    assert shown_path(page).startswith("http://rondo.example/invitations/")


def test_deactivating_signs_out_and_reactivating_lets_in_again(
    web_app: FastAPI, pages: PageClient, session: Session
) -> None:
    labeler = make_labeler(session)
    theirs = PageClient(web_app, session)
    theirs.sign_in(labeler)
    pages.sign_in_as(Role.ADMIN)
    pages.submit(pages.get(f"/users/{labeler.id}"), f"/users/{labeler.id}/deactivate")
    assert theirs.get("/account").path.startswith("/sign-in")
    pages.submit(pages.get(f"/users/{labeler.id}"), f"/users/{labeler.id}/reactivate")
    theirs.sign_in(labeler)
    assert theirs.get("/account").path == "/account"


def test_the_last_admin_stays(pages: PageClient, session: Session) -> None:
    admin = pages.sign_in_as(Role.ADMIN)
    page = pages.submit(pages.get(f"/users/{admin.id}"), f"/users/{admin.id}/role", 422, role="researcher")
    assert "last active administrator" in page.text
    pages.post(f"/users/{admin.id}/deactivate", status=409)
    assert session.get_one(User, admin.id).active


def test_a_role_and_a_cohort_are_changed(pages: PageClient, session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/users/{labeler.id}")
    page = pages.submit(page, f"/users/{labeler.id}/role", cohort="held_out")
    assert session.get_one(User, labeler.id).cohort is Cohort.HELD_OUT
    assert [member.paused for member in members(session, campaign)] == [True]
    pages.submit(page, f"/users/{labeler.id}/role", role="researcher")
    assert session.get_one(User, labeler.id).cohort is None


def test_a_reset_link_sets_a_password_once_and_ends_other_sessions(
    web_app: FastAPI, pages: PageClient, session: Session
) -> None:
    labeler = make_labeler(session)
    theirs = PageClient(web_app, session)
    theirs.sign_in(labeler)
    pages.sign_in_as(Role.ADMIN)
    path = shown_path(pages.submit(pages.get(f"/users/{labeler.id}"), f"/users/{labeler.id}/reset", 201))
    pages.sign_out()
    sent = pages.get(path).form(path) | {"password": "a new password"}
    assert pages.http.post(path, data=sent).status_code == 303
    assert labeler.name in pages.get("/account").text
    assert theirs.get("/account").path.startswith("/sign-in")
    pages.get(path, status=410)


def test_simulated_and_imported_users_have_lists_of_their_own(pages: PageClient, session: Session) -> None:
    robot = make_labeler(session, origin=Origin.SIMULATED)
    pages.sign_in_as(Role.ADMIN)
    assert robot.name not in pages.get("/users").text
    page = pages.get("/users", origin="simulated")
    assert robot.name in page.text
    assert "Simulated" in page.text
    pages.get("/users", origin="nonsense", status=404)


def test_an_imported_author_cannot_be_given_access(pages: PageClient, session: Session) -> None:
    author = make_user(session, origin=Origin.IMPORTED)
    pages.sign_in_as(Role.ADMIN)
    assert not pages.get(f"/users/{author.id}").all("form", action=f"/users/{author.id}/reset")
    pages.post(f"/users/{author.id}/reset", status=409)


def test_there_is_no_user_with_an_unknown_number(pages: PageClient) -> None:
    pages.sign_in_as(Role.ADMIN)
    pages.get("/users/999999", status=404)


def test_a_stranger_cannot_sign_up(web_app: FastAPI) -> None:
    stranger = TestClient(web_app, follow_redirects=False)
    for path in ("/users/invitations/new", "/users", "/invitations/anything", "/sign-up", "/register"):
        assert stranger.get(path).status_code in {303, 404, 410}
