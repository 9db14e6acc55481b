"""One attempt to bring an event to a webhook or a person, and what is noted of it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.clock import now
from app.config import Settings
from app.errors import DomainError, message
from app.notifications.mailing import send_mail
from app.notifications.models import Delivery, DeliveryState, Event, Webhook
from app.notifications.payload import body_of
from app.notifications.posting import post
from app.notifications.signing import signed_headers

MOST_FAILURES = 20  # attempts in a row, after which a webhook is switched off
GONE = 410  # what a receiver answers that wants no more of it


class WebhookOff(DomainError):
    sentence = message("The webhook is switched off.")


@dataclass(frozen=True)
class Parcel:
    """What is to be sent, read before and kept when the transaction is over."""

    event: Event
    webhook: Webhook | None
    reader: User | None


@dataclass(frozen=True)
class Result:
    """A status where somebody answered; an error where nobody took it."""

    status: int | None = None
    error: str | None = None


def parcel_of(session: Session, number: int) -> Parcel | None:
    """None where nothing is to be sent any more."""
    delivery = session.get(Delivery, number)
    if delivery is None or delivery.state is DeliveryState.DELIVERED:
        return None
    webhook = session.get(Webhook, delivery.webhook_id) if delivery.webhook_id else None
    reader = session.get(User, delivery.user_id) if delivery.user_id else None
    return Parcel(session.get_one(Event, delivery.event_id), webhook, reader)


def attempt(chosen: Settings, parcel: Parcel) -> Result:
    try:
        if parcel.webhook:
            return _posted(chosen, parcel.event, parcel.webhook)
        assert parcel.reader is not None, "a delivery goes to a webhook or a person"
        send_mail(chosen, parcel.event, parcel.reader)
    except DomainError as refused:
        return Result(error=str(refused))
    return Result()


def _posted(chosen: Settings, event: Event, webhook: Webhook) -> Result:
    """Redirects count as refusals: who moved says so on the page of the webhook."""
    if not webhook.active:
        raise WebhookOff
    body = body_of(chosen, event)
    signed = signed_headers(webhook.secret, event.message_id, now(), body)
    status = post(chosen, webhook.url, {**signed, "content-type": "application/json", "user-agent": "Rondo"}, body)
    return Result(status, None if 200 <= status < 300 else f"HTTP {status}")


@dataclass(frozen=True)
class Noted:
    """Whether that was the end of it, and the webhook that was switched off because of it."""

    is_over: bool
    switched_off: Webhook | None = None


def note(session: Session, number: int, result: Result, *, is_last: bool) -> Noted:
    delivery = session.get(Delivery, number, with_for_update=True)
    if delivery is None:  # its webhook was deleted meanwhile
        return Noted(is_over=True)
    said: dict[str, Any] = {"at": now().isoformat(), "status": result.status, "error": result.error}
    delivery.attempts = [*delivery.attempts, said]
    webhook = session.get(Webhook, delivery.webhook_id, with_for_update=True) if delivery.webhook_id else None
    switched_off = webhook if webhook and webhook.active and _was_one_too_many(webhook, result) else None
    if result.error is None:
        delivery.state = DeliveryState.DELIVERED
    elif is_last or (webhook and not webhook.active):
        delivery.state = DeliveryState.FAILED
    return Noted(delivery.state is not DeliveryState.WAITING, switched_off)


def _was_one_too_many(webhook: Webhook, result: Result) -> bool:
    """Counts the attempt, and switches the webhook off where it was."""
    webhook.failures = 0 if result.error is None else webhook.failures + 1
    webhook.active = webhook.failures < MOST_FAILURES and result.status != GONE
    return not webhook.active
