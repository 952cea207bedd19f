"""From whose address a request comes: what rate limits count by."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from shop.entrypoints.http.answers import Header

_FORWARDED = b"x-forwarded-for"
_ADDRESS_LENGTH_MAX = 60
_NETWORK_BITS = 64


def caller_of(client: tuple[str, int] | None, headers: Iterable[Header], proxies: int) -> str:
    """The caller's address, or the network that one household has under IPv6.

    Each of our proxies appends whom it heard from, so the caller is as many places from the end as there are proxies;
    what stands further in front was written by the caller. Without proxies the header is anybody's.
    """
    address = client[0] if client else ""
    if proxies:
        told = [part for name, value in headers if name == _FORWARDED for part in value.decode("latin-1").split(",")]
        if len(told) >= proxies:
            address = told[-proxies].strip()
    return _household(address[:_ADDRESS_LENGTH_MAX])


@lru_cache(maxsize=4096)
def _household(address: str) -> str:
    if address.count(":") < 2:
        return address.partition(":")[0]
    try:
        parsed = IPv6Address(address.removeprefix("[").partition("]")[0])
    except AddressValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _NETWORK_BITS << _NETWORK_BITS))
