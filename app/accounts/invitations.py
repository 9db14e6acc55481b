"""Nobody signs up by themselves: an admin invites, and the first admin is invited by the command line."""

import re
from http import HTTPStatus

from sqlalchemy import delete, func
from sqlalchemy.orm import Session

from app.accounts.links import make_invitation, use_link
from app.accounts.models import Cohort, LinkPurpose, OneTimeLink, Role, User
from app.accounts.queries import has_an_admin, user_by_email
from app.accounts.service import EmailTaken, cohort_for, create_user
from app.errors import DomainError, message
from app.translation import spoken_language

ADDRESS = r"^\S+@\S+$"


class NotAnAddress(DomainError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    sentence = message("{email} is no email address.")


def invite(session: Session, email: str, role: Role, cohort: Cohort | None = None, by: User | None = None) -> str:
    """The token of the invitation; an earlier one to the same address stops working.

    Raises `EmailTaken`, `NotAnAddress`.
    """
    if not re.match(ADDRESS, email.strip()):
        raise NotAnAddress(email=email)
    if user_by_email(session, email) is not None:
        raise EmailTaken(email=email)
    withdraw_invitations(session, email)
    return make_invitation(session, email.strip(), role, cohort_for(role, cohort), by)


def withdraw_invitations(session: Session, email: str) -> None:
    session.execute(
        delete(OneTimeLink).where(
            OneTimeLink.purpose == LinkPurpose.INVITE,
            OneTimeLink.used_at.is_(None),
            func.lower(OneTimeLink.email) == email.strip().lower(),
        )
    )


def accept_invitation(session: Session, token: str, *, email: str, name: str, password: str) -> User:
    """The new account; it may take another address than the invited one, and speaks the language of the page.

    Raises `LinkNotUsable`, `EmailTaken`.
    """
    link = use_link(session, LinkPurpose.INVITE, token)
    assert link.role is not None
    return create_user(
        session,
        name=name,
        email=email,
        role=link.role,
        cohort=link.cohort,
        password=password,
        language=spoken_language(),
    )


def invite_first_admin(session: Session) -> str | None:
    """An invitation for whoever starts an empty server, or None where an admin exists already."""
    if has_an_admin(session):
        return None
    return invite(session, "admin@localhost", Role.ADMIN)
