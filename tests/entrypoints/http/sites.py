"""Small shops with their HTTP application, and the nine calls of a shopper."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from attrs import define, evolve
from litestar.types import ASGIApp

from shop.adapters.credentials import CredentialAuthenticator
from shop.adapters.memory.cache import MemoryCache
from shop.adapters.memory.limits import MemoryRateLimiter
from shop.application.commands.identity.keys import CreateApiKey
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.sign_in import SignInProviders
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import VariantId
from shop.entrypoints.http.app import create_app
from shop.entrypoints.settings import Settings
from tests.shops import SmallShop, open_small_shop

BASE = "http://shop.test"
ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "postal_code": "10119", "city": "Berlin", "country": "DE"}
UNLIMITED = Settings(rate_limit="off")


@define(eq=False)
class OpenSite:
    """A small shop, its application and two who use it."""

    small: SmallShop
    app: ASGIApp
    guest: httpx.AsyncClient
    staff: httpx.AsyncClient

    def with_key(self, secret: str) -> httpx.AsyncClient:
        return client_of(self.app, {"Authorization": f"Bearer {secret}"})

    async def key(self, *scopes: str) -> httpx.AsyncClient:
        """Somebody with a key to these scopes."""
        new = await self.small.shop.execute(CreateApiKey(name="k", scopes=frozenset(scopes)))
        return self.with_key(new.secret)

    async def cart(self, *wanted: tuple[VariantId, int], ready: bool = True) -> dict[str, Any]:
        """What POST /carts answered, of a cart with these in it; `version` is that of now."""
        opened: dict[str, Any] = (await self.guest.post("/api/carts")).json()
        path, headers = f"/api/carts/{opened['id']}", {"Cart-Token": opened["cart_token"]}
        for variant_id, quantity in wanted:
            body = {"variant_id": str(variant_id), "quantity": quantity}
            assert (await self.guest.post(f"{path}/items", json=body, headers=headers)).status_code == 201
        if ready:
            change = {"email": "ada@example.com", "shipping_address": ADDRESS}
            assert (await self.guest.patch(path, json=change, headers=headers)).status_code == 200
            chosen = await self.guest.put(f"{path}/shipping-option", json={"option_id": "standard"}, headers=headers)
            assert chosen.status_code == 200
        now = (await self.guest.get(path, headers=headers)).json()
        return {**now, "cart_token": opened["cart_token"]}

    async def session(self, cart: dict[str, Any], method: str = "fake_card") -> str:
        answer = await self.guest.post(
            "/api/payments/sessions",
            json={"cart_id": cart["id"], "method": method},
            headers={"Cart-Token": cart["cart_token"], "Idempotency-Key": f"session-{method}"},
        )
        assert answer.status_code == 201, answer.text
        session_id: str = answer.json()["id"]
        return session_id

    async def order(
        self, cart: dict[str, Any], *, method: str = "fake_card", key: str = "order-1", **more: Any
    ) -> httpx.Response:
        """Places the order of a cart."""
        body = {
            "cart_id": cart["id"],
            "cart_version": cart["version"],
            "payment_session_id": await self.session(cart, method),
            **more,
        }
        headers = {"Cart-Token": cart["cart_token"], "Idempotency-Key": key}
        return await self.guest.post("/api/orders", json=body, headers=headers)

    def token(self, cart: dict[str, Any]) -> dict[str, str]:
        return {"Cart-Token": cart["cart_token"]}


@asynccontextmanager
async def open_site(
    settings: Settings = UNLIMITED, *, gateway: PaymentGateway | None = None, sign_in: SignInProviders | None = None
) -> AsyncIterator[OpenSite]:
    """A site whose cache and counters are in memory, and whose clock a test can move."""
    small = await open_small_shop()
    ports = evolve(
        small.shop.ports,
        cache=MemoryCache(small.clock),
        limiter=MemoryRateLimiter(small.clock),
        authenticator=CredentialAuthenticator(
            small.storage.readers.api_keys,
            small.storage.readers.people,
            secrets=small.secrets,
            access_tokens=small.shop.ports.access_tokens,
            clock=small.clock,
        ),
        gateway=gateway or small.shop.ports.gateway,
        limits=settings.limits,
        sign_in=sign_in or {},
    )
    small.shop = Shop(ports, jitter=lambda: 0.0)
    app = create_app(small.shop, settings)
    new = await small.shop.execute(CreateApiKey(name="staff", scopes=frozenset({"*"})))
    async with client_of(app, {}) as guest, client_of(app, {"Authorization": f"Bearer {new.secret}"}) as staff:
        yield OpenSite(small, app, guest, staff)


def client_of(app: ASGIApp, headers: dict[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)
