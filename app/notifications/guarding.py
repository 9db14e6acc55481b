"""Which addresses webhooks may reach, so that nobody asks our own network through us (server-side request forgery).

Private addresses are refused unless `RONDO_WEBHOOK_HOSTS` names the host or its network. What was looked at is what is
connected to: a name that is resolved a second time could lead elsewhere by then (DNS rebinding).
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from app.errors import DomainError, message

Address = IPv4Address | IPv6Address
# Ways of writing an IPv4 address as an IPv6 one (RFC 6052, 3056), through which a private one could be reached.
TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))
ALL = "*"


class HostNotFound(DomainError):
    sentence = message("The host {host} is not found.")


class AddressRefused(DomainError):
    sentence = message("{host} is at {address}, a private address. RONDO_WEBHOOK_HOSTS can allow it.")


async def address_to_reach(host: str, port: int, allowed: str) -> str:
    """Raises `HostNotFound`, `AddressRefused` where any of the host's addresses is private and not allowed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostNotFound(host=host) from error
    addresses = [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    for address in addresses:
        if not is_public(address) and not is_allowed(host, address, allowed):
            raise AddressRefused(host=host, address=address)
    return str(addresses[0])


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_allowed(host: str, address: Address, allowed: str) -> bool:
    """`allowed`: hosts, addresses and networks, comma separated, or `*`."""
    return any(_names(each, host, address) for each in (part.strip() for part in allowed.split(",")) if each)


def _names(allowed: str, host: str, address: Address) -> bool:
    if allowed == ALL or allowed.lower() == host.lower():
        return True
    try:
        return address in ip_network(allowed, strict=False)
    except ValueError:
        return False  # another host
