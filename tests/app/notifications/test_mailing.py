"""E-mail through a real server: to whom it should, in their language, once."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.accounts.service import deactivate
from app.db import transaction
from app.notifications.mailing import MailNotConfigured
from app.notifications.models import Delivery, EventKind
from app.notifications.outbox import announce
from app.notifications.wishes import choose_wishes, try_mail, wishes_of
from tests.factories import make_project, make_user
from tests.receiver import Mailbox

FAILED = EventKind.RUN_FAILED


def wishing(session: Session, role: Role = Role.ADMIN, language: str = "en") -> User:
    user = make_user(session, role)
    user.language = language
    choose_wishes(session, user, [FAILED, FAILED])
    return user


def fail(engine: Engine) -> None:
    with transaction(engine) as session:
        project = make_project(session, "Sea\n<b>& sky</b>")
        announce(session, FAILED, project, "1", "/runs/5", run=5, stage="reward", error="No <memory> left.")


def test_whoever_asked_reads_it_in_their_language(fresh_database, mailbox: Mailbox, deliver_now) -> None:
    with transaction(fresh_database) as session:
        reader, other = wishing(session), wishing(session, Role.RESEARCHER, "zh")
        choose_wishes(session, make_user(session, Role.ADMIN), [EventKind.ROUND_FINISHED])
    fail(fresh_database)
    assert deliver_now() == 0
    mails = {mail["To"]: mail for mail in mailbox.received}
    assert set(mails) == {reader.email, other.email}
    mail = mails[reader.email]
    assert mail["Subject"] == "Sea <b>& sky</b>: run 5 failed"
    assert mail["From"] == "Rondo <rondo@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "The stage reward" in plain
    assert "No <memory> left." in plain
    assert "https://rondo.example.org/runs/5" in plain
    assert "No &lt;memory&gt; left." in html
    assert '<a href="https://rondo.example.org/runs/5">' in html
    assert mails[other.email]["Subject"] != mail["Subject"]
    assert 'lang="zh"' in mails[other.email].get_body(("html",)).get_content()


def test_labelers_and_people_who_left_are_told_nothing(session: Session, mailbox: Mailbox) -> None:
    wishing(session, Role.LABELER)
    deactivate(session, wishing(session, Role.RESEARCHER))
    announce(session, FAILED, make_project(session), "1", "/runs/5", run=5, stage="reward", error="")
    assert session.scalars(select(Delivery)).all() == []
    assert mailbox.received == []


def test_mail_that_was_not_taken_comes_again(fresh_database, mailbox: Mailbox, deliver_now) -> None:
    with transaction(fresh_database) as session:
        wishing(session)
    mailbox.refuses = True
    fail(fresh_database)
    assert deliver_now() == 1
    mailbox.refuses = False
    assert deliver_now() == 0
    assert len(mailbox.received) == 1
    with transaction(fresh_database) as session:
        first, second = session.scalars(select(Delivery)).one().attempts
    assert "Come back later" in first["error"]
    assert second["error"] is None


def test_without_a_server_nothing_waits_for_one(session: Session) -> None:
    reader = wishing(session)
    announce(session, FAILED, make_project(session), "1", "/runs/5", run=5, stage="reward", error="")
    assert session.scalars(select(Delivery)).all() == []
    with pytest.raises(MailNotConfigured):
        try_mail(session, reader)


def test_a_test_goes_to_oneself(fresh_database, mailbox: Mailbox, deliver_now) -> None:
    with transaction(fresh_database) as session:
        reader = make_user(session, Role.ADMIN)
        try_mail(session, reader)
    deliver_now()
    assert [mail["To"] for mail in mailbox.received] == [reader.email]


def test_wishes_are_kept_once_and_taken_back(session: Session) -> None:
    user = wishing(session)
    assert wishes_of(session, user) == [FAILED]
    choose_wishes(session, user, [])
    assert wishes_of(session, user) == []
