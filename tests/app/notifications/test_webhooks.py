"""Events on their way to a real receiver: signed, again after a refusal, never twice, never after a rollback."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from app.db import transaction
from app.errors import InvalidInput
from app.notifications.attempts import MOST_FAILURES
from app.notifications.models import Delivery, DeliveryState, Event, EventKind, Webhook
from app.notifications.outbox import PAUSES, announce
from app.notifications.webhooks import (
    NothingToRepeat,
    create_webhook,
    send_again,
    switch_off,
    switch_on,
    try_webhook,
)
from tests.factories import make_project
from tests.receiver import Receiver

DONE = EventKind.ROUND_FINISHED


def told(engine: Engine, url: str, *, kinds=(DONE,), key="1") -> Webhook:
    with transaction(engine) as session:
        project = make_project(session, "Sea & sky")
        webhook = create_webhook(session, project, url, kinds)
        announce(session, DONE, project, key, "/rounds/7/report", round=3)
    return webhook


def the_delivery(engine: Engine) -> Delivery:
    with transaction(engine) as session:
        return session.scalars(select(Delivery)).one()


def test_an_event_arrives_signed_as_standard_webhooks_has_it(fresh_database, hook: Receiver, deliver_now) -> None:
    webhook = told(fresh_database, hook.url)
    deliver_now()
    ((headers, body),) = hook.received
    said = Verifier(webhook.secret).verify(body, headers)
    assert said["type"] == "round.finished"
    assert said["data"]["project"] == "Sea & sky"
    assert said["data"]["round"] == 3
    assert said["data"]["url"] == "https://rondo.example.org/rounds/7/report"
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook.secret).verify(body.replace(b"3", b"4"), headers)
    delivery = the_delivery(fresh_database)
    assert (delivery.state, [each["status"] for each in delivery.attempts]) == (DeliveryState.DELIVERED, [204])


def test_a_refused_event_comes_again_after_growing_pauses_under_the_same_number(
    fresh_database, hook: Receiver, deliver_now
) -> None:
    hook.answers = [500, 302]
    told(fresh_database, hook.url)
    assert deliver_now() == 1
    pause = text("SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs WHERE task_name ~ 'deliver'")
    with fresh_database.connect() as connection:
        assert float(connection.execute(pause).scalar_one()) <= PAUSES[0] * 1.1
    assert deliver_now() == 1
    with fresh_database.connect() as connection:
        assert float(connection.execute(pause).scalar_one()) > PAUSES[1] * 0.8
    assert deliver_now() == 0
    assert len({headers["webhook-id"] for headers, _ in hook.received}) == 1
    assert len({body for _, body in hook.received}) == 1  # no redirect was followed: it would have come as a GET
    delivery = the_delivery(fresh_database)
    assert [each["status"] for each in delivery.attempts] == [500, 302, 204]
    assert delivery.state is DeliveryState.DELIVERED


def test_after_the_last_pause_it_is_given_up(fresh_database, hook: Receiver, deliver_now) -> None:
    hook.answers = [500] * 20
    told(fresh_database, hook.url)
    rounds = 1
    while deliver_now():
        rounds += 1
    assert rounds == len(PAUSES) + 1 == len(hook.received)
    assert the_delivery(fresh_database).state is DeliveryState.FAILED


def test_many_failures_in_a_row_switch_a_webhook_off_and_say_so(fresh_database, hook: Receiver, deliver_now) -> None:
    hook.answers = [500]
    webhook = told(fresh_database, hook.url)
    with transaction(fresh_database) as session:
        session.get_one(Webhook, webhook.id).failures = MOST_FAILURES - 1
    assert deliver_now() == 0
    with transaction(fresh_database) as session:
        off = session.get_one(Webhook, webhook.id)
        assert not off.active
        assert session.scalars(select(Event.kind).order_by(Event.id)).all() == [DONE, EventKind.WEBHOOK_DISABLED]
        with pytest.raises(NothingToRepeat):
            try_webhook(session, off)
        switch_on(session, off)
        send_again(session, off, session.scalars(select(Delivery)).one())
    deliver_now()
    assert len(hook.received) == 2
    with transaction(fresh_database) as session:
        assert session.get_one(Webhook, webhook.id).failures == 0


def test_a_receiver_that_is_gone_is_left_alone_at_once(fresh_database, hook: Receiver, deliver_now) -> None:
    hook.answers = [410]
    webhook = told(fresh_database, hook.url)
    assert deliver_now() == 0
    with transaction(fresh_database) as session:
        assert not session.get_one(Webhook, webhook.id).active


def test_what_waits_is_given_up_when_its_webhook_is_switched_off(fresh_database, hook: Receiver, deliver_now) -> None:
    webhook = told(fresh_database, hook.url)
    with transaction(fresh_database) as session:
        switch_off(session, session.get_one(Webhook, webhook.id))
    assert deliver_now() == 0
    assert hook.received == []
    assert the_delivery(fresh_database).state is DeliveryState.FAILED


def test_a_test_is_sent_whatever_was_asked_for(fresh_database, hook: Receiver, deliver_now) -> None:
    with transaction(fresh_database) as session:
        try_webhook(session, create_webhook(session, make_project(session), hook.url, []))
    deliver_now()
    ((_, body),) = hook.received
    assert json.loads(body)["type"] == "test"


def test_what_is_rolled_back_was_never_told(fresh_database, hook: Receiver, deliver_now) -> None:
    with Session(fresh_database) as session:
        project = make_project(session)
        create_webhook(session, project, hook.url, [DONE])
        announce(session, DONE, project, "1", "/", round=1)
        session.rollback()
    assert deliver_now() == 0
    assert hook.received == []


def test_two_who_see_the_same_fact_tell_it_once(fresh_database, hook: Receiver, deliver_now) -> None:
    with transaction(fresh_database) as session:
        project = make_project(session)
        create_webhook(session, project, hook.url, [DONE])

    def tell(_: int) -> None:
        with transaction(fresh_database) as session:
            announce(session, DONE, project, "the same", "/", round=1)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(tell, range(8)))
    deliver_now()
    assert len(hook.received) == 1


def test_only_what_was_asked_for_comes_and_only_of_the_own_project(session: Session) -> None:
    project = make_project(session)
    create_webhook(session, project, "https://hooks.example.org", [EventKind.RUN_FAILED])
    create_webhook(session, make_project(session), "https://hooks.example.org", [DONE])
    announce(session, DONE, project, "1", "/", round=1)
    assert session.scalars(select(Delivery)).all() == []


@pytest.mark.parametrize(
    "url",
    ["hooks.example.org", "ftp://hooks.example.org", "https://", "https://me:word@hooks.example.org", "https://[x"],
)
def test_an_address_that_cannot_be_posted_to_is_refused(session: Session, url: str) -> None:
    with pytest.raises(InvalidInput):
        create_webhook(session, make_project(session), url, [DONE])
