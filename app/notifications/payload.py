"""What is posted to a webhook: an event's kind, time and facts, in the shape that Standard Webhooks recommends."""

import json

from app.config import Settings
from app.notifications.models import Event


def type_of(event: Event) -> str:
    """`round_finished` as `round.finished`."""
    return event.kind.value.replace("_", ".", 1)


def body_of(settings: Settings, event: Event) -> bytes:
    """The same at every attempt, so that receivers may compare."""
    said = {
        "type": type_of(event),
        "timestamp": event.created_at.isoformat(),
        "data": {**event.facts, "project_id": event.project_id, "url": settings.address(event.path)},
    }
    return json.dumps(said, ensure_ascii=False).encode()
