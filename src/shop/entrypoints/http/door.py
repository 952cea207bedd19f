"""What every request passes, matched or not: name, request id, limits, headers for safety, log, and a last net."""

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from attrs import field, frozen
from litestar.types import ASGIApp, Message, Receive, Send

from shop.application.limits import DEFAULT
from shop.application.ports.clock import Ids
from shop.domain.kernel.errors import Invalid, NotFound, ShopError
from shop.domain.kernel.identifiers import RequestId
from shop.entrypoints.http.answers import Answer, Header
from shop.entrypoints.http.caching import RememberedAnswers
from shop.entrypoints.http.callers import caller_of
from shop.entrypoints.http.calls import Visit
from shop.entrypoints.http.counting import ADDRESS, Counting
from shop.entrypoints.http.errors import HeaderRepeated, HostUnknown, HttpsNeeded, InternalError, problem
from shop.entrypoints.http.hosts import Hosts
from shop.entrypoints.http.languages import locale_of

_log = logging.getLogger("shop.http")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,100}")
PATH_LENGTH_MAX, QUERY_LENGTH_MAX = 2_000, 16_000
_PLAIN_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), usb=()"),
)
# Unless an answer has its own: a page loads its style, a picture is shown by other sites.
_CONTENT_POLICY: Header = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
_RESOURCE_POLICY: Header = (b"cross-origin-resource-policy", b"same-origin")
_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_ONCE = frozenset(
    b"host authorization content-type content-length idempotency-key if-match origin cart-token order-token request-id "
    b"x-csrf-token".split()
)
_EXPOSED = b"ETag, Link, Location, Idempotent-Replayed, RateLimit, RateLimit-Policy, Request-Id, Retry-After"
_ALLOWED = b"Authorization, Cart-Token, Content-Type, Idempotency-Key, If-Match, If-None-Match, Order-Token, Request-Id"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"


@frozen(kw_only=True)
class DoorOptions:
    """How the door is set. Origins are those of storefronts in browsers.

    `proxies` in front of us each append to X-Forwarded-For, and say in X-Forwarded-Proto how they were spoken to.
    """

    base_url: str = "http://127.0.0.1:8000"
    hosts: Hosts = field(factory=lambda: Hosts((), local=True))
    origins: frozenset[bytes] = frozenset()
    proxies: int = 0
    production: bool = False
    timing: bool = False


def one_line(path: str) -> str:
    """The path as it may stand in a log: what breaks lines could write lines of its own."""
    return path if path.isprintable() else ascii(path)


