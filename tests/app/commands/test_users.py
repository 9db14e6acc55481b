from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.accounts.invitations import NotAnAddress, invite
from app.accounts.models import Cohort, OneTimeLink, Role, User
from app.accounts.queries import NoSuchAccount, require_user
from app.accounts.service import LastAdmin, create_user
from app.accounts.sessions import begin_session, user_of_session
from app.commands.users import app, show_first_admin_link
from app.config import Settings, settings
from app.db import transaction
from app.main import create_app

Run = Callable[..., str]


@pytest.fixture
def run(fresh_database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`rondo users …` on a database of the test's own; what it printed, or the error it ended with."""
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_PUBLIC_URL", "https://rondo.example")
    settings.cache_clear()

    def run(*arguments: str) -> str:
        return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout

    yield run
    settings.cache_clear()


def make_ada(session: Session, role: Role = Role.LABELER) -> User:
    return create_user(session, name="Ada", email="ada@example.org", role=role)


def test_an_invitation_is_a_link_under_the_public_address(run: Run, fresh_database: Engine) -> None:
    link = run("invite", "--role", "admin", "ada@example.org").strip()
    assert link.startswith("https://rondo.example/invitations/")
    page = TestClient(create_app(Settings(), fresh_database)).get(link.removeprefix("https://rondo.example"))
    assert page.status_code == 200
    assert "administer this server" in page.text


def test_what_is_no_address_is_not_invited(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        for wrong in ("x", "a b@example.org", "@", ""):
            with pytest.raises(NotAnAddress, match="no email address"):
                invite(session, wrong, Role.LABELER)
        assert session.scalars(select(OneTimeLink)).all() == []


def test_accounts_are_listed_by_kind(run: Run, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        make_ada(session)
    assert "ada@example.org" in run("list")
    assert "ada@example.org" not in run("list", "--origin", "simulated")


def test_deactivating_signs_out_and_reactivating_lets_in(run: Run, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        token = begin_session(session, make_ada(session))
    run("deactivate", "ADA@example.org")
    with transaction(fresh_database) as session:
        assert user_of_session(session, token) is None
        assert not require_user(session, "ada@example.org").active
    run("reactivate", "ada@example.org")
    with transaction(fresh_database) as session:
        assert require_user(session, "ada@example.org").active


def test_a_reset_link_leads_to_a_page(run: Run, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        make_ada(session)
    path = run("reset", "ada@example.org").strip().removeprefix("https://rondo.example")
    assert path.startswith("/reset/")
    assert TestClient(create_app(Settings(), fresh_database)).get(path).status_code == 200


def test_a_role_and_a_cohort_are_changed(run: Run, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        make_ada(session)
    assert "labeler (held_out)" in run("role", "ada@example.org", "labeler", "--cohort", "held_out")
    with transaction(fresh_database) as session:
        assert require_user(session, "ada@example.org").cohort is Cohort.HELD_OUT
    run("role", "ada@example.org", "researcher")
    with transaction(fresh_database) as session:
        assert require_user(session, "ada@example.org").role is Role.RESEARCHER


def test_what_cannot_be_done_is_refused(run: Run, fresh_database: Engine) -> None:
    with pytest.raises(NoSuchAccount):
        run("reset", "nobody@example.org")
    with transaction(fresh_database) as session:
        make_ada(session, Role.ADMIN)
    with pytest.raises(LastAdmin):
        run("deactivate", "ada@example.org")


def test_a_server_without_an_admin_says_how_to_become_one(
    fresh_database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    show_first_admin_link(fresh_database, Settings(port=8123))
    assert "http://127.0.0.1:8123/invitations/" in capsys.readouterr().out
    with transaction(fresh_database) as session:
        make_ada(session, Role.ADMIN)
    show_first_admin_link(fresh_database, Settings())
    assert capsys.readouterr().out == ""
