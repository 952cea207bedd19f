"""What every request passes, matched or not: request id, limits, headers for safety, log, and a last net."""

import hashlib
import logging
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from attrs import frozen
from litestar.types import ASGIApp, Message, Receive, Send

from shop.application.ports.cache import RateLimit, RateLimiter, RateVerdict
from shop.application.ports.clock import Ids
from shop.domain.kernel.errors import Invalid, NotFound, ShopError
from shop.domain.kernel.identifiers import RequestId
from shop.entrypoints.http.answers import Answer, Header
from shop.entrypoints.http.caching import RememberedAnswers
from shop.entrypoints.http.callers import caller_of
from shop.entrypoints.http.calls import Visit
from shop.entrypoints.http.errors import InternalError, RateLimited, problem
from shop.entrypoints.http.languages import locale_of

_log = logging.getLogger("shop.http")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,100}")
PATH_LENGTH_MAX, QUERY_LENGTH_MAX = 2_000, 16_000
_PLAIN_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_CONTENT_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000")
_EXPOSED = b"ETag, Link, Location, Idempotent-Replayed, RateLimit, RateLimit-Policy, Request-Id, Retry-After"
_ALLOWED = b"Authorization, Cart-Token, Content-Type, Idempotency-Key, If-Match, If-None-Match, Order-Token, Request-Id"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"


@frozen(kw_only=True)
class DoorOptions:
    """How the door is set. No limit: nobody is counted. Origins are those of storefronts in browsers.

    `proxies` in front of us each append to X-Forwarded-For.
    """

    limit: RateLimit | None = None
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
        limiter: RateLimiter,
        ids: Ids,
        options: DoorOptions,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inner = inner
        self._remembered = remembered
        self._limiter = limiter
        self._ids = ids
        self._options = options
        self._clock = clock
        self._always = [*_PLAIN_HEADERS, *([_TRANSPORT] if options.production else [])]
        limit = options.limit
        self._policy = b'"default";q=%d;w=%d' % (limit.quota, limit.window_seconds) if limit else b""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _serve(self, scope: Any, receive: Receive, send: Send) -> None:
        started = self._clock()
        headers = dict(scope["headers"])
        visit = scope["shop.visit"] = self._visit(headers)
        more = [*self._always, (b"request-id", visit.shown_id.encode())]
        status = 0

        async def finish(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = message["headers"] = [*message["headers"], *more]
                if not any(name == b"content-security-policy" for name, _ in sent):
                    sent.append(_CONTENT_POLICY)
                if self._options.timing:
                    sent.append((b"server-timing", b"total;dur=%.2f" % ((self._clock() - started) * 1000)))
            await send(message)

        try:
            answer = await self._at_once(scope, headers, more)
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

    def _visit(self, headers: dict[bytes, bytes]) -> Visit:
        """Takes the caller's request id over where it is sane: our own form as it is, another by its digest."""
        sent = headers.get(b"request-id", b"")
        if not _REQUEST_ID.fullmatch(sent):
            request_id = self._ids.new(RequestId)
            return Visit(headers, request_id, str(request_id))
        shown = sent.decode()
        try:
            return Visit(headers, RequestId.parse(shown), shown)
        except ShopError:
            digest = hashlib.blake2b(sent, digest_size=16).digest()
            return Visit(headers, RequestId(UUID(bytes=digest)), shown)

    async def _at_once(self, scope: Any, headers: dict[bytes, bytes], more: list[Header]) -> Answer | None:
        """The answer to a request that needs to go no further."""
        path: str = scope["path"]
        visit: Visit = scope["shop.visit"]
        if origin := headers.get(b"origin"):
            self._allow(origin, more)
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                return Answer(204)
        if self._options.limit is not None and not path.startswith("/health/"):
            verdict = await self._count(scope, self._options.limit, more)
            if not verdict.allowed:
                more.append((b"retry-after", b"%d" % max(verdict.reset_seconds, 1)))
                seconds = self._options.limit.window_seconds
                error = RateLimited(
                    f"At most {self._options.limit.quota} requests in {seconds} seconds.",
                    hint=f"Wait {max(verdict.reset_seconds, 1)} seconds.",
                )
                return self._problem(error, scope, visit)
        if "\x00" in path or len(path) > PATH_LENGTH_MAX:
            return self._problem(NotFound("There is nothing at this address."), scope, visit)
        if len(scope["query_string"]) > QUERY_LENGTH_MAX:
            return self._problem(Invalid(f"A query has at most {QUERY_LENGTH_MAX} characters."), scope, visit)
        if scope["method"] in ("GET", "HEAD") and b"authorization" not in headers:
            locale = locale_of(headers.get(b"accept-language", b""))
            answer = self._remembered.look((path, scope["query_string"], locale))
            if answer is not None:
                return answer.if_none_match(headers.get(b"if-none-match"))
        return None

    async def _count(self, scope: Any, limit: RateLimit, more: list[Header]) -> RateVerdict:
        # By address and not by key: whoever makes keys up would have a fresh limit with each.
        caller = caller_of(scope.get("client"), scope["headers"], self._options.proxies)
        verdict = await self._limiter.hit(f"http:{caller}", limit)
        more.append((b"ratelimit-policy", self._policy))
        more.append((b"ratelimit", b'"default";r=%d;t=%d' % (verdict.remaining, verdict.reset_seconds)))
        return verdict

    def _allow(self, origin: bytes, more: list[Header]) -> None:
        if not self._options.origins:
            return
        more.append((b"vary", b"Origin"))
        if origin in self._options.origins:
            more.append((b"access-control-allow-origin", origin))
            more.append((b"access-control-allow-methods", _METHODS))
            more.append((b"access-control-allow-headers", _ALLOWED))
            more.append((b"access-control-expose-headers", _EXPOSED))
            more.append((b"access-control-max-age", b"600"))

    @staticmethod
    def _problem(error: ShopError, scope: Any, visit: Visit) -> Answer:
        return problem(error, path=scope["path"], request_id=visit.shown_id)
