"""Cookies of our own pages: bound to this host, unreadable for scripts, not sent along by other sites."""

from urllib.parse import urlsplit

from shop.entrypoints.http.answers import Header
from shop.entrypoints.http.hosts import LOOPBACK

VALUE_LENGTH_MAX = 400
COOKIES_LENGTH_MAX = 8_000


class Cookies:
    """Sets and reads cookies under one address of the shop.

    A name begins with `__Host-`, which a browser takes from this very host over TLS only. On this machine without TLS
    (http on a loopback address) it stands without, since the browser would refuse it.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.secure = parts.scheme == "https" or (parts.hostname or "") not in LOOPBACK

    def name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name

    def set(self, name: str, value: str, *, max_age_seconds: int | None = None) -> Header:
        """The header that sets it; without an age it lasts until the browser closes. Raises ValueError."""
        if len(value) > VALUE_LENGTH_MAX or not all("!" <= c <= "~" and c not in '",;\\' for c in value):
            raise ValueError("A cookie holds visible ASCII without quotes, commas, semicolons and backslashes.")
        parts = [f"{self.name(name)}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
        if max_age_seconds is not None:
            parts.append(f"Max-Age={max_age_seconds}")
        if self.secure:
            parts.append("Secure")
        return (b"set-cookie", "; ".join(parts).encode())

    def clear(self, name: str) -> Header:
        return self.set(name, "", max_age_seconds=0)

    def read(self, header: bytes, name: str) -> str:
        """What a Cookie header says under this name; empty when it is not there or stands there twice."""
        if len(header) > COOKIES_LENGTH_MAX:
            return ""
        wanted = self.name(name)
        pairs = (part.strip().partition("=") for part in header.decode("latin-1").split(";"))
        found = [value for key, _, value in pairs if key == wanted]
        # A neighbour on another subdomain may have planted a second one: then nobody knows which is ours.
        return found[0] if len(found) == 1 and len(found[0]) <= VALUE_LENGTH_MAX else ""
