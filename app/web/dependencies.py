"""What routes ask for: the database session, the person signed in, and who is let in at all.

Every route names whom it lets in, as `dependencies=[allow(Role.ADMIN)]` or `dependencies=[public]`; a test walks all
routes and fails where one names nobody. The same dependency refuses forged posts, so no route can forget that either.
"""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from anyio import Semaphore
from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker
from starlette.requests import Request

from app.accounts.models import Role, User
from app.accounts.sessions import user_of_session
from app.db import MOST_CONNECTIONS
from app.errors import DomainError, message
from app.translation import speak
from app.web.cookies import read_cookie
from app.web.errors import SignInNeeded
from app.web.security import refuse_forgery

EVERYBODY_SIGNED_IN = (Role.LABELER, Role.RESEARCHER, Role.ADMIN)


class NotForThisRole(DomainError):
    status = HTTPStatus.FORBIDDEN
    sentence = message("Your account may not open this page. Ask an administrator if it should.")


async def open_session(request: Request) -> AsyncIterator[Session]:
    """One transaction a request, committed before the answer is sent; an error in between undoes it all.

    Only what talks to the database takes a thread: each hop to one and back costs as much as a small query. A route
    that is asked for all the time commits in its own.
    """
    sessions: sessionmaker[Session] = request.app.state.sessions
    async with request.app.state.sessions_at_once:
        session = sessions()
        try:
            yield session
            if session.in_transaction():
                await run_in_threadpool(session.commit)
        finally:
            if session.in_transaction():  # closing undoes it too, and leaves what was read for the error's page
                await run_in_threadpool(session.close)
            session.close()


# Without the scope FastAPI would commit after the answer: a failing commit would follow a page that says "saved".
# Without the limit requests that hold a connection and wait for a thread meet requests that hold a thread and wait
# for a connection, and all stand still. It is below the number of connections (`app.db`): a few things, such as
# counting sign-in attempts, take a second one. Few work faster than many: they share one interpreter.
SESSIONS_AT_ONCE = MOST_CONNECTIONS - 6
SessionDep = Annotated[Session, Depends(open_session, scope="function")]


def recognise(request: Request, session: SessionDep) -> User | None:
    """The person whose session cookie came with the request, kept on `request.state.user`; in their language."""
    token = read_cookie(request, "session")
    request.state.user = user_of_session(session, token) if token else None
    user: User | None = request.state.user
    if user:
        speak(user.language)
    return user


Visitor = Annotated[User | None, Depends(recognise)]


class Admission:
    """Lets the named roles in, or everybody where it names none, and refuses forged posts."""

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    async def __call__(self, request: Request, visitor: Visitor) -> AsyncIterator[None]:
        self._check_role(visitor)
        await refuse_forgery(request)
        try:
            yield
        finally:
            await request.close()

    def _check_role(self, visitor: User | None) -> None:
        if not self.roles:
            return
        if visitor is None:
            raise SignInNeeded
        if visitor.role not in self.roles:
            raise NotForThisRole


def allow(*roles: Role) -> Any:
    """A dependency that lets in people with one of `roles`."""
    return Depends(Admission(*(roles or EVERYBODY_SIGNED_IN)), scope="function")


public: Any = Depends(Admission(), scope="function")

# The desk's pages cost the interpreter more than the database, and more threads than a few only fight for it. It comes
# after `allow`, which has read the form: whoever sends slowly keeps nobody's turn.
AT_A_TIME = 2


async def take_turn(request: Request) -> AsyncIterator[None]:
    async with request.app.state.desks_at_once:
        yield


in_turn: Any = Depends(take_turn, scope="function")


def install_limits(app: FastAPI) -> None:
    """Our own semaphores: FastAPI's `max_concurrency` gives way to the event loop at each request."""
    app.state.sessions_at_once = Semaphore(SESSIONS_AT_ONCE, fast_acquire=True)
    app.state.desks_at_once = Semaphore(AT_A_TIME, fast_acquire=True)


async def signed_in_user(visitor: Visitor) -> User:
    """Raises `SignInNeeded`."""
    if visitor is None:
        raise SignInNeeded
    return visitor


CurrentUser = Annotated[User, Depends(signed_in_user)]
