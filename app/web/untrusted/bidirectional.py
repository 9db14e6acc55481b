"""Control characters that turn the direction of writing, by which a text can show other words than it holds.

(CVE-2021-42574, "Trojan Source".) They are shown by name and turn nothing.
"""

import re

CONTROLS = {
    "\u202a": "LRE",
    "\u202b": "RLE",
    "\u202c": "PDF",
    "\u202d": "LRO",
    "\u202e": "RLO",
    "\u2066": "LRI",
    "\u2067": "RLI",
    "\u2068": "FSI",
    "\u2069": "PDI",
}
_CONTROL = re.compile(f"[{''.join(CONTROLS)}]")
_IN_TEXT = re.compile(r"<[^>]*>|" + _CONTROL.pattern)


def controls_shown(html: str) -> str:
    """In attributes, where they cannot be seen, they are taken out."""
    return _IN_TEXT.sub(_shown, html) if _CONTROL.search(html) else html


def _shown(match: re.Match[str]) -> str:
    found = match[0]
    return f'<span class="control">{CONTROLS[found]}</span>' if found in CONTROLS else _CONTROL.sub("", found)
