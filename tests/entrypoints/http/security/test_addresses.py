"""S-12, S-33, S-80: addresses in other spellings, hosts that are not ours, versions that do not exist."""

import pytest

from shop.entrypoints.http.hosts import REMEMBERED_MAX, Hosts
from shop.entrypoints.http.table import ENDPOINTS
from shop.entrypoints.settings import Settings
from tests.entrypoints.http.security.rows import WITH_SCOPE, Asked, headers_of, path_of
from tests.entrypoints.http.sites import OpenSite, open_site
from tests.entrypoints.test_settings import PRODUCTION

READ_BY_ALL = {row.path for row in ENDPOINTS if row.method == "GET" and not row.scope}
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


def spellings(path: str) -> set[str]:
    """The address as careless programs might take it for the same."""
    return {
        path.upper(),
        path.replace("/api", "/API"),
        path + "/",
        path + "//",
        "/" + path,
        path.replace("/api/", "/api//"),
        path.replace("/api/", "/api/./"),
        path.replace("/api/", "/api/../api/"),
        path.replace("/api/", "/api/%2e/"),
        path.replace("/api/", "/api%2f"),
        path.replace("/api/", "/api\\"),
        path + ";a=b",
        path + "/.",
        path + "%20",
        path + "\n",
        path + ".json",
        path.replace("/api/", "/api/v1/"),
        path.replace("/api/", "/v0/"),
        path.replace("/api/", "/api/v2/"),
    } - {path}


async def test_s12_no_spelling_and_no_method_opens_what_is_for_staff(site: OpenSite) -> None:
    for row in WITH_SCOPE:
        path = path_of(row, "prod_01jd8zc5w0e7ktmj9c2q8k4h1n")
        for spelled in {path, *spellings(path)}:
            for method in {row.method, "HEAD", "TRACE", "QUERY", row.method.lower(), "PROPFIND"}:
                asked = await Asked(method, spelled, headers=headers_of(row), body=b"{}").by(site.app)
                refused = asked.status in (401, 403, 404, 405, 422)
                # Where everybody may GET, everybody may HEAD.
                assert refused or (method == "HEAD" and row.path in READ_BY_ALL), (row.operation_id, method, spelled)
                assert b'"object"' not in asked.body
        for header in OVERRIDES:
            posted = Asked("POST", path, headers={**headers_of(row), header: row.method}, body=b"{}")
            assert (await posted.by(site.app)).status in (401, 404, 405)
            read = await Asked("GET", path, headers={header: row.method}).by(site.app)
            assert read.status in (401, 404, 405, 422) or row.path in READ_BY_ALL


async def test_s12_two_slashes_are_no_address(site: OpenSite) -> None:
    """A proxy that closes /api/admin might let //api/admin pass."""
    for row in ENDPOINTS:
        for path in ("/" + path_of(row), path_of(row).replace("/", "//"), path_of(row) + "//"):
            assert (await Asked(row.method, path).by(site.app)).status == 404


async def test_s12_a_key_without_the_scope_gets_no_further(site: OpenSite) -> None:
    """Everything but the one scope is not that scope."""
    scopes = {row.scope for row in WITH_SCOPE}
    for row in WITH_SCOPE:
        resource = row.scope.partition(":")[0]
        others = {scope for scope in scopes if scope.partition(":")[0] != resource} - {"customers:erase"}
        client = await site.key(*others)
        answer = await client.request(row.method, path_of(row), headers=headers_of(row), content=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), row.operation_id


async def test_s12_options_tells_methods_and_nothing_else(site: OpenSite) -> None:
    for row in WITH_SCOPE:
        asked = await Asked("OPTIONS", path_of(row)).by(site.app)
        assert (asked.status, asked.body) == (204, b"")


async def test_s80_there_is_one_version_and_no_way_around_it(site: OpenSite) -> None:
    for row in ENDPOINTS:
        for version in ("v0", "v1", "v2", "1", "beta", "internal", "latest"):
            older = (
                path_of(row).replace("/api/", f"/api/{version}/") if "/api/" in row.path else f"/{version}{row.path}"
            )
            asked = await Asked(row.method, older, headers={"api-version": "0", "accept-version": version}).by(site.app)
            assert asked.status in (404, 405), (older, asked.status)
    with_header = await Asked("GET", "/api/admin/orders", headers={"api-version": "2020-01-01"}).by(site.app)
    assert with_header.status == 401


HOSTILE = [
    "",
    "evil.example",
    "evil.example:80",
    "shop.example.evil.example",
    "evil-shop.example",
    "shop.example@evil.example",
    "evil.example#shop.example",
    "evil.example/shop.example",
    "shop.example\\.evil.example",
    "shop.example, evil.example",
    "shop.example:80:80",
    "shop.example:abc",
    "shop.example\r\nX-A: b",
    "shop.example\x00",
    "shop.exämple",
    " shop.example",
    "[::ffff:7f00:1]",
    "127.0.0.2",
    "localhost.evil.example",
    "x" * 300,
]


@pytest.fixture
def production() -> Settings:
    return Settings.from_environment({**PRODUCTION, "SHOP_ALLOWED_HOSTS": "api.shop.example", "SHOP_RATE_LIMIT": "off"})


async def test_s33_a_host_that_is_not_ours_gets_nothing(production: Settings) -> None:
    async with open_site(production) as site:
        for host in (*HOSTILE, "localhost", "127.0.0.1", "shop.test"):
            for path in ("/api/store", "/api/docs", "/nowhere"):
                asked = await Asked("GET", path, headers={"host": host}).by(site.app)
                assert (asked.status, b"host_unknown" in asked.body) == (400, True), host
        for host in ("shop.example", "SHOP.example:443", "api.shop.example", "shop.example.", "shop.example:8000"):
            assert (await Asked("GET", "/api/store", headers={"host": host}).by(site.app)).status == 200
        assert (await Asked("GET", "/health/live", headers={"host": "10.1.2.3"}).by(site.app)).status == 200


async def test_s33_links_lead_where_the_settings_say(production: Settings) -> None:
    named = dict.fromkeys(("x-forwarded-host", "x-original-url", "x-rewrite-url", "x-host"), "evil.example")
    async with open_site(production) as site:
        for row in ENDPOINTS:
            if row.method == "GET":
                headers = {
                    "host": "shop.example",
                    **named,
                    "forwarded": "host=evil.example",
                    "referer": "//evil.example",
                }
                asked = await Asked("GET", path_of(row), headers=headers).by(site.app)
                assert b"evil.example" not in asked.body + repr(asked.headers).encode(), row.operation_id


async def test_s33_outside_production_this_machine_and_tests_may_ask_too() -> None:
    async with open_site(Settings(rate_limit="off")) as site:
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "shop.test", "a.localhost"):
            assert (await Asked("GET", "/api/store", headers={"host": host}).by(site.app)).status == 200
        for host in ("evil.example", "192.168.0.9", "test", "evil.test.example"):
            assert (await Asked("GET", "/api/store", headers={"host": host}).by(site.app)).status == 400


def test_s33_nobody_fills_our_memory_with_names() -> None:
    hosts = Hosts(["shop.example"], local=True)
    for port in range(1, 1_000):
        assert hosts.knows(b"shop.example:%d" % port)
        assert not hosts.knows(b"evil%d.example" % port)
    assert len(hosts._known) == REMEMBERED_MAX
