"""Signed-in sessions: begun at sign-in, ended by signing out, idleness, age or deactivation."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

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
    found = session.scalar(
        select(SignedInSession)
        .join(SignedInSession.user)
        .options(joinedload(SignedInSession.user))
        .where(SignedInSession.token_digest == digest(token), User.active)
    )
    now = clock.now()
    if found is None or found.expires_at <= now or found.seen_at + IDLE <= now:
        return None
    if found.seen_at + SEEN_EVERY <= now:
        found.seen_at = now
    return found.user


def end_session(session: Session, token: str) -> None:
    session.execute(delete(SignedInSession).where(SignedInSession.token_digest == digest(token)))


def end_sessions_of(session: Session, user: User) -> None:
    session.execute(delete(SignedInSession).where(SignedInSession.user_id == user.id))
