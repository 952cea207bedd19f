"""Whatever is said at the front door, the shop answers in its own words, and alike in every storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from attrs import define, field, frozen

from shop.application.commands.categories import CreateCategory
from shop.application.commands.identity.me import AddAddress
from shop.application.commands.identity.privacy import EraseMe, EraseUser
from shop.application.commands.identity.staff import CreateUser
from shop.application.commands.plans import CreatePlan
from shop.application.messages import SYSTEM, Actor, Command
from shop.application.ports.paging import Page
from shop.application.queries.catalog import GetProducts
from shop.application.queries.identity import GetRoles
from shop.application.queries.inventory import GetLocations
from shop.application.queries.payments import GetPayments
from shop.application.shop import Shop
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import Identifier, SessionId
from shop.domain.subscriptions import Interval, IntervalUnit
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings
from tests.application.nonsense import Speaker
from tests.application.test_fitting import every_message
from tests.people import PlainPasswords
from tests.scale import rounds
from tests.shops import (
    BERLIN,
    SETTINGS,
    CountedIds,
    DroppedTags,
    NoLimits,
    OpenBooks,
    PlainSecrets,
    SettableClock,
    SmallShop,
    eur,
)

_TOO_FINAL = (EraseMe, EraseUser)
"""After them there would be nobody left to talk to."""


@frozen
class World:
    """A shop with a little of everything in it."""

    shop: Shop
    ids: CountedIds
    customer: Actor
    known: dict[type, list[Identifier]]

    async def answer(self, message: Any, actor: Actor, number: int) -> tuple[str, object]:
        """How it went, and what came back. Everything but the shop's own errors is raised."""
        self.ids.made = number
        try:
            if isinstance(message, Command):
                return "done", await self.shop.execute(message, actor=actor)
            return "done", await self.shop.ask(message, actor=actor)
        except ShopError as refusal:
            return refusal.code, None


@asynccontextmanager
async def world(settings: Settings) -> AsyncIterator[World]:
    clock, ids, secrets, known = SettableClock(), CountedIds(), PlainSecrets(), Known()
    swapped = {"cache": DroppedTags(), "limiter": NoLimits(), "passwords": PlainPasswords()}
    async with open_shop(settings, clock=clock, ids=ids, secrets=secrets, **swapped) as shop:
        ports: Any = shop.ports
        small = SmallShop(
            shop=shop,
            storage=ports.storage,
            provider=ports.gateway,
            billing=ports.billing,
            saved_methods=ports.saved_methods,
            books=OpenBooks(),
            clock=clock,
            ids=ids,
            cache=DroppedTags(),
            secrets=secrets,
        )
        async with small.storage.uow(small.context()) as tx:
            tx.store.save(SETTINGS)
        user_id = await shop.execute(CreateUser(email="ada@example.com"))
        actor = Actor(
            kind="user",
            id=user_id,
            verified=True,
            fresh_at=clock.now(),
            session_id=SessionId(small.ids.new(SessionId).uuid),
        )
        shirt, book = (
            await small.product(),
            await small.product("ebook", requires_shipping=False, tracked=False, stock=None),
        )
        monthly = CreatePlan(
            code="m", name="M", variant_id=book, interval=Interval(IntervalUnit.MONTH), prices=(eur(900),)
        )
        cart = await small.cart((shirt, 2))
        known.add(user_id, shirt, book, cart, await small.cart((shirt, 1), (book, 1), actor=actor))
        known.add(await shop.execute(CreateCategory(slug="shirts", name="Shirts")), await small.buy((shirt, 1)))
        known.add(await small.session(cart), await shop.execute(monthly))
        known.add(await shop.execute(AddAddress(address=BERLIN), actor=actor))
        known.add(*(one.id for one in (await shop.ask(GetPayments())).data))
        known.add(*(one.id for one in (await shop.ask(GetProducts())).data))
        known.add(*(one.id for one in await shop.ask(GetLocations())), *(one.id for one in await shop.ask(GetRoles())))
        yield World(shop, ids, actor, known.by_kind)


@define
class Known:
    """Ids by their kind."""

    by_kind: dict[type, list[Identifier]] = field(factory=dict)

    def add(self, *ids: Identifier) -> None:
        for one in ids:
            self.by_kind.setdefault(type(one), []).append(one)


def told(outcome: str, answer: object) -> tuple[str, object]:
    """What must be the same: not the ids, of which storages draw more or fewer on the way."""
    if isinstance(answer, Page):
        return outcome, (len(answer.data), answer.total, answer.next is None, answer.previous is None)
    return outcome, len(answer) if isinstance(answer, (list, tuple)) else type(answer)


@pytest.mark.prove
async def test_nonsense_is_refused_alike_in_memory_and_in_databases(shop_url: str) -> None:
    random = Random(1)
    kinds: list[Any] = [kind for kind in every_message() if not kind.__subclasses__() and kind not in _TOO_FINAL]
    async with world(Settings()) as memory, world(Settings(database_url=shop_url)) as stored:
        assert memory.known == stored.known
        handled = {*memory.shop._commands, *memory.shop._queries}
        kinds = [kind for kind in kinds if kind in handled]
        for turn in range(rounds(600, in_full=20_000)):
            kind = random.choice(kinds)
            speaker = Speaker(random, memory.known, random.choice((0, 0.1, 0.3, 0.6)))
            try:
                message = speaker.message(kind)
            except ShopError:
                continue
            actor = memory.customer if kind.requires == "customer" else random.choice((SYSTEM, memory.customer))
            outcomes = [await one.answer(message, actor, 10**6 + turn * 1000) for one in (memory, stored)]
            assert told(*outcomes[0]) == told(*outcomes[1]), (turn, message)
            made = outcomes[0][1]
            if isinstance(made, Identifier):
                memory.known.setdefault(type(made), []).append(made)
