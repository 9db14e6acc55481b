"""Verbs on accounts: made, renamed, given a role, deactivated and reactivated, given a password."""

from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.links import use_link
from app.accounts.models import Cohort, LinkPurpose, Origin, Role, User
from app.accounts.passwords import hash_password, is_right_password
from app.accounts.queries import user_by_email, user_with
from app.accounts.sessions import end_sessions_of
from app.errors import DomainError, message
from app.translation import SOURCE_LANGUAGE, known


class EmailTaken(DomainError):
    sentence = message("There is already an account for {email}.")


class LastAdmin(DomainError):
    sentence = message("This is the last active administrator. Make somebody else administrator first.")


class WrongPassword(DomainError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    sentence = message("This is not your present password.")


def create_user(
    session: Session,
    *,
    name: str,
    email: str,
    role: Role,
    cohort: Cohort | None = None,
    origin: Origin = Origin.PERSON,
    password: str | None = None,
    language: str = SOURCE_LANGUAGE,
) -> User:
    """A person or a simulated labeler. A labeler without a cohort joins the training one. Raises `EmailTaken`."""
    if user_by_email(session, email) is not None:
        raise EmailTaken(email=email)
    user = User(name=name, email=email, role=role, cohort=cohort_for(role, cohort), origin=origin, active=True)
    user.language = known(language)
    user.password_hash = hash_password(password) if password else None
    session.add(user)
    session.flush()
    return user


def cohort_for(role: Role, cohort: Cohort | None) -> Cohort | None:
    """Only labelers belong to a cohort, and each of them to one."""
    return (cohort or Cohort.TRAINING) if role is Role.LABELER else None


def rename(session: Session, user: User, name: str) -> None:
    user.name = name
    session.flush()


def choose_language(session: Session, user: User, language: str) -> None:
    user.language = known(language)
    session.flush()


def choose_content(session: Session, user: User, *, sees_sensitive: bool) -> None:
    """Whether they get tasks of campaigns with a content warning; what is on their desk already stays there."""
    user.sees_sensitive = sees_sensitive
    session.flush()


def change_role(session: Session, user: User, role: Role, cohort: Cohort | None = None) -> None:
    """What the user submitted before keeps the cohort it was made in. Raises `LastAdmin`."""
    if role is not Role.ADMIN:
        _keep_an_admin_besides(session, user)
    user.role = role
    user.cohort = cohort_for(role, cohort)
    session.flush()


def deactivate(session: Session, user: User) -> None:
    """Signs the user out everywhere; nothing they made is touched. Raises `LastAdmin`."""
    _keep_an_admin_besides(session, user)
    user.active = False
    end_sessions_of(session, user)
    session.flush()


def reactivate(session: Session, user: User) -> None:
    user.active = True
    session.flush()


def change_password(session: Session, user: User, present: str, new: str) -> None:
    """Signs the user out everywhere. Raises `WrongPassword`."""
    if not is_right_password(user.password_hash, present):
        raise WrongPassword
    _set_password(session, user, new)


def reset_password(session: Session, token: str, new: str) -> User:
    """The owner of the reset link, whose sessions have ended. Raises `LinkNotUsable`."""
    link = use_link(session, LinkPurpose.RESET, token)
    assert link.user_id is not None
    user = user_with(session, link.user_id)
    _set_password(session, user, new)
    return user


def _set_password(session: Session, user: User, password: str) -> None:
    user.password_hash = hash_password(password)
    end_sessions_of(session, user)
    session.flush()


def _keep_an_admin_besides(session: Session, user: User) -> None:
    """The lock makes two admins who demote each other at once wait for one another."""
    admins = session.scalars(
        select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
    ).all()
    if list(admins) == [user.id]:
        raise LastAdmin
