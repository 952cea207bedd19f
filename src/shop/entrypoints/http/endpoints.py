"""The endpoint table: what there is under which address, for whom, and what goes in and out.

Routing, permission, decoding, the OpenAPI document and the tests all read this one table.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import field, frozen

from shop.application.access import PolicyMissing
from shop.application.limits import CLASSES, DEFAULT, WRITE
from shop.domain.identity import SCOPES
from shop.entrypoints.http.parameters import Parameter
from shop.entrypoints.representation import Plain

if TYPE_CHECKING:
    from shop.entrypoints.http.answers import Answer
    from shop.entrypoints.http.calls import Call

Handle = Callable[["Call"], Awaitable["Answer"]]
Collect = Callable[[Handle], Handle]
JSON_BYTES_MAX = 1_000_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CART_TOKEN, ORDER_TOKEN = "Cart-Token", "Order-Token"


class Who(Enum):
    """Whom an endpoint is for."""

    PUBLIC = "P"
    GUEST = "G"
    CUSTOMER = "C"
    """Somebody who signed in, for what is their own."""
    SIGNED_IN = "K"
    """Anybody who is somebody: a person or a key."""
    STAFF = "S"
    PROVIDER = "X"
    TEST = "T"
    """For trying out, with a test key and a scope: outside production only; there the address does not exist."""


WITH_SCOPE = frozenset({Who.STAFF, Who.TEST})


class Keys(Enum):
    """Whether a POST takes an Idempotency-Key."""

    NO = "no"
    ACCEPTED = "accepted"
    REQUIRED = "required"


@frozen(kw_only=True)
class Shows:
    """What a good answer holds: one view, a page of them, or a schema of its own."""

    view: type | None = None
    many: bool = False
    besides: Mapping[str, Any] = field(factory=dict)
    """Members that stand beside the view's own, with their schemas."""
    optional: frozenset[str] = frozenset()
    """Those of them that not every answer has."""
    schema: Mapping[str, Any] | None = None
    media_type: str = "application/json"


NOTHING = Shows()


@frozen(kw_only=True)
class Endpoint:
    """One row of the table."""

    method: str
    path: str
    operation_id: str
    who: Who
    scope: str = ""
    tier: int = 1
    tag: str
    summary: str
    handle: Handle
    query: tuple[Parameter, ...] = ()
    others_in_query: bool = False
    """Whether parameters that mean nothing here are left out: a stranger wrote the address."""
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    example: Mapping[str, Any] = field(factory=dict)
    """A body that means something; the tests read it as they read every body."""
    body_bytes_max: int = JSON_BYTES_MAX
    raw_body: bool = False
    shows: Shows = NOTHING
    status: int = 200
    keys: Keys = Keys.NO
    if_match: bool = False
    """Changes only the version that If-Match names, which must be sent."""
    may_match: bool = False
    """The same where If-Match is sent; it need not be."""
    conditional: bool = False
    """Carries an ETag and answers If-None-Match."""
    token: str = ""
    """The header in which a guest shows that the thing is theirs."""
    remembered: bool = False
    """The same for everybody: may be answered from the cache."""
    current: "Callable[[Call], Awaitable[Plain]] | None" = None
    """Shows the thing as it is now to somebody who wanted to change another version of it."""
    limit_class: str = DEFAULT
    """Which limit counts its callers besides the one for everything (see application/limits.py)."""
    problems: tuple[str, ...] = ()
    """Codes of what may go wrong besides what goes wrong everywhere."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the path's parameters, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def described(self) -> str:
        return (self.handle.__doc__ or "").strip()


def check_endpoints(rows: Iterable[Endpoint]) -> None:
    """Raises PolicyMissing for a row that does not say who may, or that says it in words that nobody understands."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        wanted = row.who in WITH_SCOPE
        if wanted and row.scope not in SCOPES:
            raise PolicyMissing(f"{row.operation_id} is for staff and names no scope that there is: {row.scope!r}.")
        if not wanted and row.scope:
            raise PolicyMissing(f"{row.operation_id} names the scope {row.scope}, and is for everybody.")
        if row.limit_class not in CLASSES:
            raise PolicyMissing(f"{row.operation_id} is of the class {row.limit_class!r}, which has no limit.")
        address = (row.method, "/".join("{}" if part.startswith("{") else part for part in row.path.split("/")))
        if address in seen:
            raise PolicyMissing(f"{row.operation_id} stands at {row.method} {row.path}, where another one is.")
        seen.add(address)


class Endpoints:
    """Collects the rows of one capability."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.rows: list[Endpoint] = []

    def _add(self, method: str, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        if method != "GET" and who is not Who.PROVIDER:
            more.setdefault("limit_class", WRITE)

        def collect(handle: Handle) -> Handle:
            self.rows.append(
                Endpoint(
                    method=method,
                    path=path,
                    operation_id=operation_id,
                    who=who,
                    tag=self.tag,
                    summary=summary,
                    handle=handle,
                    **more,
                )
            )
            return handle

        return collect

    def get(self, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        return self._add("GET", path, operation_id, who, summary, **more)

    def post(self, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        more.setdefault("keys", Keys.ACCEPTED)
        return self._add("POST", path, operation_id, who, summary, **more)

    def put(self, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        return self._add("PUT", path, operation_id, who, summary, **more)

    def patch(self, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        return self._add("PATCH", path, operation_id, who, summary, **more)

    def delete(self, path: str, operation_id: str, who: Who, summary: str, **more: Any) -> Collect:
        more.setdefault("status", 204)
        return self._add("DELETE", path, operation_id, who, summary, **more)
