"""Reads of accounts and of invitations that still wait."""

from collections.abc import Sequence
from http import HTTPStatus

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import LinkPurpose, OneTimeLink, Origin, Role, User
from app.errors import DomainError, NotFound, message


class NoSuchAccount(DomainError):
    status = HTTPStatus.NOT_FOUND
    sentence = message("There is no account for {email}.")


def user_with(session: Session, number: int) -> User:
    """Raises `NotFound`."""
    user = session.get(User, number)
    if user is None:
        raise NotFound(what="user", number=number)
    return user


def user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def require_user(session: Session, email: str) -> User:
    """Raises `NoSuchAccount`."""
    user = user_by_email(session, email)
    if user is None:
        raise NoSuchAccount(email=email)
    return user


def users_of(session: Session, origin: Origin) -> Sequence[User]:
    """By role, then by name; those deactivated come last."""
    by_role = func.array_position(["admin", "researcher", "labeler"], User.role)
    return session.scalars(
        select(User).where(User.origin == origin).order_by(User.active.desc(), by_role, func.lower(User.name), User.id)
    ).all()


def waiting_invitations(session: Session) -> Sequence[OneTimeLink]:
    """Neither used nor expired, the newest first."""
    return session.scalars(
        select(OneTimeLink)
        .where(
            OneTimeLink.purpose == LinkPurpose.INVITE,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > clock.now(),
        )
        .order_by(OneTimeLink.id.desc())
    ).all()


def has_an_admin(session: Session) -> bool:
    found = session.scalar(select(User.id).where(User.role == Role.ADMIN, User.active).limit(1))
    return found is not None
