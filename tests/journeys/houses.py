"""A shop as its operator runs it: server and worker processes that a test starts, kills and stops, and its buyers."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from attrs import define, field

from shop.application.commands.catalog import CreateProduct, NewVariant
from shop.application.commands.identity.keys import CreateApiKey
from shop.application.commands.inventory import AdjustStock
from shop.application.commands.store import ConfigureStore
from shop.application.queries.catalog import GetProduct
from shop.application.shop import Shop
from shop.domain.catalog import Price, ProductStatus
from shop.domain.kernel.identifiers import VariantId
from shop.domain.kernel.money import Money
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings
from tests.journeys.audit import Rows, audit
from tests.servers import free_port
from tests.shops import SETTINGS

PROGRAM = (sys.executable, "-m", "shop.entrypoints.cli.app")
ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "postal_code": "10119", "city": "Berlin", "country": "DE"}
PATIENCE_SECONDS = 60.0
Json = dict[str, Any]


@define
class House:
    """The settings and the folder that all processes of one shop share."""

    database_url: str
    folder: Path
    more: Mapping[str, str] = field(factory=dict)

    @property
    def provider_file(self) -> Path:
        return self.folder / "provider.db"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SHOP_DATABASE_URL": self.database_url,
            "SHOP_FAKE_PAYMENTS_FILE": str(self.provider_file),
            "SHOP_RATE_LIMIT": "off",
            "SHOP_DATABASE_CONNECTIONS": "10",
            **self.more,
        }

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def rows(self) -> Rows:
        return Rows(self.database_url)

    def process(self, *words: str) -> "Process":
        return Process(self, words)

    def server(self, *, workers: int = 1, with_worker: bool = True) -> "Server":
        return Server(self, workers=workers, with_worker=with_worker)

    async def furnish(self, *stocks: int) -> list[VariantId]:
        """Opens the shop with a product for each of these stocks; their variants."""
        async with open_shop(self.settings) as shop:
            await shop.execute(
                ConfigureStore(store=SETTINGS.store, taxes=SETTINGS.taxes, shipping_methods=SETTINGS.shipping_methods)
            )
            return [await _product(shop, number, stock) for number, stock in enumerate(stocks)]

    async def key(self) -> str:
        """A secret key to everything."""
        async with open_shop(self.settings) as shop:
            return (await shop.execute(CreateApiKey(name="journey", scopes=frozenset({"*"})))).secret

    async def receive(self, variant: VariantId, units: int) -> None:
        async with open_shop(self.settings) as shop:
            await shop.execute(AdjustStock(variant_id=variant, delta=units, reason="a delivery came"))

    async def check(self) -> None:
        """No unit and no cent is lost: database, books and the fake provider say the same."""
        await audit(self.database_url)
        if not self.provider_file.exists():
            return
        ours = await self.rows.all(
            "SELECT a.provider_ref, p.captured_minor, p.refunded_minor FROM payments p"
            " JOIN payment_attempts a ON a.payment_id = p.id WHERE a.provider_ref <> ''"
        )
        assert {ref: (captured, refunded) for ref, captured, refunded in ours} == self.provider_books()

    def provider_books(self) -> dict[str, tuple[int, int]]:
        """What the fake provider took and gave back, by intent."""
        with sqlite3.connect(self.provider_file, timeout=10) as books:
            records = [json.loads(record) for (record,) in books.execute("SELECT record FROM intents")]
        return {record[0]: (record[5], sum(r[1] for r in record[6] if r[2] == "succeeded")) for record in records}


async def _product(shop: Shop, number: int, stock: int) -> VariantId:
    variant = NewVariant(sku=f"SKU-{number}", prices=(Price(amount=Money(1999, "EUR")),), weight_grams=250, stock=stock)
    product_id = await shop.execute(
        CreateProduct(slug=f"thing-{number}", title=f"Thing {number}", status=ProductStatus.ACTIVE, variants=(variant,))
    )
    view = await shop.ask(GetProduct(id_or_slug=product_id, expand=frozenset({"variants"})))
    assert view.variants is not None
    return view.variants[0].id


@define
class Process:
    """A process of the shop, with everything that it starts; it ends with the block that it is used in."""

    house: House
    words: tuple[str, ...]
    running: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.house.folder / f"{self.words[0]}.log"

    def begin(self) -> None:
        """Starts it, and waits for nothing."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
        with self.log.open("ab") as out:
            self.running = subprocess.Popen(
                [*PROGRAM, *self.words],
                env=own | self.house.environment,
                cwd=self.house.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As when the power goes off: at once, and all its children too."""
        assert self.running is not None
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait(30)
        self.running = None

    def stop(self) -> int:
        """As an operator stops it; the exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        code = self.running.wait(30)
        self.running = None
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running is not None:
            self.kill()


class Server(Process):
    """`shop serve`, on the same port after each start."""

    def __init__(self, house: House, *, workers: int, with_worker: bool) -> None:
        self.port = free_port()
        words = ["serve", "--port", str(self.port), "--workers", str(workers)]
        super().__init__(house, tuple([*words, "--with-worker"] if with_worker else words))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def children(self) -> list[int]:
        """The processes that serve, where there are several."""
        assert self.running is not None
        own = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        return [child for child in map(int, own.read_text().split()) if b"resource_tracker" not in _command_line(child)]

    async def start(self) -> None:
        """Starts it, and waits until it serves."""
        self.begin()
        async with httpx.AsyncClient() as client:
            for _ in range(int(PATIENCE_SECONDS / 0.05)):
                assert self.running is not None
                assert self.running.poll() is None, self.log.read_text()[-3000:]
                try:
                    if (await client.get(f"{self.url}/health/ready", timeout=2)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"it does not answer:\n{self.log.read_text()[-3000:]}")


def _command_line(process_id: int) -> bytes:
    return Path(f"/proc/{process_id}/cmdline").read_bytes()


@define
class Basket:
    """A cart that is ready, and the request that orders it: sent again, it is the same request."""

    cart: Json
    body: Json
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Cart-Token": self.cart["cart_token"], "Idempotency-Key": self.key}


class Buyers(httpx.AsyncClient):
    """Shoppers in front of a server, as many at once as one likes."""

    def __init__(self, url: str, **more: Any) -> None:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        super().__init__(base_url=url, timeout=30, limits=limits, **more)
        self._in_the_shop = asyncio.Semaphore(16)

    async def basket(self, number: int, *wanted: tuple[VariantId, int], method: str = "fake_card") -> Basket:
        """Fills a cart, all the way to the last step before the order."""
        async with self._in_the_shop:
            cart = _made(await self.post("/api/carts", json={"currency": "EUR"}), 201)
            path, token = f"/api/carts/{cart['id']}", {"Cart-Token": cart["cart_token"]}
            for variant_id, quantity in wanted:
                item = {"variant_id": str(variant_id), "quantity": quantity}
                _made(await self.post(f"{path}/items", json=item, headers=token), 201)
            whom = {"email": "ada@example.com", "shipping_address": ADDRESS}
            _made(await self.patch(path, json=whom, headers=token), 200)
            options = _made(await self.get(f"{path}/shipping-options", headers=token), 200)["data"]
            chosen = {"option_id": options[0]["id"]}
            ready = _made(await self.put(f"{path}/shipping-option", json=chosen, headers=token), 200)
            cart = {**ready, "cart_token": cart["cart_token"]}
            session = await self.session(cart, method)
        body = {"cart_id": cart["id"], "cart_version": cart["version"], "payment_session_id": session}
        return Basket(cart, body, f"order-{number}")

    async def baskets(self, count: int, *wanted: tuple[VariantId, int]) -> list[Basket]:
        return list(await asyncio.gather(*(self.basket(number, *wanted) for number in range(count))))

    async def session(self, cart: Json, method: str) -> str:
        """How the cart will be paid."""
        headers = {"Cart-Token": cart["cart_token"], "Idempotency-Key": f"session-{method}"}
        body = {"cart_id": cart["id"], "method": method}
        session_id: str = _made(await self.post("/api/payments/sessions", json=body, headers=headers), 201)["id"]
        return session_id

    async def order(self, basket: Basket) -> httpx.Response:
        return await self.post("/api/orders", json=basket.body, headers=basket.headers)

    async def try_to_order(self, basket: Basket) -> httpx.Response | None:
        """The answer; None where the connection broke before there was one."""
        try:
            return await self.order(basket)
        except httpx.TransportError:
            return None

    async def seen(self, order: Json) -> Json:
        """The order as its buyer sees it now."""
        answer = await self.get(f"/api/orders/{order['id']}", headers={"Order-Token": order["order_token"]})
        return _made(answer, 200)

    async def until_paid(self, order: Json) -> Json:
        """Waits until the order is paid."""
        shown: Json = {}
        for _ in range(int(PATIENCE_SECONDS / 0.1)):
            shown = await self.seen(order)
            if shown["payment_status"] == "paid":
                return shown
            await asyncio.sleep(0.1)
        raise AssertionError(f"it is never paid: {shown}")


def _made(answer: httpx.Response, status: int) -> Json:
    assert answer.status_code == status, answer.text
    made: Json = answer.json()
    return made
