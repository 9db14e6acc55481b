"""Text that nobody vouches for (model outputs, prompts, imports) as HTML that does nothing but show it.

Markdown first, in which raw HTML is shown as text, then an allow-list that keeps no image, style, form or script.
Both would do alone; the page's content security policy is the third lock.
"""

import re

from markupsafe import Markup, escape

from app.translation import gettext as _
from app.web.untrusted.bidirectional import controls_shown
from app.web.untrusted.code import SECONDS
from app.web.untrusted.markdown import is_costly, markdown_html
from app.web.untrusted.sanitising import keep_harmless

# Raise it with every change to what comes out: HTML is kept in the database by this number.
RENDERER = 3

MAX_BYTES = 20_000

# What is shown as written comes in parts of up to so many characters, cut after a space if there is one.
PART = 8_000
_PART = re.compile(rf"(?s).{{1,{PART - 1}}}\s|.{{1,{PART}}}")


def render_untrusted(text: str) -> Markup:
    """Sanitised HTML; what is too long or too costly to format is shown as it was written, with a notice."""
    return _rendered(text, SECONDS)


def render_unmarked(text: str) -> Markup:
    """The same in less time: code is not marked."""
    return _rendered(text, 0)


def _rendered(text: str, seconds_for_code: float) -> Markup:
    text = _storable(text)
    if is_too_long(text) or is_costly(text):
        return shown_as_written(text)
    return Markup(keep_harmless(controls_shown(markdown_html(text, seconds_for_code))))


def is_too_long(text: str) -> bool:
    """Too long to be formatted at all."""
    return len(text.encode(errors="replace")) > MAX_BYTES


def shown_as_written(text: str) -> Markup:
    notice = _("This text is too long or too intricate to format, so it is shown exactly as it was written.")
    return Markup('<p class="hint">{}</p>{}').format(notice, plain(text))


def plain(text: str) -> Markup:
    """Every sign of it and no format; controls of direction are named."""
    block = '<pre class="as-written" dir="auto" tabindex="0" role="group" aria-label="{}">{}</pre>'
    return Markup(block).format(_("Text as written"), _escaped_in_parts(_storable(text)))


def _escaped_in_parts(text: str) -> Markup:
    """A browser takes seconds to lay out a megabyte in one block; parts it lays out as they come into sight."""
    if len(text) <= PART:
        return _escaped(text)
    return Markup("").join(Markup("<span>{}</span>").format(_escaped(part)) for part in _PART.findall(text))


def _escaped(text: str) -> Markup:
    return Markup(controls_shown(str(escape(text))))


def _storable(text: str) -> str:
    """Without what PostgreSQL and UTF-8 cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
