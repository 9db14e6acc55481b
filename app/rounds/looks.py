"""What a text looks like to a labeler: texts that differ only in what nobody sees look alike."""

import unicodedata
from hashlib import sha256


def look_of(text: str) -> bytes:
    """A digest that is the same for texts with other white space at ends of lines, or other forms of the same signs.

    Indentation counts, for it means something in code and lists.
    """
    composed = unicodedata.normalize("NFC", text).replace("\N{NO-BREAK SPACE}", " ")
    lines = [line.rstrip() for line in composed.splitlines()]
    return sha256("\n".join(lines).strip("\n").encode("utf-8", "surrogatepass")).digest()
