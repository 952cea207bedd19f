"""Requests to every row of the endpoint table, made from the table itself."""

from collections.abc import Mapping
from typing import Any

from litestar.types import ASGIApp

from shop.entrypoints.http.endpoints import Endpoint, Keys, Who
from shop.entrypoints.http.table import ENDPOINTS, PAGES

ROWS: tuple[Endpoint, ...] = (*ENDPOINTS, *PAGES)
OPEN_TO_KEYS = frozenset({Who.PUBLIC, Who.GUEST, Who.STAFF, Who.TEST})
WITH_SCOPE = tuple(row for row in ROWS if row.scope)


def path_of(row: Endpoint, value: str = "x") -> str:
    """The row's address with this in the place of each parameter."""
    return "/".join(value if part.startswith("{") else part for part in row.path.split("/"))


def headers_of(row: Endpoint) -> dict[str, str]:
    """What the row insists on besides a credential."""
    more = {"If-Match": "*"} if row.if_match else {}
    if row.keys is not Keys.NO:
        more["Idempotency-Key"] = "k-1"
    if row.body is not None or row.raw_body:
        more["Content-Type"] = "application/json"
    return more


class Asked:
    """One request in bare ASGI, spelled to the letter, and what came back."""

    def __init__(
        self, method: str, path: str, *, query: bytes = b"", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        told = {"host": "shop.test", **{name.lower(): value for name, value in (headers or {}).items()}}
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()],
            "client": ("192.0.2.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.request_body = body
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def by(self, app: ASGIApp) -> "Asked":
        async def receive() -> Any:
            return {"type": "http.request", "body": self.request_body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status, self.headers = message["status"], message["headers"]
            else:
                self.body += message["body"]

        await app(self.scope, receive, send)  # type: ignore[arg-type]
        return self

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def value(self, name: bytes) -> bytes:
        return b", ".join(self.values(name))
