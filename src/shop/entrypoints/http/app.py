"""The HTTP application: Litestar routes, our own decoding, answers and errors around the shop."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Send

from shop.application.limits import DEFAULT
from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid, NotFound, ShopError
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import ClientGone
from shop.entrypoints.http.caching import RememberedAnswers
from shop.entrypoints.http.calls import Advance, Call, Prepared, Site, Visit
from shop.entrypoints.http.counting import ADDRESS, KEY, Counting
from shop.entrypoints.http.door import Door, DoorOptions, one_line
from shop.entrypoints.http.endpoints import Endpoint, Who, check_endpoints
from shop.entrypoints.http.errors import InternalError, MethodNotAllowed, problem, status_of
from shop.entrypoints.http.hosts import Hosts
from shop.entrypoints.http.openapi import openapi_document
from shop.entrypoints.http.routing import Routes
from shop.entrypoints.http.table import ENDPOINTS, PAGES
from shop.entrypoints.representation import Plain, to_json
from shop.entrypoints.settings import Settings

_log = logging.getLogger("shop.http")
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_app(
    shop: Shop,
    settings: Settings | None = None,
    *,
    lifespan: Lifespan | None = None,
    advance: Advance | None = None,
) -> ASGIApp:
    """The application for a server such as granian. `lifespan` opens what the shop needs, in the server's loop;
    `advance` moves the clock of a shop that is not in production, where nothing is there that is for tests."""
    settings = settings or Settings()
    remembered = RememberedAnswers(shop.ports.cache, settings.catalog_cache_seconds)
    endpoints = tuple(row for row in ENDPOINTS if row.who is not Who.TEST or not settings.production)
    check_endpoints((*endpoints, *PAGES))
    counting = Counting(shop.ports.limiter, settings.limits)
    site = Site(
        shop,
        remembered,
        counting,
        base_url=settings.base_url,
        described=lambda: to_json(openapi_document(endpoints, settings.base_url)),
        advance=advance,
    )
    rows = [Prepared.of(endpoint) for endpoint in (*endpoints, *PAGES)]
    litestar = Litestar(
        route_handlers=_routes(site, rows),
        exception_handlers={HTTPException: _on_http_exception, Exception: _on_exception},
        openapi_config=None,
        logging_config=None,
        lifespan=[lifespan] if lifespan else [],
    )
    options = DoorOptions(
        base_url=settings.base_url,
        hosts=Hosts(settings.hosts, local=not settings.production),
        origins=frozenset(origin.encode() for origin in settings.origins),
        proxies=settings.proxies,
        production=settings.production,
        timing=not settings.production,
    )
    straight = _Straight(site, Routes(rows), litestar)
    return Door(straight, remembered=remembered, counting=counting, ids=shop.ports.ids, options=options)


class _Straight:
    """Leads requests to the rows of the table; those that name none, and all that is no request, to Litestar.

    Litestar knows the same rows, and what to say of another method or a path written in another way. Going through it
    took some 30 µs of each request.
    """

    def __init__(self, site: Site, routes: Routes, litestar: ASGIApp) -> None:
        self._site = site
        self._routes = routes
        self._litestar = litestar

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        found = self._routes.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._litestar(scope, receive, send)
            return
        row, values = found
        answer = await _answer(Call(self._site, row.endpoint, scope, receive, values), row)
        await answer(scope, receive, send)


def _routes(site: Site, rows: Iterable[Prepared]) -> list[HTTPRouteHandler]:
    """One handler for each path: one for each row took twice the time of all the rest of a start."""
    paths: defaultdict[str, dict[Any, Prepared]] = defaultdict(dict)
    for row in rows:
        path = paths[_litestar_path(row.endpoint)]
        path[row.endpoint.method] = row
        if row.endpoint.method == "GET":
            path["HEAD"] = row
    # Its status is the answer's own; Litestar would refuse a 204 that might hold something.
    return [
        HTTPRouteHandler(path, http_method=[*methods, "OPTIONS"], status_code=200)(_handler(site, methods))
        for path, methods in paths.items()
    ]


def _litestar_path(endpoint: Endpoint) -> str:
    """The path with its parameters numbered: one path is one route, whatever each method calls its parameters."""
    path = endpoint.path
    for number, name in enumerate(endpoint.parameters):
        path = path.replace(f"{{{name}}}", f"{{p{number}:str}}")
    return path


def _handler(site: Site, rows: Mapping[Any, Prepared]) -> Any:
    allowed = ", ".join(sorted([*rows, "OPTIONS"])).encode()

    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        row = rows.get(request.method)
        if row is None:
            return Answer(204, headers=[(b"allow", allowed)])
        values = {name: request.path_params[f"p{number}"] for number, name in enumerate(row.names)}
        return await _answer(Call(site, row.endpoint, request.scope, request.receive, values), row)

    return handle


async def _answer(call: Call, prepared: Prepared) -> Answer:
    """Decodes, carries out and tells, whatever happens."""
    endpoint = prepared.endpoint
    counting = call.site.counting
    try:
        if endpoint.limit_class is not DEFAULT:
            await counting.count(endpoint.limit_class, ADDRESS, call.visit.caller, call.visit.more)
        await call.prepare(prepared)
        if call.actor.id is not None:
            await counting.count(endpoint.limit_class, KEY, str(call.actor.id), call.visit.more)
        if endpoint.remembered and b"authorization" not in call.headers:
            key = (call.path, call.query_string, call.locale)
            answer = await call.site.remembered.answer(key, lambda: endpoint.handle(call))
        else:
            answer = await endpoint.handle(call)
        return answer.if_none_match(call.headers.get(b"if-none-match")) if endpoint.conditional else answer
    except ShopError as error:
        return problem(
            error,
            path=call.path,
            request_id=call.visit.shown_id,
            besides=await _current(call, error),
        )
    except ClientGone:
        return Answer(400)


async def _current(call: Call, error: ShopError) -> Mapping[str, Plain] | None:
    if status_of(error) != 412 or call.endpoint.current is None:
        return None
    try:
        return {"current": await call.endpoint.current(call)}
    except ShopError:
        return None  # it is gone meanwhile, or not the caller's


def _on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar's router refuses, told as everything else is."""
    if error.status_code == 404:
        told: ShopError = NotFound("There is nothing at this address.", hint="GET /api/docs shows all addresses.")
    elif error.status_code == 405:
        told = MethodNotAllowed(f"{request.method} is not for this address.")
    else:
        told = Invalid(error.detail)
    headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
    return _response(_told(request, told), headers)


def _on_exception(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    visit: Visit = request.scope["shop.visit"]  # type: ignore[typeddict-item]
    path, extra = one_line(request.scope["path"]), {"request_id": visit.shown_id}
    _log.error("%s %s failed", request.method, path, exc_info=error, extra=extra)
    return _response(_told(request, InternalError()), {})


def _response(answer: Answer, headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store", **headers},
    )


def _told(request: Request[Any, Any, Any], error: ShopError) -> Answer:
    visit: Visit = request.scope["shop.visit"]  # type: ignore[typeddict-item]
    return problem(error, path=request.scope["path"], request_id=visit.shown_id)
