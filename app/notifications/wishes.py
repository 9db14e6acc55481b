"""Who wants which events by e-mail."""

from collections.abc import Iterable
from secrets import token_hex

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.config import settings
from app.notifications.mailing import MailNotConfigured
from app.notifications.models import Delivery, EventKind, MailWish
from app.notifications.outbox import record, send


def wishes_of(session: Session, user: User) -> list[EventKind]:
    return list(session.scalars(select(MailWish.kind).where(MailWish.user_id == user.id)))


def choose_wishes(session: Session, user: User, kinds: Iterable[EventKind]) -> None:
    session.execute(delete(MailWish).where(MailWish.user_id == user.id))
    session.add_all(MailWish(user_id=user.id, kind=kind) for kind in dict.fromkeys(kinds))
    session.flush()


def try_mail(session: Session, user: User) -> Delivery:
    """Send a test to the person's own address. Raises `MailNotConfigured`."""
    if not settings().sends_mail:
        raise MailNotConfigured
    event = record(session, EventKind.TEST, None, f"test/{token_hex(16)}", "/account/notifications")
    assert event is not None, "a random key is new"
    delivery = Delivery(event_id=event.id, user_id=user.id)
    send(session, delivery)
    return delivery
