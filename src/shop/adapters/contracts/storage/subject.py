"""The storage that a contract test is about, with all that a test needs around it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar

from attrs import fields

from shop.adapters.contracts.samples import CountedIds, Samples
from shop.application.messages import SYSTEM, Actor, Context, Idempotency
from shop.application.ports.clock import Ids
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.storage import Storage, SubscribersByType
from shop.application.ports.unit_of_work import Transaction
from shop.domain.carts import Cart
from shop.domain.catalog import Category, Product
from shop.domain.identity import (
    AccountRequest,
    ApiKey,
    DataExport,
    Invitation,
    OneTimeToken,
    Role,
    Session,
    SigningKey,
    User,
)
from shop.domain.inventory import Location, StockLevel
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.identifiers import EventId, LocationId, RequestId, VariantId
from shop.domain.ledger import LedgerEntry
from shop.domain.orders import Order
from shop.domain.payments import Dispute, InboxItem, Payment, PaymentSession, Refund
from shop.domain.subscriptions import Plan

SUBSCRIBERS: SubscribersByType = {
    "product.created": ("mail", "index"),
    "product.updated": ("index",),
    "order.created": ("mail",),
}


class Bench:
    """A storage on which nobody else works, samples to put there, and short ways to do so."""

    def __init__(self, storage: Storage, ids: CountedIds) -> None:
        self.storage = storage
        self.samples = Samples(ids)
        self.now = self.samples.now
        self.readers = storage.readers
        self.outbox = storage.outbox

    def context(
        self,
        *,
        actor: Actor = SYSTEM,
        now: datetime | None = None,
        key: str = "",
        fingerprint: bytes = b"f" * 32,
        caused_by: EventId | None = None,
    ) -> Context:
        idempotency = Idempotency(route="POST /things", key=key, fingerprint=fingerprint) if key else None
        return Context(
            actor=actor,
            now=now or self.now,
            request_id=self.samples.new(RequestId),
            caused_by=caused_by,
            idempotency=idempotency,
        )

    def transaction(self, context: Context | None = None) -> AbstractAsyncContextManager[Transaction]:
        return self.storage.uow(context or self.context())

    def page(self, **asked: Any) -> PageRequest:
        """The first hundred of a list."""
        return PageRequest(limit=100, **asked)

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    async def save(self, *things: Any) -> None:
        """All of them in one transaction."""
        async with self.transaction() as tx:
            for thing in things:
                _saves(tx)[type(thing)](thing)

    async def stocked(
        self, on_hand: int, *, backorder_limit: int = 0, priority: int = 0
    ) -> tuple[VariantId, LocationId]:
        """A product on sale with so many of its only variant in a new location."""
        product, location = self.samples.product(), self.samples.location(priority=priority)
        await self.save(product, location)
        variant_id = product.variants[0].id
        await self.stock(variant_id, location.id, on_hand, backorder_limit=backorder_limit)
        return variant_id, location.id

    async def stock(
        self, variant_id: VariantId, location_id: LocationId, on_hand: int, *, backorder_limit: int = 0
    ) -> None:
        """Opens a level of so many, explained by a movement."""
        async with self.transaction() as tx:
            level = StockLevel(
                variant_id=variant_id, location_id=location_id, on_hand=on_hand, backorder_limit=backorder_limit
            )
            movement = self.samples.movement(variant_id, location_id, on_hand=on_hand) if on_hand else None
            tx.stock.open_level(level, movement)

    async def level(self, variant_id: VariantId, location_id: LocationId) -> StockLevel:
        async with self.transaction() as tx:
            levels = await tx.stock.levels([variant_id])
        return next(level for level in levels if level.location_id == location_id)

    async def placed(self, **changes: Any) -> Order:
        """An order with its cart and payment session, saved and read again, so that it has its number."""
        cart = self.samples.cart()
        session = self.samples.session(cart)
        order = self.samples.order(cart, session, **changes)
        await self.save(cart, session)
        return await self.saved(order)

    async def saved(self, order: Order) -> Order:
        await self.save(order)
        return await self.reread(order)

    async def reread(self, order: Order) -> Order:
        async with self.transaction() as tx:
            return await tx.orders.get(order.id)

    async def paying(self, **changes: Any) -> tuple[Order, Payment]:
        """A placed order with its payment, saved."""
        order = await self.placed()
        payment = self.samples.payment(order, **changes)
        await self.save(payment)
        return order, payment


def _saves(tx: Transaction) -> Mapping[type, Callable[[Any], None]]:
    return {
        Product: tx.products.save,
        Category: tx.categories.save,
        Location: tx.stock.save_location,
        Cart: tx.carts.save,
        PaymentSession: tx.payment_sessions.save,
        Order: tx.orders.save,
        Plan: tx.plans.save,
        Payment: tx.payments.save,
        Refund: tx.refunds.save,
        Dispute: tx.disputes.save,
        InboxItem: tx.inbox.save,
        LedgerEntry: tx.ledger.book,
        ApiKey: tx.api_keys.save,
        User: tx.users.save,
        Role: tx.roles.save,
        Session: tx.sessions.save,
        OneTimeToken: tx.one_time_tokens.save,
        AccountRequest: tx.account_requests.save,
        Invitation: tx.invitations.save,
        DataExport: tx.exports.save,
        SigningKey: tx.signing_keys.save,
        StoreSettings: tx.store.save,
    }


class StoragePromises:
    """What each part of the contract stands on: opening the storage, and what cannot be run against it."""

    leaves_out: ClassVar[Mapping[str, str]] = {}
    """Tests that cannot be run against this storage, by name, each with the reason."""

    def open(self, ids: Ids, subscribers: SubscribersByType) -> AbstractAsyncContextManager[Storage]:
        """An empty storage, opened, that nobody else uses, closed at the end."""
        raise NotImplementedError

    @asynccontextmanager
    async def open_subject(self) -> AsyncIterator[Bench]:
        ids = CountedIds()
        async with self.open(ids, SUBSCRIBERS) as storage:
            yield Bench(storage, ids)


def state(aggregate: Aggregate | None) -> dict[str, Any]:
    """All that is stored of an aggregate, to compare: two of them are equal by identity only."""
    assert aggregate is not None
    return {
        attribute.name: getattr(aggregate, attribute.name)
        for attribute in fields(type(aggregate))
        if attribute.name not in ("_events", "_stored")
    }


async def walk(ask: Callable[[PageRequest], Any], limit: int, sort: tuple[str, ...] = ()) -> list[Any]:
    """The whole list, page by page: forwards to the end, then back, which must show the same pages."""
    forwards: list[Page[Any]] = [await ask(PageRequest(limit=limit, sort=sort))]
    assert forwards[0].previous is None
    while (after := forwards[-1].next) is not None:
        forwards.append(await ask(PageRequest(limit=limit, sort=sort, after=after)))
        assert forwards[-1].data, "a page that was promised is empty"
        assert len(forwards) < 1000, "the list never ends"
    for page, shown in zip(reversed(forwards[1:]), reversed(forwards[:-1]), strict=True):
        assert page.previous is not None
        back = await ask(PageRequest(limit=limit, sort=sort, before=page.previous))
        assert back.data == shown.data, "going back shows another page"
        assert back.next is not None
        assert (back.previous is None) is (shown is forwards[0])
    assert all(len(page.data) == limit for page in forwards[:-1])
    return [entry for page in forwards for entry in page.data]
