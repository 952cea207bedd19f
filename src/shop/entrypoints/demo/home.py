"""The folder in which a demo lives: its database, its secrets and its card."""

import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from shop.application.commands.identity.keys import CreateApiKey
from shop.application.commands.identity.setup import OfferSetup
from shop.application.shop import Shop
from shop.domain.kernel.errors import Unavailable
from shop.entrypoints.database import upgrade
from shop.entrypoints.demo.card import Card
from shop.entrypoints.demo.seed import DemoClock, DemoIds, seed
from shop.entrypoints.demo_settings import CARD, DATABASE, PROVIDER, SECRET, demo_settings, read_card
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings

UNDER_CONSTRUCTION = "under-construction.sqlite3"


class Home:
    """A demo's folder. The database is built under another name, so that a start that is cut short leaves no half."""

    def __init__(self, folder: Path, port: int, settle: Callable[[Shop], Awaitable[None]]) -> None:
        """`settle` deals with everything that the seeding made happen, before the doors open."""
        self._folder = folder
        self._port = port
        self._settle = settle

    def settings(self, database: str = DATABASE) -> Settings:
        """The demo's settings; what else is in the environment holds here too."""
        own = demo_settings(self._folder, f"http://127.0.0.1:{self._port}", self._secret(), database)
        return Settings.from_environment({**os.environ, **own})

    async def prepare(self) -> Card:
        """Makes the shop if this is the first start, brings its schema up to date, and writes the card."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if (self._folder / DATABASE).exists():
            card = await self._reopen()
        else:
            card = await self._build()
        card.write(self._card)
        return card

    @property
    def _card(self) -> Path:
        return self._folder / CARD

    async def _reopen(self) -> Card:
        before = read_card(self._card)
        settings = self.settings()
        try:
            async with open_shop(settings) as shop:
                return await self._carry_over(before, shop)
        except Unavailable:
            await upgrade(settings)
        async with open_shop(settings) as shop:
            return await self._carry_over(before, shop)

    async def _carry_over(self, before: dict[str, object], shop: Shop) -> Card:
        """The card with the key that it had; with a new one when the card was lost."""
        key = before.get("secret_key")
        counts = {name: value if isinstance(value := before.get(name), int) else 0 for name in ("products", "orders")}
        return Card.at(
            self._port,
            secret_key=key if isinstance(key, str) else await _mint(shop),
            setup_url=await shop.execute(OfferSetup()),
            **counts,
        )

    async def _build(self) -> Card:
        for leftover in self._folder.glob(f"{UNDER_CONSTRUCTION}*"):
            leftover.unlink()
        settings = self.settings(UNDER_CONSTRUCTION)
        await upgrade(settings)
        opened_at = datetime.now(UTC)
        clock = DemoClock(opened_at.replace(year=opened_at.year - 1))
        async with open_shop(settings, clock=clock, ids=DemoIds()) as shop:
            seeded = await seed(shop, clock, opened_at)
            await self._settle(shop)
        async with open_shop(settings) as shop:
            card = Card.at(
                self._port,
                secret_key=await _mint(shop),
                products=seeded.products,
                orders=seeded.orders,
                setup_url=await shop.execute(OfferSetup()),
            )
        card.write(self._card)
        for suffix in (PROVIDER, ""):
            (self._folder / f"{UNDER_CONSTRUCTION}{suffix}").rename(self._folder / f"{DATABASE}{suffix}")
        return card

    def _secret(self) -> str:
        """The secret that signs guests' tokens, made on first use."""
        path = self._folder / SECRET
        try:
            return path.read_text(encoding="ascii")
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            secret = secrets.token_hex(32)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secret)
            return secret


async def _mint(shop: Shop) -> str:
    key = await shop.execute(CreateApiKey(name="demo", scopes=frozenset({"*"})))
    return key.secret
