import asyncio
from collections import Counter

import httpx2
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.testclient import TestClient

from app.accounts.models import Role, User
from app.accounts.queries import user_by_email
from app.accounts.sessions import begin_session
from app.config import Settings
from app.db import transaction
from app.errors import NotFound
from app.main import create_app
from app.web.dependencies import SessionDep, public
from app.web.templating import redirect
from tests.factories import make_user
from tests.loops import awaited


def test_many_requests_at_once_wait_for_one_another(fresh_database: Engine) -> None:
    """More than there are connections and threads: none may hold the one while it waits for the other."""
    with transaction(fresh_database) as session:
        token = begin_session(session, make_user(session, Role.LABELER))

    async def ask_many(number: int) -> list[int]:
        transport = httpx2.ASGITransport(create_app(Settings(), fresh_database))
        cookies = {"rondo-session": token}
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver", cookies=cookies) as browser:
            answers = await asyncio.gather(*(browser.get("/account") for _ in range(number)))
        return [answer.status_code for answer in answers]

    assert Counter(awaited(ask_many(200))) == {200: 200}


def add_person(session: Session, name: str, email: str) -> None:
    session.add(User(name=name, email=email, role=Role.ADMIN))


def test_what_a_request_wrote_is_committed_before_its_answer(web_app: FastAPI, session: Session) -> None:
    @web_app.get("/writes", dependencies=[public])
    def writes(session: SessionDep) -> Response:
        add_person(session, "Ada", "ada@example.org")
        return redirect("/")

    @web_app.get("/writes-again", dependencies=[public])
    def writes_again(session: SessionDep) -> Response:
        add_person(session, "Also Ada", "ADA@example.org")
        return redirect("/")

    browser = TestClient(web_app, follow_redirects=False, raise_server_exceptions=False)
    assert browser.get("/writes").status_code == 303
    assert browser.get("/writes-again").status_code == 500
    found = user_by_email(session, "ada@example.org")
    assert found is not None
    assert found.name == "Ada"


def test_an_error_undoes_what_the_request_wrote(web_app: FastAPI, session: Session) -> None:
    @web_app.get("/refuses", dependencies=[public])
    def refuses(session: SessionDep) -> Response:
        add_person(session, "Ada", "ada@example.org")
        session.flush()
        raise NotFound(what="thing", number=7)

    answer = TestClient(web_app).get("/refuses")
    assert answer.status_code == 404
    assert "There is no thing with the number 7." in answer.text
    assert user_by_email(session, "ada@example.org") is None
