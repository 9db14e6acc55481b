"""Links that work once: invitations, password resets and one-time sign-ins. Only the digest of each is kept."""

from datetime import timedelta
from http import HTTPStatus

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Cohort, LinkPurpose, OneTimeLink, Origin, Role, User
from app.accounts.tokens import digest, new_token
from app.errors import DomainError, message

LIFETIMES = {
    LinkPurpose.INVITE: timedelta(days=7),
    LinkPurpose.RESET: timedelta(days=1),
    LinkPurpose.SIGN_IN: timedelta(days=1),
}


class LinkNotUsable(DomainError):
    """Unknown, used or expired; which of them is nobody's business."""

    status = HTTPStatus.GONE
    sentence = message("This link has been used or has expired. Ask an administrator for a new one.")


class NeverSignsIn(DomainError):
    sentence = message("{name} stands for the author of imported annotations and cannot sign in.")


def make_user_link(session: Session, purpose: LinkPurpose, user: User, by: User | None = None) -> str:
    """The token of a reset or sign-in link for `user`; earlier ones of the same kind stop working. Raises
    `NeverSignsIn`."""
    if user.origin is Origin.IMPORTED:
        raise NeverSignsIn(name=user.name)
    session.execute(delete(OneTimeLink).where(OneTimeLink.purpose == purpose, OneTimeLink.user_id == user.id))
    return _keep(session, OneTimeLink(purpose=purpose, user_id=user.id), by)


def make_invitation(session: Session, email: str, role: Role, cohort: Cohort | None, by: User | None = None) -> str:
    link = OneTimeLink(purpose=LinkPurpose.INVITE, email=email, role=role, cohort=cohort)
    return _keep(session, link, by)


def _keep(session: Session, link: OneTimeLink, by: User | None) -> str:
    token = new_token()
    link.token_digest = digest(token)
    link.created_by_id = by.id if by else None
    link.expires_at = clock.now() + LIFETIMES[link.purpose]
    session.add(link)
    session.flush()
    return token


def usable_link(session: Session, purpose: LinkPurpose, token: str) -> OneTimeLink:
    """Raises `LinkNotUsable`."""
    link = session.scalar(_unused(purpose, token))
    if link is None:
        raise LinkNotUsable
    return link


def use_link(session: Session, purpose: LinkPurpose, token: str) -> OneTimeLink:
    """The link, used up. Of two that use it at once the second waits and finds it used. Raises `LinkNotUsable`."""
    link = session.scalar(_unused(purpose, token).with_for_update())
    if link is None:
        raise LinkNotUsable
    link.used_at = clock.now()
    session.flush()
    return link


def _unused(purpose: LinkPurpose, token: str) -> Select[OneTimeLink]:
    return select(OneTimeLink).where(
        OneTimeLink.token_digest == digest(token),
        OneTimeLink.purpose == purpose,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > clock.now(),
    )
