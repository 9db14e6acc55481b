"""Posting to a webhook: to the address that was looked at, once, without following redirects."""

import asyncio

import httpx
from anyio.from_thread import start_blocking_portal

from app.config import Settings
from app.errors import DomainError, message
from app.notifications.guarding import address_to_reach

SECONDS = 15.0  # the specification recommends 15 to 30
PORTS = {"http": 80, "https": 443}


class NoAnswer(DomainError):
    sentence = message("No answer: {reason}")


class TooSlow(DomainError):
    sentence = message("No answer within {seconds} seconds.")


def post(settings: Settings, url: str, headers: dict[str, str], body: bytes) -> int:
    """The status that came back.

    Raises `NoAnswer`, `TooSlow`, `HostNotFound`, `AddressRefused`.
    """
    try:
        with start_blocking_portal() as portal:  # an event loop of its own, wherever this is called
            return portal.call(_post, settings, httpx.URL(url), headers, body)
    except TimeoutError as error:
        raise TooSlow(seconds=round(SECONDS)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(reason=str(error) or type(error).__name__) from error


async def _post(settings: Settings, url: httpx.URL, headers: dict[str, str], body: bytes) -> int:
    """The body of the answer is not read: nobody needs it, and it may have no end."""
    host = url.raw_host.decode()
    async with asyncio.timeout(SECONDS):
        address = await address_to_reach(host, url.port or PORTS[url.scheme], settings.webhook_hosts)
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
            sent = client.stream(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers={**headers, "host": url.netloc.decode()},
                extensions={"sni_hostname": host},
            )
            async with sent as answer:
                return answer.status_code
