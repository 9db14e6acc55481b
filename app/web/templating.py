"""Pages: Jinja templates with what every one of them may use."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import app
from app.translation import (
    available_languages,
    gettext,
    ngettext,
    speaking,
    spoken_language,
    spoken_locale,
    state_in_words,
)
from app.web import figures
from app.web.flashes import take_flashes
from app.web.security import csrf_token
from app.web.sentences import OneLanguage

SERVED = ("css", "js", "vendor")


def packed_folder(name: str) -> Path:
    """`templates` or `static`: inside the package in a wheel, beside it in a checkout."""
    package = Path(app.__file__).parent
    return next(folder for folder in (package / name, package.parent / name) if folder.is_dir())


def environment() -> Environment:
    """The templates in the language spoken here and now."""
    return _environment(spoken_language())


@lru_cache
def _environment(language: str) -> Environment:
    pages = OneLanguage(
        loader=FileSystemLoader(packed_folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.language = language
    pages.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    pages.globals["static_url"] = static_url
    pages.globals["languages"] = available_languages()
    pages.globals["script_words"] = script_words
    pages.globals["once"] = once
    pages.filters |= {"translated": gettext, "in_words": state_in_words}
    pages.filters |= {
        "figure": figures.figure,
        "coefficient": figures.coefficient,
        "percent": figures.percent,
        "day": figures.day,
        "duration": figures.duration,
        "moment": figures.moment,
    }
    return pages


def once(macro: Callable[..., Markup], *arguments: Hashable) -> Markup:
    """What a macro draws of nothing but its arguments and the language spoken: drawn once, then remembered.

    A macro that was imported with context is another one on every page, so nothing would be remembered.
    """
    return _drawn(spoken_language(), macro, *arguments)


@lru_cache(maxsize=512)
def _drawn(_language: str, macro: Callable[..., Markup], *arguments: Hashable) -> Markup:
    return macro(*arguments)


@lru_cache
def script_words(language: str) -> Markup:
    """What the desk's scripts say, as JSON for an attribute; the same on every page."""
    with speaking(language):
        words = environment().get_template("desk/words.html").make_module().words  # type: ignore[attr-defined]
    return escape(str(htmlsafe_json_dumps(words)))


@lru_cache
def static_stamp() -> str:
    """A digest of all static files. It stands in their address, so that browsers may keep them for ever."""
    digest = sha256()
    folder = packed_folder("static")
    for path in sorted(path for served in SERVED for path in (folder / served).rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(path: str) -> str:
    """The stamp comes first, so that modules and stylesheets that name each other relatively carry it too."""
    return f"/static/{static_stamp()}/{path}"


def page(request: Request, template: str, status: int = 200, **context: object) -> Response:
    """Render a template; it sees `context`, `request`, `current_user`, `csrf_token`, `flashes` and `url_for`."""
    user = getattr(request.state, "user", None)
    body = (
        environment()
        .get_template(template)
        .render(
            request=request,
            current_user=user,
            locale=spoken_language(),
            text_direction=spoken_locale().text_direction,
            csrf_token=csrf_token(request),
            flashes=take_flashes(request),
            url_for=_path_for(request),
            **context,
        )
    )
    return HTMLResponse(body, status)


def _path_for(request: Request) -> Callable[..., str]:
    """Paths only: an absolute address would repeat whatever host the request named."""

    def url_for(name: str, **parameters: object) -> str:
        return str(request.app.url_path_for(name, **parameters))

    return url_for


def redirect(url: str) -> Response:
    """The answer to a POST that was taken: 303, so that the browser asks for the next page with GET."""
    return RedirectResponse(url, status_code=303)
