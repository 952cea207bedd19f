"""One request on its way through: what it asks with whom, and how its answer is written."""

import hashlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import msgspec
from attrs import evolve, frozen
from litestar.types import Receive, Scope

from shop.application.access import check_permission
from shop.application.commands.clock import ClockNotMovable
from shop.application.messages import (
    CUSTOMER,
    GUEST,
    SIGNED_IN,
    Actor,
    Command,
    Context,
    Idempotency,
    JustWritten,
    Query,
)
from shop.application.ports.identity import CredentialsRejected
from shop.application.ports.paging import Page
from shop.application.ports.views import EventView
from shop.application.shop import Shop
from shop.domain.kernel.errors import Forbidden, Invalid, ShopError
from shop.domain.kernel.identifiers import Identifier, RequestId
from shop.entrypoints.http.answers import Answer, Header
from shop.entrypoints.http.bodies import canonical, check_media_type, decode, read_bytes
from shop.entrypoints.http.caching import RememberedAnswers
from shop.entrypoints.http.cookies import Cookies
from shop.entrypoints.http.counting import Counting
from shop.entrypoints.http.endpoints import WITH_SCOPE, Endpoint, Keys, Who
from shop.entrypoints.http.errors import KeyMissing, PreconditionRequired
from shop.entrypoints.http.languages import locale_of
from shop.entrypoints.http.parameters import Parameter, read_query
from shop.entrypoints.representation import Plain, Representation, representation, to_json, with_fields

R = TypeVar("R")
I = TypeVar("I", bound=Identifier)  # noqa: E741

Advance = Callable[..., Coroutine[Any, Any, list[EventView]]]
"""Moves the shop's clock ahead and does what is due on the way: a worker's work, lent to the test endpoints."""

PUBLIC_CACHE: Header = (b"cache-control", b"public, max-age=60, stale-while-revalidate=600")
PRIVATE_CACHE: Header = (b"cache-control", b"private, no-store")
VARY: Header = (b"vary", b"Accept-Language, Accept-Encoding")
TOKEN_LENGTH_MAX = 200
TEST_KEY = b" sk_test_"
COOKIE_PREFIX = "bs_"
QUERIES_MAX, QUERY_REMEMBERED_MAX = 500, 200
_ETAG_VERSION_DIGITS_MAX = 15


class ETagMalformed(Invalid):
    """If-Match holds no ETag of ours, so it cannot be of the version that is there."""

    code = "version_mismatch"
    title = "Not an ETag of this"


class TestKeyNeeded(Forbidden):
    """What only tries things out takes no key of a shop that is live."""

    __test__ = False
    code = "test_key_needed"
    title = "A test key is needed"
    default_hint = "Mint one with SHOP_ENV=development: shop keys create."


class Visit:
    """What the door found out about a request before it was routed."""

    __slots__ = ("caller", "headers", "more", "request_id", "shown_id")

    def __init__(self, headers: dict[bytes, bytes], request_id: RequestId, shown_id: str, caller: str) -> None:
        self.headers = headers
        self.request_id = request_id
        self.shown_id = shown_id
        self.caller = caller
        """From which network it comes."""
        self.more: list[Header] = []
        """Headers that its answer gets, whatever it is."""


class Site:
    """What all requests share."""

    def __init__(
        self,
        shop: Shop,
        remembered: RememberedAnswers,
        counting: Counting,
        *,
        base_url: str = "http://127.0.0.1:8000",
        described: Callable[[], bytes] = bytes,
        advance: Advance | None = None,
    ) -> None:
        self.shop = shop
        self.base_url = base_url
        self.cookies = Cookies(base_url)
        self.advance = advance or _no_worker
        self.remembered = remembered
        self.counting = counting
        self._described = described

    @cached_property
    def openapi(self) -> bytes:
        """The OpenAPI document; made when somebody asks for it, for it takes as long as all the rest of a start."""
        return self._described()

    @cached_property
    def openapi_etag(self) -> bytes:
        return _etag(None, self.openapi)


async def _no_worker(shop: Shop, to: datetime, *, actor: Actor) -> list[EventView]:
    raise ClockNotMovable("This server has no worker at hand that could do what is due.")


@frozen
class Prepared:
    """An endpoint with what can be made ready once."""

    endpoint: Endpoint
    query: Callable[[bytes], Mapping[str, Any]]
    """Reads a query string. Many ask the same, and nobody changes what was read."""
    decoder: "msgspec.json.Decoder[Any] | None"
    names: tuple[str, ...]
    """Of the path's parameters."""

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Prepared":
        decoder = msgspec.json.Decoder(endpoint.body) if endpoint.body else None
        known = {parameter.name: parameter for parameter in endpoint.query}
        return cls(endpoint, _query_reader(known, others=endpoint.others_in_query), decoder, endpoint.parameters)


