from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Role, SignInAttempt, User
from app.accounts.passwords import hash_password, is_right_password
from app.accounts.service import EmailTaken, WrongPassword, change_password, create_user
from app.accounts.sessions import begin_session, user_of_session
from app.accounts.signing_in import (
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_ADDRESS,
    SignInRefused,
    TooManyAttempts,
    count_attempt,
    sign_in,
)
from app.db import transaction

HOME, AWAY = "203.0.113.9", "198.51.100.7"
PASSWORD = "correct horse battery"


def make_ada(session: Session) -> User:
    return create_user(session, name="Ada", email="ada@example.org", role=Role.LABELER, password=PASSWORD)


def attempts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(SignInAttempt)) or 0


def test_a_password_is_kept_as_an_argon2_hash() -> None:
    kept = hash_password(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert is_right_password(kept, PASSWORD)
    assert not is_right_password(kept, PASSWORD + " ")
    assert not is_right_password(None, PASSWORD)
    assert not is_right_password("not a hash", PASSWORD)


def test_an_account_without_a_password_cannot_sign_in_with_one(session: Session) -> None:
    create_user(session, name="Ada", email="ada@example.org", role=Role.LABELER)
    with pytest.raises(SignInRefused):
        sign_in(session, HOME, "ada@example.org", "")


def test_an_account_is_closed_to_guesses_from_everywhere(session: Session) -> None:
    for number in range(FAILURES_PER_ACCOUNT):
        count_attempt(session, f"203.0.113.{number}", "ada@example.org")
    with pytest.raises(TooManyAttempts):
        count_attempt(session, AWAY, " ADA@example.org")
    count_attempt(session, AWAY, "grace@example.org")


def test_an_address_is_closed_for_all_accounts(session: Session) -> None:
    for number in range(FAILURES_PER_ADDRESS):
        count_attempt(session, HOME, f"user{number}@example.org")
    with pytest.raises(TooManyAttempts):
        count_attempt(session, HOME, "ada@example.org")
    count_attempt(session, AWAY, "ada@example.org")


def test_addresses_of_one_ipv6_network_count_together(session: Session) -> None:
    for number in range(FAILURES_PER_ADDRESS):
        count_attempt(session, f"2001:db8::{number:x}", f"user{number}@example.org")
    with pytest.raises(TooManyAttempts):
        count_attempt(session, "2001:db8::ffff", "ada@example.org")
    count_attempt(session, "2001:db8:0:1::1", "ada@example.org")


def test_success_forgives_the_account_but_not_the_address(session: Session) -> None:
    make_ada(session)
    for _guess in range(3):
        count_attempt(session, HOME, "grace@example.org")
    count_attempt(session, HOME, "ada@example.org")
    count_attempt(session, HOME, "ada@example.org")
    sign_in(session, HOME, "ada@example.org", PASSWORD)
    assert attempts(session) == 3 + 4


def test_guesses_made_at_the_same_moment_count_one_another(fresh_database: Engine) -> None:
    def guess(_number: int) -> bool:
        try:
            with transaction(fresh_database) as session:
                count_attempt(session, HOME, "ada@example.org")
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        taken = sum(threads.map(guess, range(40)))
    assert taken == FAILURES_PER_ACCOUNT


def test_a_changed_password_ends_all_sessions(session: Session) -> None:
    ada = make_ada(session)
    token = begin_session(session, ada)
    with pytest.raises(WrongPassword):
        change_password(session, ada, "wrong", "another password")
    assert user_of_session(session, token) is ada
    change_password(session, ada, PASSWORD, "another password")
    assert user_of_session(session, token) is None
    assert sign_in(session, HOME, "ada@example.org", "another password") is ada


def test_an_address_has_one_account_however_it_is_written(session: Session) -> None:
    make_ada(session)
    with pytest.raises(EmailTaken):
        create_user(session, name="Ada", email="ADA@example.org", role=Role.LABELER)
