"""S-72: limits hold however the request is spelled, and where guessing pays they close when nobody can count."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from attrs import evolve

from shop.application.limits import CODES, DEFAULT, GUARDED, REGISTER, SIGN_IN, RateLimited, RateLimits
from shop.application.ports.cache import CountersAway, RateLimit, RateVerdict, WhenAway
from shop.application.shop import Shop
from shop.entrypoints.http import app as http
from shop.entrypoints.http.endpoints import Who
from shop.entrypoints.http.table import ENDPOINTS
from shop.entrypoints.settings import Settings
from tests.entrypoints.http.security.rows import ROWS, Asked, path_of
from tests.entrypoints.http.sites import OpenSite, open_site


class NobodyCounts:
    """Counters that are away."""

    async def hit(self, key: str, limit: RateLimit, *, when_away: WhenAway = "open") -> RateVerdict:
        if when_away == "closed":
            raise CountersAway
        return RateVerdict(True, limit.quota, limit.window_seconds)

    async def close(self) -> None:
        """Nothing to let go of."""


@asynccontextmanager
async def with_classes(monkeypatch: pytest.MonkeyPatch, settings: Settings, **classes: str) -> AsyncIterator[OpenSite]:
    """A site on which some rows are of other classes."""
    rows = tuple(evolve(row, limit_class=classes.get(row.operation_id, row.limit_class)) for row in ENDPOINTS)
    monkeypatch.setattr(http, "ENDPOINTS", rows)
    async with open_site(settings) as site:
        yield site


async def test_s72_no_spelling_has_a_limit_of_its_own() -> None:
    paths = [
        "/api/store",
        "/API/store",
        "/api/store/",
        "//api/store",
        "/api/./store",
        "/api/store?x=1",
        "/nowhere",
        "/",
    ]
    async with open_site(Settings(rate_limit=f"{len(paths)}/60")) as site:
        for path in paths:
            assert (await Asked("GET", path).by(site.app)).status != 429
        for path in paths:
            for forged in (
                {},
                {"x-forwarded-for": "198.51.100.1"},
                {"x-real-ip": "198.51.100.2"},
                {"forwarded": "for=1.1.1.1"},
            ):
                for method in ("GET", "POST", "HEAD", "DELETE"):
                    assert (await Asked(method, path, headers=forged).by(site.app)).status == 429


async def test_s72_a_household_has_one_limit_and_a_proxy_is_believed_only_where_it_is_named() -> None:
    async with open_site(Settings(rate_limit="2/60", proxies=1)) as site:
        for number in range(5):
            told = {"x-forwarded-for": f"203.0.113.{number}, 2001:db8:1:2::{number:x}"}
            asked = await Asked("GET", "/api/store", headers=told).by(site.app)
            assert asked.status == (200 if number < 2 else 429)


async def test_s72_each_class_has_its_own_limit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(rate_limit="100/60", rate_limit_sign_in="2/60")
    async with with_classes(monkeypatch, settings, store_get=SIGN_IN) as site:
        first, second, third = [
            await site.guest.get("/api/categories"),
            *[await site.guest.get("/api/store") for _ in "12"],
        ]
        assert first.headers["ratelimit-policy"] == '"default";q=100;w=60'
        assert second.headers["ratelimit-policy"] == '"default";q=100;w=60, "sign-in";q=2;w=60'
        assert '"sign-in";r=1;t=' in second.headers["ratelimit"]
        assert third.status_code == 200
        refused = await site.guest.get("/api/store")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await site.guest.get("/api/categories")).status_code == 200


async def test_s72_a_key_has_one_limit_from_wherever_it_is_used() -> None:
    async with open_site(Settings(rate_limit="3/60", proxies=1)) as site:
        statuses, policies = [], b""
        for number in range(5):
            told = {"x-forwarded-for": f"198.51.100.{number}", "authorization": site.staff.headers["authorization"]}
            asked = await Asked("GET", "/api/store", headers=told).by(site.app)
            statuses.append(asked.status)
            policies = asked.value(b"ratelimit-policy")
        assert statuses == [200, 200, 200, 429, 429]
        assert b'"default-key";q=3;w=60' in policies
        others = await site.key("orders:read")
        assert (await others.get("/api/store", headers={"x-forwarded-for": "198.51.100.9"})).status_code == 200


async def test_s72_writes_are_counted_besides() -> None:
    async with open_site(Settings(rate_limit="100/60", rate_limit_write="2/60")) as site:
        assert [(await site.guest.post("/api/carts")).status_code for _ in range(3)] == [201, 201, 429]
        assert (await site.guest.get("/api/store")).status_code == 200
    writing = [row for row in ENDPOINTS if row.method != "GET" and row.who is not Who.PROVIDER]
    assert all(row.limit_class != DEFAULT for row in writing)


@pytest.mark.parametrize("name", sorted(GUARDED))
async def test_s72_without_counters_guessing_is_closed_and_the_catalogue_open(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with with_classes(monkeypatch, Settings(), store_get=name) as site:
        shop = Shop(evolve(site.small.shop.ports, limiter=NobodyCounts()))
        app = http.create_app(shop, Settings())
        closed = await Asked("GET", "/api/store").by(app)
        assert (closed.status, b"counters_unavailable" in closed.body) == (503, True)
        assert closed.values(b"retry-after") == [b"5"]
        for path in ("/api/products", "/api/categories", "/health/live"):
            assert (await Asked("GET", path).by(app)).status == 200
        assert (await Asked("POST", "/api/carts", headers={"content-type": "application/json"}).by(app)).status == 201


async def test_s72_a_use_case_counts_by_account(site: OpenSite) -> None:
    limits = RateLimits({SIGN_IN: RateLimit(2, 60), CODES: RateLimit(1, 60)})
    limiter = site.small.shop.ports.limiter
    for _ in range(2):
        await limits.count(limiter, SIGN_IN, "account:ada")
    with pytest.raises(RateLimited) as refused:
        await limits.count(limiter, SIGN_IN, "account:ada")
    assert 1 <= refused.value.retry_after <= 60
    await limits.count(limiter, SIGN_IN, "account:bob")
    assert await limits.count(limiter, REGISTER, "account:ada") is None
    with pytest.raises(CountersAway):
        await limits.count(NobodyCounts(), CODES, "cart:1")


async def test_health_is_never_counted() -> None:
    async with open_site(Settings(rate_limit="1/60")) as site:
        for row in ROWS:
            if row.path.startswith("/health/"):
                assert {(await Asked("GET", path_of(row)).by(site.app)).status for _ in range(3)} == {200}
