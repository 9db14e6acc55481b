"""Which split a prompt falls into: by customer where there is one, else by the prompt itself."""

import hashlib

from app.prompts.models import Split

VALIDATION_SHARE = 0.1
TEST_SHARE = 0.1


def split_of(customer: str | None, digest: bytes) -> Split:
    """The same for every prompt of a customer, so that none stands on both sides (InstructGPT, section 3.2)."""
    key = b"customer:" + customer.encode() if customer else b"prompt:" + digest
    drawn = int.from_bytes(hashlib.sha256(key).digest()[:8]) / 2**64
    if drawn < TEST_SHARE:
        return Split.TEST
    return Split.VALIDATION if drawn < TEST_SHARE + VALIDATION_SHARE else Split.TRAIN
