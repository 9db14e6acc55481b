from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.accounts.invitations import accept_invitation, invite, invite_first_admin
from app.accounts.links import LIFETIMES, LinkNotUsable, NeverSignsIn, make_user_link, usable_link, use_link
from app.accounts.models import Cohort, LinkPurpose, Origin, Role, User
from app.accounts.service import EmailTaken
from app.accounts.signing_in import sign_in_once
from app.db import transaction
from tests.app.accounts.conftest import Wait
from tests.factories import make_user

PASSWORD = "correct horse battery"


def accept(session: Session, token: str, email: str = "grace@example.org") -> User:
    return accept_invitation(session, token, email=email, name="Grace", password=PASSWORD)


@pytest.mark.parametrize("purpose", [LinkPurpose.RESET, LinkPurpose.SIGN_IN])
def test_a_link_expires(session: Session, wait: Wait, purpose: LinkPurpose) -> None:
    token = make_user_link(session, purpose, make_user(session))
    wait(LIFETIMES[purpose] - timedelta(seconds=1))
    usable_link(session, purpose, token)
    wait(timedelta(seconds=1))
    with pytest.raises(LinkNotUsable):
        usable_link(session, purpose, token)


def test_an_invitation_expires(session: Session, wait: Wait) -> None:
    token = invite(session, "grace@example.org", Role.LABELER)
    wait(LIFETIMES[LinkPurpose.INVITE])
    with pytest.raises(LinkNotUsable):
        accept(session, token)


def test_a_link_of_one_purpose_does_not_serve_another(session: Session) -> None:
    token = make_user_link(session, LinkPurpose.RESET, make_user(session))
    with pytest.raises(LinkNotUsable):
        sign_in_once(session, token)


def test_the_newest_link_of_a_user_is_the_one_that_works(session: Session) -> None:
    user = make_user(session)
    old, new = (make_user_link(session, LinkPurpose.SIGN_IN, user) for _ in range(2))
    with pytest.raises(LinkNotUsable):
        sign_in_once(session, old)
    assert sign_in_once(session, new) is user


def test_a_deactivated_user_cannot_use_a_sign_in_link(session: Session) -> None:
    user = make_user(session)
    token = make_user_link(session, LinkPurpose.SIGN_IN, user)
    user.active = False
    with pytest.raises(LinkNotUsable):
        sign_in_once(session, token)


def test_imported_authors_get_no_links(session: Session) -> None:
    with pytest.raises(NeverSignsIn):
        make_user_link(session, LinkPurpose.RESET, make_user(session, origin=Origin.IMPORTED))


def test_an_invited_labeler_joins_the_training_cohort_unless_said(session: Session) -> None:
    assert accept(session, invite(session, "grace@example.org", Role.LABELER)).cohort is Cohort.TRAINING
    token = invite(session, "ada@example.org", Role.RESEARCHER, Cohort.HELD_OUT)
    assert accept(session, token, "ada@example.org").cohort is None


def test_an_invitation_does_not_give_somebody_elses_address(session: Session) -> None:
    present = make_user(session)
    assert present.email
    token = invite(session, "grace@example.org", Role.LABELER)
    with pytest.raises(EmailTaken):
        accept(session, token, present.email.upper())


def test_only_a_server_without_an_admin_invites_the_first(session: Session) -> None:
    first, second = invite_first_admin(session), invite_first_admin(session)
    assert first
    assert second
    with pytest.raises(LinkNotUsable):
        accept(session, first)
    assert accept(session, second).role is Role.ADMIN
    assert invite_first_admin(session) is None


def test_of_many_who_use_a_link_at_once_one_succeeds(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        token = make_user_link(session, LinkPurpose.SIGN_IN, make_user(session))

    def use(_number: int) -> bool:
        try:
            with transaction(fresh_database) as session:
                use_link(session, LinkPurpose.SIGN_IN, token)
        except LinkNotUsable:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(use, range(8))) == [False] * 7 + [True]