def _query_reader(parameters: Mapping[str, Parameter], *, others: bool) -> Callable[[bytes], Mapping[str, Any]]:
    @lru_cache(maxsize=QUERIES_MAX)
    def remembered(query_string: bytes) -> Mapping[str, Any]:
        return read_query(query_string, parameters, others=others)

    def read(query_string: bytes) -> Mapping[str, Any]:
        short = len(query_string) <= QUERY_REMEMBERED_MAX
        return remembered(query_string) if short else read_query(query_string, parameters, others=others)

    return read


class Call:
    """One request to one endpoint."""

    __slots__ = (
        "_receive", "actor", "body", "context", "endpoint", "headers", "just_written", "locale", "path",
        "path_values", "query", "query_string", "raw", "representation", "shop", "site", "visit",
    )  # fmt: skip

    def __init__(
        self, site: Site, endpoint: Endpoint, scope: Scope, receive: Receive, path_values: dict[str, str]
    ) -> None:
        visit: Visit = scope["shop.visit"]  # type: ignore[typeddict-item]
        self.site = site
        self.shop = site.shop
        self.endpoint = endpoint
        self.visit = visit
        self.headers = visit.headers
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.path_values = path_values
        self.locale = locale_of(visit.headers.get(b"accept-language", b""))
        self.representation: Representation = representation(self.locale)
        self._receive = receive
        self.actor = GUEST
        self.query: Mapping[str, Any] = {}
        self.body: Any = None
        self.raw = b""
        self.just_written = JustWritten()

    async def prepare(self, prepared: Prepared) -> None:
        """Finds out who asks for what. Raises what is to be told them instead."""
        try:
            await self._let_in()
        except ShopError as refusal:
            self.shop.denials.note(refusal, self.context_of(self.actor), self.endpoint.operation_id)
            raise
        endpoint = self.endpoint
        self.query = prepared.query(self.query_string)
        if endpoint.raw_body:
            self.raw = await read_bytes(self._receive, self.headers, endpoint.body_bytes_max)
        elif prepared.decoder is not None:
            self.raw = await read_bytes(self._receive, self.headers, endpoint.body_bytes_max)
            if self.raw or not endpoint.body_optional:
                check_media_type(self.headers, endpoint.method)
                self.body = decode(self.raw, prepared.decoder)
            else:
                self.body = decode(b"{}", prepared.decoder)
        keyed = endpoint.keys is not Keys.NO
        self.context = self.context_of(self.actor, self._idempotency() if keyed else None)

    def context_of(self, actor: Actor, idempotency: Idempotency | None = None) -> Context:
        return self.shop.context(
            actor,
            request_id=self.visit.request_id,
            idempotency=idempotency,
            just_written=self.just_written,
            source=self.visit.caller,
        )

    async def execute(self, command: Command[R]) -> R:
        return await self.shop.execute(command, context=self.context)

    async def ask(self, query: Query[R], *, actor: Actor | None = None) -> R:
        """Answers it for the caller, or for somebody else."""
        context = self.context if actor is None else self.context_of(actor)
        return await self.shop.ask(query, context=context)

    async def catalog_changed(self) -> None:
        """Remembered answers are wrong from here on: in this process at once."""
        await self.site.remembered.forget()

    def id(self, kind: type[I], name: str = "id") -> I:
        return kind.parse(self.path_values[name])

    def id_or_slug(self, kind: type[I]) -> I | str:
        """Slugs have no underscores and ids do."""
        text = self.path_values["id_or_slug"]
        return kind.parse(text) if "_" in text else text

    def expected_version(self) -> int | None:
        """The version in If-Match, None for `*`. Raises PreconditionRequired, ETagMalformed."""
        if not self.headers.get(b"if-match"):
            raise PreconditionRequired
        return self.version_if_sent()

    def version_if_sent(self) -> int | None:
        """The version in If-Match, None for `*` and for who does not mind. Raises ETagMalformed."""
        sent = self.headers.get(b"if-match")
        if not sent:
            return None
        if sent.strip() == b"*":
            return None
        version = sent.strip().decode("latin-1").removeprefix('"').partition("-")[0]
        if not (version.isascii() and version.isdigit()) or len(version) > _ETAG_VERSION_DIGITS_MAX:
            raise ETagMalformed(f"If-Match: {sent[:60].decode('latin-1')} is no ETag of this.")
        return int(version)

    # Who asks.

    async def _let_in(self) -> None:
        endpoint = self.endpoint
        self.actor = await self._identify()
        if endpoint.who in WITH_SCOPE:
            check_permission(endpoint.scope, self.actor)
        if endpoint.who is Who.CUSTOMER:
            check_permission(CUSTOMER, self.actor)
        if endpoint.who is Who.SIGNED_IN:
            check_permission(SIGNED_IN, self.actor)
        if endpoint.who is Who.TEST and TEST_KEY not in self.headers[b"authorization"]:
            raise TestKeyNeeded

    async def _identify(self) -> Actor:
        token = self._guest_token() if self.endpoint.token else ""
        credential = self.headers.get(b"authorization")
        if credential is None:
            return Actor(kind=GUEST.kind, token=token) if token else GUEST
        scheme, _, secret = credential.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise CredentialsRejected("Only Authorization: Bearer is understood here.")
        if secret.strip().startswith(COOKIE_PREFIX):
            raise CredentialsRejected("A browser's session is known by its cookie.")
        actor = await self.shop.ports.authenticator.identify(secret.strip())
        return evolve(actor, token=token) if token else actor

    def _guest_token(self) -> str:
        sent = self.headers.get(self.endpoint.token.lower().encode(), b"").decode("latin-1")
        return sent if sent.isascii() and len(sent) <= TOKEN_LENGTH_MAX else ""

    def _idempotency(self) -> Idempotency | None:
        sent = self.headers.get(b"idempotency-key")
        if sent is None:
            if self.endpoint.keys is Keys.REQUIRED:
                raise KeyMissing
            return None
        key = sent.decode("latin-1").strip()
        if key.startswith('"') and key.endswith('"') and len(key) > 1:
            key = key[1:-1]
        asked = b"\n".join((self.endpoint.method.encode(), self.path.encode(), canonical(self.raw)))
        return Idempotency(self.endpoint.operation_id, key, hashlib.sha256(asked).digest())

    # What is answered.

    def one(
        self,
        view: Any,
        *,
        status: int | None = None,
        besides: Mapping[str, Any] | None = None,
        location: str = "",
        version: int | None = None,
    ) -> Answer:
        """The answer that shows one thing, with its ETag; `version` where it is not the thing's own."""
        plain = self.representation.plain(view)
        if (names := self.query.get("fields")) is not None:
            plain = with_fields(plain, names)
        body = to_json(plain)
        headers = self._headers()
        headers.append((b"etag", _etag(getattr(view, "version", version), body)))
        if location:
            headers.append((b"location", location.encode()))
        if besides:
            body = to_json({**plain, **besides})
        return Answer(status or self.endpoint.status, body, headers=headers)

    def page(self, page: Page[Any]) -> Answer:
        """The answer that shows a part of a list, with links to what is beside it."""
        plain = self._plains(page.data)
        beside: Plain = {"has_more": page.next is not None, "next": page.next, "previous": page.previous}
        if page.total is not None:
            beside["total"] = page.total
        body = to_json({"object": "list", "data": plain, "page": beside})
        headers = self._headers()
        if self.endpoint.conditional:
            headers.append((b"etag", _etag(None, body)))
        if links := [self._link(r, c) for r, c in (("next", page.next), ("previous", page.previous)) if c is not None]:
            headers.append((b"link", b", ".join(links)))
        return Answer(200, body, headers=headers)

    def whole(self, views: Iterable[Any]) -> Answer:
        """The answer that shows a short list at once."""
        return self.page(Page(data=list(views)))

    def plain(self, plain: Plain, *, status: int | None = None) -> Answer:
        return Answer(status or self.endpoint.status, to_json(plain), headers=self._headers())

    def nothing(self) -> Answer:
        return Answer(204, headers=self._headers())

    def _plains(self, views: list[Any]) -> list[Plain]:
        plains = self.representation.plains(views)
        names = self.query.get("fields")
        return plains if names is None else [with_fields(plain, names) for plain in plains]

    def _headers(self) -> list[Header]:
        public = self.endpoint.remembered and b"authorization" not in self.headers
        headers = [PUBLIC_CACHE if public else PRIVATE_CACHE, VARY]
        key = self.context.idempotency
        if key is not None and key.replayed:
            headers.append((b"idempotent-replayed", b"true"))
        return headers

    def _link(self, relation: str, cursor: str) -> bytes:
        kept = [p for p in self.query_string.split(b"&") if p and not p.startswith((b"after=", b"before="))]
        direction = b"after=" if relation == "next" else b"before="
        query = b"&".join([*kept, direction + cursor.encode()])
        path = self.path.encode()
        return b'<%s?%s>; rel="%s"' % (path, query, b"prev" if relation == "previous" else b"next")


def _etag(version: int | None, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()[:24].encode()
    return b'"%s"' % digest if version is None else b'"%d-%s"' % (version, digest)
