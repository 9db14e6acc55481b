"""Rondo behind a reverse proxy: whom the request came from and how the browser reached us.

X-Forwarded headers are believed only from the addresses in `RONDO_TRUSTED_PROXIES`; anybody else could write
what they like there (a false host in a link, a fresh address for every guess of a password).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network


def networks(addresses: str) -> list[Network]:
    """Addresses or networks, comma separated. Raises ValueError where one is neither."""
    return [ip_network(address.strip(), strict=False) for address in addresses.split(",") if address.strip()]


def address_in(written: str) -> IPv4Address | IPv6Address | None:
    """Also where a port follows, as some proxies write it, or IPv4 is spelled as IPv6, as dual-stack sockets do."""
    bare = written.removeprefix("[").partition("]")[0]
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def is_within(written: str, trusted: Sequence[Network]) -> bool:
    address = address_in(written)
    return address is not None and any(address in network for network in trusted)


class ForwardedHeaders:
    def __init__(self, app: ASGIApp, trusted_proxies: str) -> None:
        self.app = app
        self.trusted = networks(trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["client"] and is_within(scope["client"][0], self.trusted):
            self._believe(scope)
        await self.app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        scheme = headers.get("x-forwarded-proto", "").split(",")[-1].strip()
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
        if host := headers.get("x-forwarded-host", "").split(",")[-1].strip():
            MutableHeaders(scope=scope)["host"] = host
        if browser := self._first_untrusted(headers.get("x-forwarded-for", "")):
            scope["client"] = (browser, 0)

    def _first_untrusted(self, chain: str) -> str | None:
        """Each proxy appends whom it heard from, so what is left of the last stranger is hearsay."""
        addresses = [address.strip() for address in chain.split(",") if address.strip()]
        strangers = (address for address in reversed(addresses) if not is_within(address, self.trusted))
        first = next(strangers, None)
        return str(address_in(first) or first) if first else None
