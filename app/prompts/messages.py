"""A prompt's messages: checked, canonical, and digested."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.errors import InvalidInput
from app.translation import gettext


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MESSAGES = TypeAdapter(list[Message])


def checked_messages(messages: object) -> list[dict[str, str]]:
    """The messages as stored; raises `InvalidInput` unless they end where the assistant should speak."""
    try:
        checked = _MESSAGES.validate_python(messages)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            reason=gettext("The prompt's messages are wrong at {place}: {problem}.").format(
                place=where or gettext("the top"), problem=first["msg"]
            )
        ) from error
    if not checked or checked[-1].role == "assistant":
        raise InvalidInput(reason=gettext("A prompt needs messages, the last of them not by the assistant."))
    return [{"role": message.role, "content": checked_text(message.content)} for message in checked]


def checked_text(text: str) -> str:
    """The text, if Postgres can keep it: no NUL and no lone surrogates (JSON may hold both)."""
    if not text.isprintable() and _UNSTORABLE.search(text):
        raise InvalidInput(
            reason=gettext("A text contains a character that cannot be stored (NUL or half a surrogate pair).")
        )
    return text


def messages_digest(messages: Sequence[dict[str, Any]]) -> bytes:
    """SHA-256 of the canonical JSON: equal for equal messages, whatever the order of their fields."""
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
