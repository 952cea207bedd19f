"""What a transaction writes comes back as it was, or not at all."""

import asyncio
import gc
import weakref
from datetime import timedelta

import pytest
from attrs import asdict, evolve
from sqlalchemy import select

from shop.adapters.sql.carts import cart_with_offers
from shop.adapters.sql.database import Database
from shop.adapters.sql.documents import from_settings, to_settings
from shop.adapters.sql.outbox import SqlOutbox
from shop.adapters.sql.schema import products
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from shop.application.ports.network import transaction_open
from shop.application.ports.paging import PRICELESS, PageRequest
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import AnsweredAlready, StaleAggregate
from shop.domain.carts import Cart
from shop.domain.catalog import Price, SkuTaken, SlugTaken
from shop.domain.inventory import MovementKind, StockLevel
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import LedgerEntryId
from shop.domain.ledger import EntryKind, LedgerEntry, sale_postings
from shop.domain.orders import CartAlreadyOrdered
from shop.domain.pricing.taxes import TaxTable
from shop.domain.store import Store
from tests.adapters.sql.things import (
    IDS,
    NOW,
    cart,
    context,
    eur,
    movement,
    order_of,
    place,
    product,
    session_for,
    stocked,
)


def same(left: Aggregate, right: Aggregate) -> bool:
    def state(aggregate: Aggregate) -> dict[str, object]:
        return {name: value for name, value in asdict(aggregate, recurse=False).items() if name != "_events"}

    assert state(left) == state(right)
    return True


async def test_a_product_comes_back_as_it_was_saved(uow: SqlUnitOfWork) -> None:
    saved = product("S", "M", "L")
    async with uow(context()) as tx:
        assert transaction_open()
        tx.products.save(saved)
    assert not transaction_open()
    assert saved.version == 1
    async with uow(context()) as tx:
        assert same(await tx.products.get(saved.id), saved)
        found = await tx.products.find_by_sku("M")
        assert found is not None
        assert found.id == saved.id
        assert await tx.products.find_by_slug("elsewhere") is None


async def test_variants_and_prices_follow_the_product(uow: SqlUnitOfWork) -> None:
    saved = product("S", "M", "L")
    async with uow(context()) as tx:
        tx.products.save(saved)
    async with uow(context()) as tx:
        changed = await tx.products.get(saved.id)
        small, medium, large = changed.variants
        cheaper = evolve(medium, prices=(Price(amount=eur(5)),))
        changed.change(NOW, variants=(large, cheaper))
        tx.products.save(changed)
    async with uow(context()) as tx:
        assert same(await tx.products.get(saved.id), changed)
        assert await tx.products.find_by_sku(small.sku) is None


async def test_saving_without_reading_replaces_the_parts(uow: SqlUnitOfWork) -> None:
    saved = product("S", "M")
    async with uow(context()) as tx:
        tx.products.save(saved)
    saved.change(NOW, variants=saved.variants[1:])
    async with uow(context()) as tx:
        tx.products.save(saved)
    async with uow(context()) as tx:
        assert same(await tx.products.get(saved.id), saved)


@pytest.mark.parametrize(
    ("second", "error"), [({"slug": "one"}, SlugTaken), ({"sku": "S"}, SkuTaken)], ids=["slug", "sku"]
)
async def test_what_is_taken_has_its_own_error(
    uow: SqlUnitOfWork, second: dict[str, str], error: type[Exception]
) -> None:
    async with uow(context()) as tx:
        tx.products.save(product("S", slug="one"))
    with pytest.raises(error):
        async with uow(context()) as tx:
            tx.products.save(product(second.get("sku", "T"), slug=second.get("slug", "two")))


async def test_a_checkout_comes_back_as_it_was_written(uow: SqlUnitOfWork, database: Database) -> None:
    shop = await stocked(uow, "S", "M", "L")
    bought = cart(*shop.variants, quantity=2)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    async with uow(context()) as tx:
        tx.payment_sessions.save(session_for(bought))
    order = await place(uow, shop, bought)
    async with uow(context()) as tx:
        stored = await tx.orders.get(order.id)
        assert stored.number == 1001
        order.number = 1001
        assert same(stored, order)
        payment = await tx.payments.of_order(order.id)
        assert payment.attempts[0].amount == order.total
        assert (await tx.carts.get(bought.id)).status == "ordered"
        levels = await tx.stock.levels(shop.variants)
        assert [(level.on_hand, level.reserved, level.version) for level in levels] == [(10, 2, 2)] * 3
        assert [r.quantity for r in await tx.stock.reservations(order.id)] == [2, 2, 2]
    found = await SqlOutbox(database).events(PageRequest(total=True), types=["order.created"])
    assert found.total == 1
    assert [delivery.subscriber for delivery in found.data[0].deliveries] == ["stock", "mail"]


