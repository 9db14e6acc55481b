"""Signed-in sessions: begun at sign-in, ended by signing out, idleness, age or deactivation."""

from datetime import timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import SignedInSession, User
from app.accounts.tokens import digest, new_token

LIFETIME = timedelta(days=30)
IDLE = timedelta(days=3)
# How stale `seen_at` may be: most page views need not write.
SEEN_EVERY = timedelta(minutes=1)


def begin_session(session: Session, user: User) -> str:
    """The token for the cookie; it is not kept and cannot be shown again."""
    token, now = new_token(), clock.now()
    session.execute(
        delete(SignedInSession).where(SignedInSession.user_id == user.id, SignedInSession.expires_at <= now)
    )
    session.add(
        SignedInSession(
            token_digest=digest(token), user_id=user.id, created_at=now, seen_at=now, expires_at=now + LIFETIME
        )
    )
    session.flush()
    return token


def user_of_session(session: Session, token: str) -> User | None:
    """Who signed in with this token, where the session is alive and the account active."""
    row = session.execute(_session_and_user(), {"digest": digest(token)}).one_or_none()
    if row is None:
        return None
    found, user = row
    now = clock.now()
    if found.expires_at <= now or found.seen_at + IDLE <= now:
        return None
    if found.seen_at + SEEN_EVERY <= now:
        found.seen_at = now
    signed_in: User = user
    return signed_in


@cache  # every request asks it
def _session_and_user() -> Select[SignedInSession, User]:
    return (
        select(SignedInSession, User)
        .join(User, User.id == SignedInSession.user_id)
        .where(SignedInSession.token_digest == bindparam("digest"), User.active)
    )


def end_session(session: Session, token: str) -> None:
    session.execute(delete(SignedInSession).where(SignedInSession.token_digest == digest(token)))


def end_sessions_of(session: Session, user: User) -> None:
    session.execute(delete(SignedInSession).where(SignedInSession.user_id == user.id))
