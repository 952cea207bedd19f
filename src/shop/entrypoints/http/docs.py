"""The OpenAPI document, pages for people beside it, and pages that explain problems: all from our own server."""

from functools import cache
from pathlib import Path

import swagger_ui_bundle

from shop.domain.kernel.errors import NotFound
from shop.entrypoints.http.answers import HTML, JSON, Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.problems import problem_list, problem_page

endpoints = Endpoints("system")
pages = Endpoints("pages")
"""What is served to browsers beside the API; not in the document."""

_CACHE = (b"cache-control", b"public, max-age=300")
# Swagger UI styles its elements through the DOM, which needs no more than this.
_CONTENT_POLICY = (
    b"content-security-policy",
    (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
)
_MEDIA_TYPES = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "favicon-32x32.png": b"image/png",
}
_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop API</title>
<link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""


@cache
def _asset(name: str) -> bytes:
    return (Path(str(swagger_ui_bundle.swagger_ui_path)) / name).read_bytes()


@endpoints.get(
    "/api/openapi.json",
    "openapi_json",
    Who.PUBLIC,
    "This document",
    shows=Shows(schema={"type": "object"}),
    conditional=True,
)
async def openapi_json(call: Call) -> Answer:
    """The whole API as OpenAPI 3.1."""
    return Answer(200, call.site.openapi, JSON, [_CACHE, (b"etag", call.site.openapi_etag)])


@endpoints.get(
    "/api/docs",
    "openapi_docs",
    Who.PUBLIC,
    "The API as a page",
    shows=Shows(schema={"type": "string"}, media_type="text/html"),
)
async def openapi_docs(call: Call) -> Answer:
    """A page to read and try the API; it loads nothing from elsewhere."""
    return Answer(200, _PAGE, HTML, [_CACHE, _CONTENT_POLICY])


@pages.get("/api/docs/{name}", "docs_asset", Who.PUBLIC, "Parts of the documentation page")
async def docs_asset(call: Call) -> Answer:
    """Script and style of the documentation page."""
    name = call.path_values["name"]
    if name == "start.js":
        return Answer(200, _START, b"text/javascript; charset=utf-8", [_CACHE])
    if name not in _MEDIA_TYPES:
        raise NotFound("There is nothing at this address.")
    return Answer(200, _asset(name), _MEDIA_TYPES[name], [_CACHE])


@pages.get("/problems", "problem_list", Who.PUBLIC, "All problem codes")
async def problems_all(call: Call) -> Answer:
    """All codes that an answer may carry."""
    return Answer(200, problem_list().encode(), HTML, [_CACHE])


@pages.get("/problems/{code}", "problem_get", Who.PUBLIC, "What a problem code means")
async def problems_one(call: Call) -> Answer:
    """What one code means and what to do about it."""
    page = problem_page(call.path_values["code"])
    if page is None:
        raise NotFound("There is no such problem.")
    return Answer(200, page.encode(), HTML, [_CACHE])
