"""Passwords, kept as Argon2id hashes (RFC 9106 parameters; about 250 ms of a busy core each time)."""

from functools import lru_cache
from secrets import token_urlsafe

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash

MIN_LENGTH = 10
# Long enough for any passphrase; a limit, because hashing takes time with length.
MAX_LENGTH = 500

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def is_right_password(password_hash: str | None, password: str) -> bool:
    """Takes equally long where there is no hash, so that nobody learns which accounts exist."""
    try:
        return _hasher.verify(password_hash or _hash_of_nothing(), password) and password_hash is not None
    except (Argon2Error, InvalidHash):
        return False


@lru_cache
def _hash_of_nothing() -> str:
    return hash_password(token_urlsafe(32))
