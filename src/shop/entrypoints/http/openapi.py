"""The OpenAPI 3.1 document: made from the endpoint table, the body classes and the views, so that it cannot differ."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from shop.application.ports.views import StockLevelView
from shop.entrypoints.http.endpoints import CART_TOKEN, ORDER_TOKEN, WITH_SCOPE, Endpoint, Keys, Shows, Who
from shop.entrypoints.http.parameters import Parameter
from shop.entrypoints.http.problems import PROBLEMS
from shop.entrypoints.representation import Plain, schema_name, schema_of

_ALWAYS = (
    "filter_unknown",
    "validation_failed",
    "credentials_rejected",
    "token_expired",
    "rate_limited",
    "unavailable",
    "internal_error",
)
_LINKS = "RFC 8288 links to the next and previous page."
_PROBLEM: Plain = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, after RFC 9457. Programs look at `code`, people at `detail` and `hint`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "hint": {"type": "string"},
        "required_scope": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Flaw"}},
        "current": {
            "type": "object",
            "description": "The thing as it is now, where it differs from what was expected.",
        },
    },
    "required": ["type", "title", "status", "code", "detail", "instance", "request_id"],
}
_FLAW: Plain = {
    "type": "object",
    "title": "Flaw",
    "description": "One thing that is wrong: `pointer` is a JSON pointer into the body, or ?name of a parameter.",
    "properties": {
        "pointer": {"type": "string"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "meta": {"type": "object"},
    },
    "required": ["pointer", "code", "detail"],
}
_PAGE: Plain = {
    "type": "object",
    "title": "PageOfList",
    "description": "Where this part of the list lies: pass `next` as `after` and `previous` as `before`.",
    "properties": {
        "has_more": {"type": "boolean"},
        "next": {"type": ["string", "null"]},
        "previous": {"type": ["string", "null"]},
        "total": {"type": "integer"},
    },
    "required": ["has_more", "next", "previous"],
}
_SECURITY: Plain = {
    "secretKey": {"type": "http", "scheme": "bearer", "description": "A secret key: sk_…"},
    "accessToken": {"type": "http", "scheme": "bearer", "description": "The access token of somebody who signed in."},
    "cartToken": {"type": "apiKey", "in": "header", "name": CART_TOKEN, "description": "Opens one cart."},
    "orderToken": {"type": "apiKey", "in": "header", "name": ORDER_TOKEN, "description": "Opens one order."},
}


def openapi_document(endpoints: Iterable[Endpoint], base_url: str) -> Plain:
    """The document of exactly these endpoints."""
    rows = list(endpoints)
    components: dict[str, Plain] = {"Problem": _PROBLEM, "Flaw": _FLAW, "PageOfList": _PAGE}
    schema_of(StockLevelView, components)
    bodies = sorted({row.body for row in rows if row.body is not None}, key=lambda body: body.__name__)
    _, of_bodies = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: defaultdict[str, Plain] = defaultdict(dict)
    for row in rows:
        paths[row.path][row.method.lower()] = _operation(row, components)
    assert not components.keys() & of_bodies.keys(), components.keys() & of_bodies.keys()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shop",
            "version": version("hexshop"),
            "description": "A headless commerce backend. Every error is problem+json; every list is paged by cursor.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": name} for name in dict.fromkeys(row.tag for row in rows)],
        "paths": dict(paths),
        "components": {"schemas": {**components, **of_bodies}, "securitySchemes": _SECURITY},
    }


def _operation(row: Endpoint, components: dict[str, Plain]) -> Plain:
    operation: Plain = {
        "operationId": row.operation_id,
        "tags": [row.tag],
        "summary": row.summary,
        "description": row.described,
        "security": _security(row),
        "parameters": [*_path_parameters(row), *map(_query_parameter, row.query), *_header_parameters(row)],
        "responses": {**_good(row, components), **_problems(row)},
        "x-tier": row.tier,
        "x-who": row.who.value,
        "x-codeSamples": _samples(row),
    }
    if row.scope:
        operation["x-required-scope"] = row.scope
    if row.body is not None:
        media_types = ["application/json", *(["application/merge-patch+json"] if row.method == "PATCH" else [])]
        schema = {"$ref": f"#/components/schemas/{row.body.__name__}"}
        operation["requestBody"] = {
            "required": not row.body_optional,
            "content": {media_type: {"schema": schema, "example": dict(row.example)} for media_type in media_types},
        }
    elif row.raw_body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return operation


def _security(row: Endpoint) -> list[Plain]:
    if row.who in WITH_SCOPE:
        return [{"secretKey": []}]
    if row.who is Who.CUSTOMER:
        return [{"accessToken": []}]
    if row.token:
        return [{"cartToken" if row.token == CART_TOKEN else "orderToken": []}]
    return [{}, {"secretKey": []}] if row.who is Who.PUBLIC else []


def _path_parameters(row: Endpoint) -> list[Plain]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in row.parameters]


def _query_parameter(parameter: Parameter) -> Plain:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": dict(parameter.schema),
        **parameter.style,
    }


def _header_parameters(row: Endpoint) -> list[Plain]:
    headers: list[Plain] = []

    def add(name: str, description: str, *, required: bool = False, **schema: Any) -> None:
        headers.append(
            {
                "name": name,
                "in": "header",
                "required": required,
                "description": description,
                "schema": {"type": "string", **schema},
            }
        )

    if row.keys is not Keys.NO:
        add(
            "Idempotency-Key",
            "A repeated request with the same key happens once and is answered alike"
            + (", but for guests: nobody can tell two of them apart yet." if row.who is Who.PUBLIC else "."),
            required=row.keys is Keys.REQUIRED,
            minLength=1,
            maxLength=255,
            pattern="^[\\x21-\\x7e]+$",
        )
    if row.if_match:
        add("If-Match", "The ETag of the thing as it was read, or *.", required=True, minLength=1)
    if row.may_match:
        add("If-Match", "The ETag of the thing as it was read: 412 if it has changed since.", minLength=1)
    if row.conditional:
        add("If-None-Match", "An ETag: 304 if the thing still has it.")
    return headers


def _good(row: Endpoint, components: dict[str, Plain]) -> Plain:
    response: Plain = {"description": row.summary, "headers": _headers(row)}
    if row.status not in (204, 302):
        sparse = any(parameter.name == "fields" for parameter in row.query)
        response["content"] = {row.shows.media_type: {"schema": _shown(row.shows, components, sparse=sparse)}}
    responses = {str(row.status): response}
    if row.conditional:
        responses["304"] = {"description": "It is what the caller has already."}
    return responses


def _shown(shows: Shows, components: dict[str, Plain], *, sparse: bool) -> Plain:
    if shows.view is None:
        return dict(shows.schema or {})
    one = schema_of(shows.view, components)
    if sparse:
        one = {"anyOf": [one, _sparse(shows.view, components)]}
    if shows.besides:
        always = [name for name in shows.besides if name not in shows.optional]
        beside = {"type": "object", "properties": dict(shows.besides), "required": always}
        return {"allOf": [one, beside]}
    if not shows.many:
        return one
    return {
        "type": "object",
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": one},
            "page": {"$ref": "#/components/schemas/PageOfList"},
        },
        "required": ["object", "data", "page"],
    }


def _sparse(view: type, components: dict[str, Plain]) -> Plain:
    """What is left of a view when only some `fields` were asked for."""
    name = f"Some{schema_name(view)}"
    whole = components[schema_name(view)]
    kept = [member for member in whole["required"] if member in ("object", "id")]
    components[name] = {**whole, "title": name, "required": kept}
    return {"$ref": f"#/components/schemas/{name}"}


def _headers(row: Endpoint) -> Plain:
    text = {"schema": {"type": "string"}}
    headers: Plain = {"Request-Id": {"description": "Names this request in the log.", **text}}
    if row.shows.view is not None and not row.shows.many:
        headers["ETag"] = {"description": "For If-Match and If-None-Match.", **text}
    if row.shows.many:
        headers["Link"] = {"description": _LINKS, **text}
    if row.keys is not Keys.NO:
        headers["Idempotent-Replayed"] = {"description": "true where this answer is an earlier one.", **text}
    return headers


_BY_CALLER: Mapping[Who, tuple[str, ...]] = {
    Who.CUSTOMER: ("authentication_required",),
    Who.SIGNED_IN: ("authentication_required",),
    Who.STAFF: ("authentication_required", "scope_missing"),
    Who.TEST: ("authentication_required", "scope_missing", "test_key_needed"),
}


def _takes_id(parameter: Parameter) -> bool:
    return "pattern" in parameter.schema or "pattern" in parameter.schema.get("items", {})


def codes_of(row: Endpoint) -> tuple[str, ...]:
    """Every problem code that an endpoint may answer with."""
    codes = [*_ALWAYS, *row.problems]
    codes += _BY_CALLER.get(row.who, ())
    if row.parameters or row.body or any(map(_takes_id, row.query)):
        codes += ["id_malformed", "id_wrong_type"]
    if row.parameters:
        codes.append("not_found")
    if any(parameter.name == "currency" for parameter in row.query):
        codes.append("currency_unknown")
    if any(parameter.name == "after" for parameter in row.query):
        codes.append("cursor_malformed")
    if row.body or row.raw_body:
        codes.append("payload_too_large")
    if row.body:
        codes += ["body_malformed", "unsupported_media_type"]
    if row.keys is not Keys.NO:
        codes += ["idempotency_key_malformed", "idempotency_key_reused", "idempotency_in_progress"]
    if row.keys is Keys.REQUIRED:
        codes.append("idempotency_key_missing")
    if row.if_match:
        codes += ["precondition_required", "version_mismatch"]
    return tuple(dict.fromkeys(codes))


def _problems(row: Endpoint) -> Plain:
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes_of(row):
        for status in PROBLEMS[code].statuses:
            by_status[status].append(code)
    return {str(status): _problem(row, status, codes) for status, codes in sorted(by_status.items())}


def _problem(row: Endpoint, status: int, codes: list[str]) -> Plain:
    examples: Mapping[str, Plain] = {
        code: {
            "value": {
                "type": f"/problems/{code}",
                "title": code.replace("_", " ").capitalize(),
                "status": status,
                "code": code,
                "detail": PROBLEMS[code].meaning,
                "instance": row.path,
                "request_id": "req_01jd8zc5w0e7ktmj9c2q8k4h1n",
            }
        }
        for code in codes
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": ", ".join(codes),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def _samples(row: Endpoint) -> list[Plain]:
    header = ""
    if row.who in WITH_SCOPE or row.who is Who.CUSTOMER:
        header = ' -H "Authorization: Bearer $KEY"'
    elif row.token:
        header = f' -H "{row.token}: $TOKEN"'
    method = "" if row.method == "GET" else f" -X {row.method}"
    json = " --json '{…}'" if row.body else ""
    called = "get" if row.method == "GET" else row.method.lower()
    python = f'httpx.{called}(f"{{base}}{row.path}"' + (", json={…}" if row.body else "") + ")"
    samples = [
        {"lang": "Shell", "label": "curl", "source": f'curl{method} "$BASE{row.path}"{header}{json}'},
        {"lang": "Python", "label": "httpx", "source": python},
    ]
    if row.method in ("GET", "POST"):
        samples.append({"lang": "Shell", "label": "shop", "source": f"shop api {called} {row.path}"})
    return samples