async def test_a_cart_comes_with_its_offers(uow: SqlUnitOfWork, database: Database) -> None:
    shop = await stocked(uow, "S", "M")
    bought = cart(shop.variants[0], quantity=2)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    found = await cart_with_offers(database, bought.id, also=[shop.variants[1]])
    assert same(found.cart, bought)
    offer = found.offers[shop.variants[1]]
    assert (offer.sku, offer.variant_title, offer.available, offer.on_sale) == ("M", "M", 10, True)
    assert offer.prices[0] == eur(2000)
    assert offer.image_url == "https://example.com/1.jpg"
    assert offer.levels[0].location_id == shop.location.id


async def test_a_stale_aggregate_writes_nothing(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    async with uow(context()) as tx:
        slow = await tx.carts.get(bought.id)
    async with uow(context()) as tx:
        fast = await tx.carts.get(bought.id)
        fast.describe(NOW, note="faster")
        tx.carts.save(fast)
    with pytest.raises(StaleAggregate):
        await place(uow, shop, slow, key="k")
    async with uow(context(key="k")) as tx:
        assert await tx.orders.find_by_cart(bought.id) is None
        assert (await tx.stock.levels(shop.variants))[0].reserved == 0
        tx.answer(bought.id)  # the key is still free


async def test_a_level_that_does_not_suffice_writes_nothing(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S", "M", on_hand=1)
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    await place(uow, shop, bought)
    late = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(late)
    with pytest.raises(StaleAggregate):
        await place(uow, shop, late)
    async with uow(context()) as tx:
        assert (await tx.carts.get(late.id)).status == "open"
        assert {level.reserved for level in await tx.stock.levels(shop.variants)} == {1}


async def test_one_order_per_cart_and_one_answer_per_key(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    await place(uow, shop, bought, key="once")
    with pytest.raises(CartAlreadyOrdered):
        async with uow(context()) as tx:
            tx.orders.save(order_of(bought))
    with pytest.raises(AnsweredAlready):
        async with uow(context(key="once")) as tx:
            tx.answer(bought.id)


async def test_several_changes_of_one_level_are_one(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S", on_hand=5)
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
        tx.stock.move(movement(level, MovementKind.RECEIVED, on_hand=3), expected_version=level.version)
        tx.stock.move(movement(level, MovementKind.RESERVED, reserved=8))
        tx.stock.set_backorder_limit(level, 2)
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
    assert (level.on_hand, level.reserved, level.backorder_limit, level.version) == (8, 8, 2, 2)


async def test_a_lower_backorder_limit_leaves_promises_alone(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S", on_hand=1)
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
        tx.stock.set_backorder_limit(level, 5)
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
        tx.stock.move(movement(level, MovementKind.RESERVED, reserved=6))
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
        tx.stock.set_backorder_limit(level, 0)
    async with uow(context()) as tx:
        (level,) = await tx.stock.levels(shop.variants)
        assert level.available == -5
        tx.stock.move(movement(level, MovementKind.RELEASED, reserved=-1))
    with pytest.raises(StaleAggregate):
        async with uow(context()) as tx:
            tx.stock.move(movement(level, MovementKind.RESERVED, reserved=1))


async def test_more_than_fits_one_statement_is_still_all_or_nothing(uow: SqlUnitOfWork) -> None:
    skus = [f"S{n}" for n in range(60)]
    shop = await stocked(uow, *skus, on_hand=1)
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    order = await place(uow, shop, bought)
    async with uow(context()) as tx:
        assert {level.reserved for level in await tx.stock.levels(shop.variants)} == {1}
        assert len((await tx.orders.get(order.id)).lines) == 60
    late = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(late)
    with pytest.raises(StaleAggregate):
        await place(uow, shop, late)
    async with uow(context()) as tx:
        assert await tx.orders.find_by_cart(late.id) is None


async def test_cart_items_follow_the_cart(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S", "M", "L")
    bought = cart(*shop.variants[:2])
    async with uow(context()) as tx:
        tx.carts.save(bought)
    async with uow(context()) as tx:
        changed = await tx.carts.get(bought.id)
        changed.remove(changed.items[0].id, NOW)
        changed.change_quantity(changed.items[0].id, 7, NOW)
        changed.add(cart(shop.variants[0]).items[0].id, shop.variants[0], 3, NOW)
        tx.carts.save(changed)
    async with uow(context()) as tx:
        assert same(await tx.carts.get(bought.id), changed)
    unread = Cart(**{**asdict(changed, recurse=False, filter=lambda a, _: a.init), "items": changed.items[:1]})
    async with uow(context()) as tx:
        tx.carts.save(unread)
    async with uow(context()) as tx:
        assert same(await tx.carts.get(bought.id), unread)


async def test_the_books_are_read_in_the_order_they_were_written(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    order = await place(uow, shop, bought)

    async with uow(context()) as tx:
        payment = await tx.payments.of_order(order.id)

    def entry(ref: str) -> LedgerEntry:
        return LedgerEntry(
            id=IDS.new(LedgerEntryId),
            at=NOW,
            kind=EntryKind.CAPTURE,
            order_id=order.id,
            payment_id=payment.id,
            provider="fake",
            provider_ref=ref,
            postings=sale_postings("fake", eur(1680), eur(412), eur(397)),
        )

    entries = [entry("z"), entry("a"), entry("m")]
    for one in entries:
        async with uow(context()) as tx:
            tx.ledger.book(one)
    async with uow(context()) as tx:
        assert await tx.ledger.of_order(order.id) == entries
    with pytest.raises(StaleAggregate):
        async with uow(context()) as tx:
            tx.ledger.book(entry("z"))


async def test_two_at_once_sell_the_last_one_once(uow: SqlUnitOfWork) -> None:
    shop = await stocked(uow, "S", on_hand=1)
    carts = [cart(*shop.variants) for _ in range(8)]
    for one in carts:
        async with uow(context()) as tx:
            tx.carts.save(one)
    outcomes = await asyncio.gather(*(place(uow, shop, one) for one in carts), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Order"] + ["StaleAggregate"] * 7
    async with uow(context()) as tx:
        level: StockLevel = (await tx.stock.levels(shop.variants))[0]
    assert (level.on_hand, level.reserved) == (1, 1)


async def test_another_first_currency_sorts_products_anew(uow: SqlUnitOfWork, database: Database) -> None:
    cheap, dear = product("S"), product("M", "L")
    async with uow(context()) as tx:
        tx.products.save(cheap)
        tx.products.save(dear)
    both = Statement(select(products.c.id, products.c.price_from_minor))
    assert {row[1] for row in await database.fetch(both)} == {1999}
    async with uow(context()) as tx:
        settings = await tx.store.get()
        tx.store.save(evolve(settings, store=evolve(settings.store, currencies=("USD", "EUR"))))
    assert {row[1] for row in await database.fetch(both)} == {2500}
    async with uow(context()) as tx:
        settings = await tx.store.get()
        assert settings.version == 1
        tx.store.save(evolve(settings, store=evolve(settings.store, currencies=("JPY",))))
    assert {row[1] for row in await database.fetch(both)} == {PRICELESS}


async def test_claims_stay_quick_in_a_long_queue(uow: SqlUnitOfWork, database: Database) -> None:
    """Heads only, in order, each to one caller, whatever waits behind them."""
    saved = product("S")
    async with uow(context()) as tx:
        tx.products.save(saved)
    for _ in range(20):
        saved.change(NOW, vendor="Another")
        async with uow(context()) as tx:
            tx.products.save(saved)
    outbox = SqlOutbox(database)
    later = NOW + timedelta(seconds=30)
    both = await asyncio.gather(outbox.claim(NOW, later, 50), outbox.claim(NOW, later, 50))
    (head,) = [delivery for claimed in both for delivery in claimed]
    assert (head.subscriber, head.attempt) == ("cache", 1)
    (again,) = await outbox.claim(later, later + timedelta(seconds=30), 50)
    assert (again.event_id, again.attempt) == (head.event_id, 2)
    assert not await outbox.done(head, later)
    assert await outbox.done(again, later)
    (following,) = await outbox.claim(later, later, 50)
    assert following.event_id != head.event_id


def test_settings_from_before_there_was_a_choice_go_on_capturing_at_once() -> None:
    """A shop that is upgraded must not stop taking money."""
    new = StoreSettings(store=Store(), taxes=TaxTable(), shipping_methods=())
    document = from_settings(new)
    assert to_settings(document, 3).store.capture is CapturePolicy.MANUAL
    del document["store"]["capture"]
    assert to_settings(document, 3).store.capture is CapturePolicy.AUTOMATIC


async def test_a_transaction_is_gone_when_it_is_over(uow: SqlUnitOfWork) -> None:
    """Without the garbage collector, which would find hundreds of things for each order otherwise."""
    shop = await stocked(uow, "S")
    [variant] = shop.product.variants
    level = StockLevel(variant_id=variant.id, location_id=shop.location.id, on_hand=10)
    gc.collect()
    gc.disable()
    try:
        async with uow(context()) as tx:
            tx.stock.move(movement(level, MovementKind.ADJUSTED, on_hand=1))
            left = [weakref.ref(part) for part in (tx, tx.stock, tx.categories)]
        del tx
        assert [part() for part in left] == [None, None, None]
    finally:
        gc.enable()
