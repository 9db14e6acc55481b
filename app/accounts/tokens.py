"""Secrets that a person carries: in a cookie or in a link. The database keeps their digests only."""

from hashlib import sha256
from secrets import token_urlsafe


def new_token() -> str:
    """256 random bits, fit for a URL."""
    return token_urlsafe(32)


def digest(token: str) -> bytes:
    """Plain SHA-256 serves, because a token is too random to guess."""
    return sha256(token.encode()).digest()
