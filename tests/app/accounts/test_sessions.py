from datetime import timedelta

from sqlalchemy.orm import Session

from app.accounts.sessions import (
    IDLE,
    LIFETIME,
    begin_session,
    end_session,
    end_sessions_of,
    user_of_session,
)
from tests.app.accounts.conftest import Wait
from tests.factories import make_user


def test_a_session_leads_to_its_user(session: Session) -> None:
    ada, grace = make_user(session), make_user(session)
    token = begin_session(session, ada)
    begin_session(session, grace)
    assert user_of_session(session, token) is ada
    assert user_of_session(session, "something else") is None


def test_an_idle_session_ends(session: Session, wait: Wait) -> None:
    token = begin_session(session, make_user(session))
    wait(IDLE - timedelta(seconds=1))
    assert user_of_session(session, token)
    wait(IDLE - timedelta(seconds=1))
    assert user_of_session(session, token), "the visit before did not count"
    wait(IDLE)
    assert user_of_session(session, token) is None


def test_a_session_in_daily_use_ends_all_the_same(session: Session, wait: Wait) -> None:
    token = begin_session(session, make_user(session))
    for _day in range(LIFETIME.days - 1):
        wait(timedelta(days=1))
        assert user_of_session(session, token)
    wait(timedelta(days=1))
    assert user_of_session(session, token) is None


def test_a_deactivated_user_has_no_sessions(session: Session) -> None:
    user = make_user(session)
    token = begin_session(session, user)
    user.active = False
    assert user_of_session(session, token) is None


def test_ending_one_session_leaves_the_others(session: Session) -> None:
    user, other = make_user(session), make_user(session)
    first, second, third = begin_session(session, user), begin_session(session, user), begin_session(session, other)
    end_session(session, first)
    assert user_of_session(session, first) is None
    assert user_of_session(session, second) is user
    end_sessions_of(session, user)
    assert user_of_session(session, second) is None
    assert user_of_session(session, third) is other
