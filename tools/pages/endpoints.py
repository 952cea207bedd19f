"""docs/reference/endpoints.md, from the endpoint table."""

from itertools import groupby

from shop.entrypoints.http.endpoints import Endpoint, Keys, Who
from shop.entrypoints.http.table import ENDPOINTS
from tools.pages.page import Page, table

_ABOUT = """
Every call that there is. A running shop shows the same with all parameters, bodies and answers at `/api/docs`, and as
OpenAPI 3.1 at `/api/openapi.json`.

**Who**: *all* is anybody; *token* is whoever sends the token that came with the cart or order (`Cart-Token`,
`Order-Token`); *customer* is somebody who signed in, for what is their own; a scope such as `orders:read` needs a
secret key that has it (`Authorization: Bearer sk_…`; `write` implies `read`); *provider* is a payment provider, known
by its signature. Addresses below `/api/test` take test keys (`sk_test_…`) only, and do not exist in
production.

**Needs**: *key* is an `Idempotency-Key`, without which the call is refused (most other POSTs take one: not those of
signing in, of keys and of `/api/test`; and a guest's is only known together with their token, so not yet when a cart is
opened); *If-Match* is the `ETag` under which the caller last saw the thing.

**Everywhere**: lists that grow are paged by cursor (`limit` up to 100, `after`, `before`; pass on `page.next` as it
came), those that stay short (roles, keys, locations, addresses, ways to pay) come as a whole,
every error is `application/problem+json` with a `code` of [problems.md](problems.md), money is
`{"amount": 2999, "currency": "EUR", "display": "€29.99"}` in minor units, ids look like `order_01jd8z…`, moments are
UTC, unknown fields and parameters are refused.
"""


def _who(row: Endpoint) -> str:
    if row.scope:
        return f"`{row.scope}`"
    if row.who is Who.GUEST:
        return "token" if row.token else "all"
    return {
        Who.PUBLIC: "all",
        Who.PROVIDER: "provider",
        Who.STAFF: "staff",
        Who.CUSTOMER: "customer",
        Who.SIGNED_IN: "anybody signed in",
    }[row.who]


def _needs(row: Endpoint) -> str:
    return ", ".join(["key"] * (row.keys is Keys.REQUIRED) + ["If-Match"] * row.if_match)


def _body() -> str:
    parts = []
    for tag, rows in groupby(sorted(ENDPOINTS, key=lambda row: _TAGS.index(row.tag)), key=lambda row: row.tag):
        cells = [
            (row.method, f"`{row.path}`", f"`{row.operation_id}`", _who(row), _needs(row), row.summary) for row in rows
        ]
        heads = ("method", "path", "operation", "who", "needs", "what it does")
        parts.append(f"## {tag.capitalize()}\n\n{table(heads, cells)}\n")
    return "\n".join(parts)


_TAGS = list(dict.fromkeys(row.tag for row in ENDPOINTS))
ENDPOINTS_PAGE = Page("endpoints.md", "Endpoints", _ABOUT, "`src/shop/entrypoints/http/table.py`", _body)
