import anyio
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.types import Message, Receive

from app.accounts.links import make_user_link
from app.accounts.models import LinkPurpose, Role, SignedInSession, User
from app.accounts.service import create_user, deactivate
from app.accounts.signing_in import FAILURES_PER_ACCOUNT
from tests.loops import awaited
from tests.pages import Page, PageClient

PASSWORD = "correct horse battery"


def make_person(session: Session, role: Role = Role.ADMIN) -> User:
    return create_user(session, name="Ada", email="Ada@example.org", role=role, password=PASSWORD)


def try_to_sign_in(pages: PageClient, email: str, password: str, status: int = 200, **fields: str) -> Page:
    return pages.submit(pages.get("/sign-in"), "/sign-in", status, email=email, password=password, **fields)


def test_a_person_signs_in_and_out(pages: PageClient, session: Session) -> None:
    make_person(session)
    page = try_to_sign_in(pages, "ada@EXAMPLE.org", PASSWORD, next="/account")
    assert page.path == "/account"
    assert "Ada" in page.text
    page = pages.submit(page, "/sign-out")
    assert page.path == "/sign-in"
    assert "You are signed out." in page.text
    assert session.scalar(select(func.count()).select_from(SignedInSession)) == 0
    assert "You are signed out." not in pages.get("/sign-in").text


def test_a_wrong_password_keeps_what_was_typed_but_the_password(pages: PageClient, session: Session) -> None:
    make_person(session)
    page = try_to_sign_in(pages, "ada@example.org", "wrong", status=422)
    assert page.one("input", name="email").get("value") == "ada@example.org"
    assert page.one("input", name="password").get("value") == ""
    assert "is not right" in page.text


def test_an_unknown_address_is_refused_in_the_same_words(pages: PageClient, session: Session) -> None:
    make_person(session)
    known = try_to_sign_in(pages, "ada@example.org", "wrong", status=422)
    unknown = try_to_sign_in(pages, "eve@example.org", "wrong", status=422)
    assert known.one("p", class_="error").text == unknown.one("p", class_="error").text


def test_a_deactivated_account_cannot_sign_in_and_is_signed_out(pages: PageClient, session: Session) -> None:
    person = make_person(session, Role.LABELER)
    pages.sign_in(person)
    pages.get("/account")
    deactivate(session, person)
    assert pages.get("/account").path == "/sign-in?next=%2Faccount"
    try_to_sign_in(pages, "ada@example.org", PASSWORD, status=422)


def test_guessing_is_stopped_before_the_password_is_looked_at(pages: PageClient, session: Session) -> None:
    make_person(session)
    form = pages.get("/sign-in")
    for _guess in range(FAILURES_PER_ACCOUNT):
        pages.submit(form, "/sign-in", 422, email="ada@example.org", password="wrong")
    page = pages.submit(form, "/sign-in", 429, email="Ada@example.org ", password=PASSWORD)
    assert "too many" in page.text


def test_a_planted_session_is_not_taken_over_at_sign_in(pages: PageClient, session: Session) -> None:
    make_person(session)
    pages.hold_session("planted-by-somebody-else")
    before = pages.get("/sign-in").all("input", name="csrf_token")[0].get("value")
    after = try_to_sign_in(pages, "ada@example.org", PASSWORD, next="/account").all("input", name="csrf_token")
    assert pages.http.cookies["rondo-session"] != "planted-by-somebody-else"
    assert after[0].get("value") != before


def test_signing_in_leads_only_to_our_own_pages(pages: PageClient, session: Session) -> None:
    make_person(session)
    for next_page in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        pages.sign_out()
        form = pages.get("/sign-in").form("/sign-in")
        sent = form | {"email": "ada@example.org", "password": PASSWORD, "next": next_page}
        assert pages.http.post("/sign-in", data=sent).headers["location"] == "/"


def test_a_one_time_link_asks_first_and_works_once(pages: PageClient, session: Session) -> None:
    person = make_person(session)
    path = f"/sign-in/once/{make_user_link(session, LinkPurpose.SIGN_IN, person)}"
    pages.get(path)
    page = pages.get(path)
    answer = pages.http.post(path, data=page.form(path))
    assert answer.headers["location"] == "/"
    assert "Ada" in pages.get("/account").text
    pages.sign_out()
    pages.get(path, status=410)


def test_only_the_digest_of_a_session_is_kept(pages: PageClient, session: Session) -> None:
    make_person(session)
    try_to_sign_in(pages, "ada@example.org", PASSWORD, next="/account")
    kept = session.scalars(select(SignedInSession)).one()
    assert pages.http.cookies["rondo-session"].encode() not in kept.token_digest
    assert len(kept.token_digest) == 32


def test_who_sends_slowly_keeps_nobody_from_signing_in(web_app: FastAPI) -> None:
    async def sign_in(receive: Receive) -> int:
        answers: list[Message] = []

        async def send(message: Message) -> None:
            answers.append(message)

        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        target = {"method": "POST", "path": "/sign-in", "query_string": b"", "headers": headers}
        await web_app({"type": "http", "client": ("203.0.113.9", 1), **target}, receive, send)
        return int(answers[0]["status"])

    async def never() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def at_once() -> Message:
        return {"type": "http.request", "body": b"email=a", "more_body": False}

    async def one_among_slow_ones() -> int:
        async with anyio.create_task_group() as others:
            for _ in range(4):
                others.start_soon(sign_in, never)
            await anyio.sleep(0.2)
            with anyio.fail_after(10):
                status = await sign_in(at_once)
            others.cancel_scope.cancel()
        return status

    assert awaited(one_among_slow_ones()) == 403  # for want of a token, but answered
