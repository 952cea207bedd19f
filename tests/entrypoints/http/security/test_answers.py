"""S-46, S-70, S-71: what every answer says to browsers and caches."""

import pytest

from shop.entrypoints.settings import Settings, SettingsWrong
from tests.entrypoints.http.security.rows import ROWS, Asked, headers_of, path_of
from tests.entrypoints.http.sites import OpenSite, open_site
from tests.entrypoints.test_settings import PRODUCTION

FRONT = "https://front.example"


async def test_s46_what_a_credential_opens_is_kept_by_nobody(site: OpenSite) -> None:
    await site.small.product()
    credential = {"authorization": site.staff.headers["authorization"]}
    for row in ROWS:
        value = "linen-shirt" if row.operation_id == "product_get" else "x"
        asked = await Asked(row.method, path_of(row, value), headers={**headers_of(row), **credential}, body=b"{}").by(
            site.app
        )
        kept = asked.value(b"cache-control")
        if row.operation_id in ("openapi_json", "openapi_docs") or row.tag == "pages":
            continue  # the same for everybody, with or without a credential
        assert b"no-store" in kept, (row.operation_id, asked.status, kept)
        assert b"public" not in kept


async def test_s46_a_shared_answer_is_not_made_from_a_private_one(site: OpenSite) -> None:
    await site.small.product()
    for path in ("/api/products", "/api/products/linen-shirt", "/api/categories"):
        with_token = {"Cart-Token": "x", "Cookie": "a=b"}
        private = await site.staff.get(path)
        shared = await site.guest.get(path, headers=with_token)
        assert private.headers["cache-control"] == "private, no-store"
        assert shared.headers["cache-control"].startswith("public")
        assert "set-cookie" not in shared.headers


async def test_s71_every_answer_makes_browsers_careful(site: OpenSite) -> None:
    credential = {"authorization": site.staff.headers["authorization"]}
    for row in ROWS:
        for headers in ({}, credential, {"host": "evil.example"}):
            asked = await Asked(row.method, path_of(row), headers={**headers_of(row), **headers}, body=b"{").by(
                site.app
            )
            policy = asked.values(b"content-security-policy")
            assert len(policy) == 1, row.operation_id
            assert b"unsafe" not in policy[0]
            for rule in (b"default-src 'none'", b"frame-ancestors 'none'", b"base-uri 'none'"):
                assert rule in policy[0], row.operation_id
            for name, value in {
                b"x-content-type-options": b"nosniff",
                b"referrer-policy": b"no-referrer",
                b"x-frame-options": b"DENY",
                b"cross-origin-opener-policy": b"same-origin",
                b"cross-origin-resource-policy": b"same-origin",
            }.items():
                assert asked.values(name) == [value], (row.operation_id, name)
            assert b"camera=()" in asked.value(b"permissions-policy")
            assert not asked.values(b"server")
            assert not asked.values(b"strict-transport-security")
            if asked.body:
                assert asked.value(b"content-type").startswith((b"application/", b"text/", b"image/png"))


def in_production(**more: str) -> Settings:
    return Settings.from_environment({**PRODUCTION, "SHOP_RATE_LIMIT": "off", **more})


async def test_s71_production_keeps_browsers_on_https_and_redirects_pages_only() -> None:
    async with open_site(in_production(SHOP_PROXIES="1")) as site:
        for row in ROWS:
            headers = {**headers_of(row), "host": "shop.example", "x-forwarded-proto": "http"}
            asked = await Asked(row.method, path_of(row), query=b"q=a%20b&x=1", headers=headers).by(site.app)
            assert asked.value(b"strict-transport-security") == b"max-age=31536000; includeSubDomains"
            if row.path.startswith("/health/"):
                assert asked.status in (200, 422)  # the query means nothing there
            elif row.path.startswith("/api/") or row.method != "GET":  # what a form sent was open to read already
                assert (asked.status, b"https_needed" in asked.body) == (403, True), row.operation_id
            else:
                location = f"https://shop.example{path_of(row)}?q=a%20b&x=1".encode()
                assert (asked.status, asked.values(b"location")) == (308, [location])
            secure = await Asked(row.method, path_of(row), headers={**headers, "x-forwarded-proto": "https"}).by(
                site.app
            )
            assert secure.status != 308
            assert b'"https_needed"' not in secure.body
        for said, status in (("https, http", 200), ("HTTPS", 200), ("http, https", 308), ("", 308), ("wss", 308)):
            told = {"host": "shop.example", "x-forwarded-proto": said}
            assert (await Asked("GET", "/problems", headers=told).by(site.app)).status == status
        assert (await Asked("GET", "/problems", headers={"host": "shop.example"}).by(site.app)).status == 200
    async with open_site(in_production()) as site:
        told = {"host": "shop.example", "x-forwarded-proto": "http"}
        assert (await Asked("GET", "/problems", headers=told).by(site.app)).status == 200


async def test_s71_a_redirect_leads_to_our_own_address_only() -> None:
    async with open_site(in_production(SHOP_PROXIES="1")) as site:
        for path in ("//evil.example/x", "/\\evil.example", "/x\r\nLocation: y", "/é"):
            headers = {"host": "shop.example", "x-forwarded-proto": "http"}
            asked = await Asked("GET", path, query=b"a=\r\nX: y\xff", headers=headers).by(site.app)
            (location,) = asked.values(b"location")
            assert location.startswith(b"https://shop.example/")
            assert location.isascii()
            assert not any(byte < 0x21 for byte in location)


ORIGINS = ["null", "https://evil.example", "https://front.example.evil.example", "http://front.example", "file://"]
ORIGINS += [
    "https://FRONT.example.",
    "https://front.example:444",
    "https://front_example",
    "*",
    "https://x@front.example",
]


async def test_s70_only_named_origins_may_read_and_never_with_cookies() -> None:
    async with open_site(Settings(rate_limit="off", cors_origins=f"{FRONT}, https://other.example")) as site:
        for origin in ORIGINS:
            for method, more in (("GET", {}), ("OPTIONS", {"access-control-request-method": "POST"})):
                asked = await Asked(method, "/api/store", headers={"origin": origin, **more}).by(site.app)
                assert not [name for name, _ in asked.headers if name.startswith(b"access-control-")], origin
                assert b"Origin" in asked.value(b"vary")
        for row in ROWS:
            asked = await Asked(row.method, path_of(row), headers={**headers_of(row), "origin": FRONT}).by(site.app)
            assert asked.values(b"access-control-allow-origin") == [FRONT.encode()]
            assert not asked.values(b"access-control-allow-credentials")
            assert b"*" not in asked.value(b"access-control-allow-headers")
        plain = await Asked("GET", "/api/products").by(site.app)
        assert b"Origin" in plain.value(b"vary")


@pytest.mark.parametrize(
    "origins", ["*", "null", "https://*.example", "front.example", "https://front.example/", "x,*"]
)
def test_s70_a_wildcard_is_no_origin_in_any_environment(origins: str) -> None:
    with pytest.raises(SettingsWrong, match="SHOP_CORS_ORIGINS"):
        Settings(cors_origins=origins)
