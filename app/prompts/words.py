"""Words of a text, also in languages that put no spaces between them."""

import re

# Languages without spaces have no words to split at: each of their signs counts as one.
_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W{_SIGNS}]+(?:['’\-][^\W{_SIGNS}]+)*")


def words_in(text: str) -> list[str]:
    return _WORD.findall(text)
