"""Signing in with an address and a password, and the brake on guessing."""

from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.links import LinkNotUsable, use_link
from app.accounts.models import LinkPurpose, SignInAttempt, User
from app.accounts.passwords import is_right_password
from app.accounts.queries import user_by_email, user_with
from app.errors import DomainError, message

WINDOW = timedelta(minutes=15)
# Many people may share one address; one account has one owner.
FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 60


class SignInRefused(DomainError):
    """Unknown address, wrong password or a deactivated account; all three look the same."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    sentence = message("The email address or the password is not right.")


class TooManyAttempts(DomainError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    sentence = message("There were too many failed attempts. Please wait {minutes} minutes and try again.")


def count_attempt(session: Session, address: str, email: str) -> None:
    """Counts as failed until `sign_in` succeeds. To be committed before the password is looked at, so that guesses
    made at the same moment count one another. Raises `TooManyAttempts`."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < clock.now() - WINDOW))
    _count(session, _account_key(email), FAILURES_PER_ACCOUNT)
    _count(session, _address_key(address), FAILURES_PER_ADDRESS)


def _count(session: Session, key: str, limit: int) -> None:
    """The lock, held until the commit, lets one attempt a key in at a time."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    failures = session.scalar(select(func.count()).where(SignInAttempt.key == key)) or 0
    if failures >= limit:
        raise TooManyAttempts(minutes=int(WINDOW.total_seconds() // 60))
    session.add(SignInAttempt(key=key, at=clock.now()))
    session.flush()


def sign_in(session: Session, address: str, email: str, password: str) -> User:
    """Raises `SignInRefused`."""
    user = user_by_email(session, email)
    if not is_right_password(user.password_hash if user else None, password) or user is None or not user.active:
        raise SignInRefused
    forgive(session, address, email)
    return user


def sign_in_once(session: Session, token: str) -> User:
    """The owner of a one-time link, which is used up. Raises `LinkNotUsable`."""
    link = use_link(session, LinkPurpose.SIGN_IN, token)
    assert link.user_id is not None
    user = user_with(session, link.user_id)
    if not user.active:
        raise LinkNotUsable
    return user


def forgive(session: Session, address: str, email: str) -> None:
    """The password was right: all failures of the account go, but of the address only this one, since else any own
    account would unlock the rest."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.key == _account_key(email)))
    latest = select(func.max(SignInAttempt.id)).where(SignInAttempt.key == _address_key(address)).scalar_subquery()
    session.execute(delete(SignInAttempt).where(SignInAttempt.id == latest))


def _account_key(email: str) -> str:
    return f"account {email.strip().lower()}"


def _address_key(address: str) -> str:
    """One household has a whole /64 of IPv6 addresses to try from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"address {address}"
    network = ip_network((parsed, 64), strict=False) if isinstance(parsed, IPv6Address) else parsed
    return f"address {network}"
