"""Verbs of webhooks: made, changed, switched off and on, given another secret, deleted, tried."""

from collections.abc import Iterable
from secrets import token_hex
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import DomainError, InvalidInput, message
from app.notifications.models import Delivery, DeliveryState, EventKind, Webhook
from app.notifications.outbox import record, send
from app.notifications.signing import new_secret
from app.projects.models import Project
from app.translation import gettext

LONGEST_URL = 2_000


class NothingToRepeat(DomainError):
    sentence = message("The webhook is switched off. Switch it on before anything is sent.")


def create_webhook(
    session: Session, project: Project, url: str, events: Iterable[EventKind], created_by: User | None = None
) -> Webhook:
    """Raises `InvalidInput`. Its secret is to be shown now and never again."""
    webhook = Webhook(
        project_id=project.id,
        url=checked(url),
        secret=new_secret(),
        events=_values(events),
        created_by_id=created_by.id if created_by else None,
    )
    session.add(webhook)
    session.flush()
    return webhook


def change_webhook(session: Session, webhook: Webhook, url: str, events: Iterable[EventKind]) -> None:
    """Raises `InvalidInput`."""
    webhook.url, webhook.events = checked(url), _values(events)
    session.flush()


def checked(url: str) -> str:
    """Where its host is allowed at all is looked at when something is sent, since a name may lead elsewhere by then."""
    try:
        parts = urlsplit(url.strip())
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise InvalidInput(reason=gettext("Please give a whole address, such as https://hooks.example.org/rondo."))
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(reason=gettext("An address with a name or password in it would show them on this page."))
    return url.strip()


def _values(events: Iterable[EventKind]) -> list[str]:
    return [EventKind(each).value for each in events]


def renew_secret(session: Session, webhook: Webhook) -> str:
    """The earlier one signs nothing from now on."""
    webhook.secret = new_secret()
    session.flush()
    return webhook.secret


def switch_off(session: Session, webhook: Webhook) -> None:
    webhook.active = False
    session.flush()


def switch_on(session: Session, webhook: Webhook) -> None:
    webhook.active, webhook.failures = True, 0
    session.flush()


def delete_webhook(session: Session, webhook: Webhook) -> None:
    """With the log of what was sent to it."""
    session.delete(webhook)
    session.flush()


def new_test(session: Session, webhook: Webhook) -> Delivery:
    """An event of the webhook's own, which nobody sends yet. Raises `NothingToRepeat` while it is off."""
    _expect_on(webhook)
    project = session.get_one(Project, webhook.project_id)
    path = f"/projects/{project.id}/webhooks/{webhook.id}"
    event = record(session, EventKind.TEST, project, f"test/{token_hex(16)}", path)
    assert event is not None, "a random key is new"
    delivery = Delivery(event_id=event.id, webhook_id=webhook.id)
    session.add(delivery)
    session.flush()
    return delivery


def try_webhook(session: Session, webhook: Webhook) -> Delivery:
    """Send it a test. Raises `NothingToRepeat` while it is off."""
    delivery = new_test(session, webhook)
    send(session, delivery)
    return delivery


def send_again(session: Session, webhook: Webhook, delivery: Delivery) -> None:
    """The same event under the same number, whatever became of it before. Raises `NothingToRepeat`."""
    _expect_on(webhook)
    delivery.state = DeliveryState.WAITING
    send(session, delivery)


def _expect_on(webhook: Webhook) -> None:
    if not webhook.active:
        raise NothingToRepeat
