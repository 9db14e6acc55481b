from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from app.commands.webhooks import app
from app.config import settings
from app.db import transaction
from app.notifications.models import Delivery, DeliveryState, EventKind
from app.notifications.webhooks import create_webhook
from tests.factories import make_project
from tests.receiver import Receiver, receiver


@pytest.fixture
def hook(fresh_database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_WEBHOOK_HOSTS", "127.0.0.1")
    settings.cache_clear()
    with receiver() as found:
        with transaction(fresh_database) as session:
            create_webhook(session, make_project(session, "Sea"), found.url, [EventKind.RUN_FAILED])
        yield found
    settings.cache_clear()


def test_webhooks_are_listed_and_tried(hook: Receiver, fresh_database: Engine) -> None:
    listed = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    assert hook.url in listed.output
    assert "run_failed" in listed.output
    tried = CliRunner().invoke(app, ["test", "1"])
    assert (tried.exit_code, tried.output.strip()) == (0, "Taken: HTTP 204")
    hook.answers = [500]
    refused = CliRunner().invoke(app, ["test", "1"])
    assert (refused.exit_code, refused.output.strip()) == (1, "Not taken: HTTP 500")
    assert len(hook.received) == 2
    with transaction(fresh_database) as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert states == [DeliveryState.DELIVERED, DeliveryState.FAILED]