class Door:
    """An ASGI application around another."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        remembered: RememberedAnswers,
        counting: Counting,
        ids: Ids,
        options: DoorOptions,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inner = inner
        self._remembered = remembered
        self._counting = counting if counting.everything else None
        self._ids = ids
        self._options = options
        self._clock = clock
        self._always = [*_PLAIN_HEADERS, *([_TRANSPORT] if options.production else [])]
        if options.origins:
            self._always.append((b"vary", b"Origin"))
        self._asks_for_https = options.production and options.proxies > 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _serve(self, scope: Any, receive: Receive, send: Send) -> None:
        started = self._clock()
        headers = dict(scope["headers"])
        caller = caller_of(scope.get("client"), scope["headers"], self._options.proxies)
        visit = scope["shop.visit"] = self._visit(headers, caller)
        more = visit.more = [*self._always, (b"request-id", visit.shown_id.encode())]
        status = 0

        async def finish(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = message["headers"] = [*message["headers"], *more]
                own = dict(message["headers"])
                if _CONTENT_POLICY[0] not in own:
                    sent.append(_CONTENT_POLICY)
                if _RESOURCE_POLICY[0] not in own:
                    sent.append(_RESOURCE_POLICY)
                if self._options.timing:
                    sent.append((b"server-timing", b"total;dur=%.2f" % ((self._clock() - started) * 1000)))
            await send(message)

        try:
            try:
                answer = await self._at_once(scope, headers, more)
            except ShopError as error:
                answer = self._problem(error, scope, visit)
            await (answer or self._inner)(scope, receive, finish)
        except Exception:
            path, extra = one_line(scope["path"]), {"request_id": visit.shown_id}
            _log.exception("%s %s failed", scope["method"], path, extra=extra)
            if status:
                raise
            await self._problem(InternalError(), scope, visit)(scope, receive, finish)
        finally:
            if _log.isEnabledFor(logging.INFO):
                milliseconds = (self._clock() - started) * 1000
                path, extra = one_line(scope["path"]), {"request_id": visit.shown_id}
                _log.info("%s %s %d %.1f ms", scope["method"], path, status, milliseconds, extra=extra)

    def _visit(self, headers: dict[bytes, bytes], caller: str) -> Visit:
        """Takes the caller's request id over where it is sane: our own form as it is, another by its digest."""
        sent = headers.get(b"request-id", b"")
        if not _REQUEST_ID.fullmatch(sent):
            request_id = self._ids.new(RequestId)
            return Visit(headers, request_id, str(request_id), caller)
        shown = sent.decode()
        try:
            return Visit(headers, RequestId.parse(shown), shown, caller)
        except ShopError:
            digest = hashlib.blake2b(sent, digest_size=16).digest()
            return Visit(headers, RequestId(UUID(bytes=digest)), shown, caller)

    async def _at_once(self, scope: Any, headers: dict[bytes, bytes], more: list[Header]) -> Answer | None:
        """The answer to a request that needs to go no further. Raises what is to be told instead."""
        path: str = scope["path"]
        if len(headers) != len(scope["headers"]):
            _check_once(scope["headers"])
        # Whoever looks after the process knows its address only, and is not counted.
        tended = path.startswith("/health/")
        if not tended and not self._options.hosts.knows(headers.get(b"host", b"")):
            raise HostUnknown("The Host header names another site than this shop.")
        if self._asks_for_https and not tended and not _came_encrypted(headers):
            return self._to_https(scope)
        if self._options.origins and (origin := headers.get(b"origin")):
            self._allow(origin, more)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            return Answer(204)
        if self._counting is not None and not tended:
            await self._counting.count(DEFAULT, ADDRESS, scope["shop.visit"].caller, more)
        if "\x00" in path or "//" in path or len(path) > PATH_LENGTH_MAX:
            raise NotFound("There is nothing at this address.")
        if len(scope["query_string"]) > QUERY_LENGTH_MAX:
            raise Invalid(f"A query has at most {QUERY_LENGTH_MAX} characters.")
        if scope["method"] in ("GET", "HEAD") and b"authorization" not in headers:
            locale = locale_of(headers.get(b"accept-language", b""))
            answer = self._remembered.look((path, scope["query_string"], locale))
            if answer is not None:
                return answer.if_none_match(headers.get(b"if-none-match"))
        return None

    def _allow(self, origin: bytes, more: list[Header]) -> None:
        """Lets pages of a named origin read the answer. Never with cookies: those are for our own pages."""
        if origin in self._options.origins:
            more.append((b"access-control-allow-origin", origin))
            more.append((b"access-control-allow-methods", _METHODS))
            more.append((b"access-control-allow-headers", _ALLOWED))
            more.append((b"access-control-expose-headers", _EXPOSED))
            more.append((b"access-control-max-age", b"600"))

    def _to_https(self, scope: Any) -> Answer:
        """Browsers are led on; programs are told, for what they sent has been open to read already."""
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or path.startswith("/api/"):
            raise HttpsNeeded("This shop is spoken to over https:// only.")
        target = self._options.base_url.rstrip("/") + quote(path)
        if scope["query_string"]:
            target += "?" + quote(scope["query_string"].decode("latin-1"), safe="=&%+,;:@/?!$'()*~[]-._")
        return Answer(308, headers=[(b"location", target.encode()), (b"cache-control", b"no-store")])

    @staticmethod
    def _problem(error: ShopError, scope: Any, visit: Visit) -> Answer:
        return problem(error, path=scope["path"], request_id=visit.shown_id)


def _came_encrypted(headers: dict[bytes, bytes]) -> bool:
    """How the caller spoke to the first proxy; one that says nothing speaks TLS, as that of a live shop has to."""
    said = headers.get(b"x-forwarded-proto", b"https").partition(b",")[0]
    return said.strip().lower() == b"https"


def _check_once(headers: Iterable[Header]) -> None:
    seen = set()
    for name, _ in headers:
        if name in seen and name in _ONCE:
            raise HeaderRepeated(f"{name.decode('latin-1')} stands there twice.")
        seen.add(name)
