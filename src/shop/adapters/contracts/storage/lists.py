"""Lists: the same order forwards and backwards, page by page, under every sort, with nothing lost between pages."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, walk
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import CursorMalformed, Page, PageRequest, SortUnknown, encode_cursor
from shop.application.ports.readers import OrderFilter, PaymentFilter, ProductFilter
from shop.domain.catalog import Price
from shop.domain.inventory import MovementKind, StockLevel

PRODUCT_SORTS = ("created_at", "updated_at", "title", "price")


class ListPromises(StoragePromises):
    """The promises of `shop.application.ports.paging`."""

    @alone
    async def test_products_under_every_sort(self, bench: Bench) -> None:
        await _products(bench)
        values: dict[str, Callable[[Any], Any]] = {
            "created_at": lambda view: view.created_at,
            "updated_at": lambda view: view.updated_at,
            "title": lambda view: view.title,
            "price": lambda view: view.price_from.minor if view.price_from is not None else 10**15,
        }
        for name, value in values.items():
            for sort in ((name,), (f"-{name}",)):
                found = await walk(_ask_products(bench), 3, sort)
                assert _sorted(found, value, descending=sort[0].startswith("-")), sort
                assert len({view.id for view in found}) == 9

    @alone
    async def test_the_newest_products_come_first(self, bench: Bench) -> None:
        await _products(bench)
        found = await walk(_ask_products(bench), 2)
        assert _sorted(found, lambda view: view.created_at, descending=True)
        assert await walk(_ask_products(bench), 4, ("-created_at",)) == found

    @alone
    async def test_two_sort_keys(self, bench: Bench) -> None:
        await _products(bench)
        found = await walk(_ask_products(bench), 2, ("title", "-created_at"))
        titles = [view.title for view in found]
        assert titles == sorted(titles)
        for _, group in groupby(found, key=lambda view: view.title):
            alike = list(group)
            times = [view.created_at for view in alike]
            assert times == sorted(times, reverse=True)
            for _, same in groupby(alike, key=lambda view: view.created_at):
                ids = [view.id for view in same]
                assert ids == sorted(ids)

    @alone
    async def test_titles_sort_by_code_point(self, bench: Bench) -> None:
        titles = ["Zebra", "apple", "Äpfel", "Apple", "zebra", "亜麻", "𝒜", "～"]
        await bench.save(*(bench.samples.product(title=title) for title in titles))
        found = await walk(_ask_products(bench), 3, ("title",))
        assert [view.title for view in found] == sorted(titles)

    @alone
    async def test_entries_that_come_or_go_move_nothing(self, bench: Bench) -> None:
        products = [bench.samples.product(at=bench.later(number)) for number in range(6)]
        await bench.save(*products)
        ask = _ask_products(bench)
        first = await ask(PageRequest(limit=2))
        products[4].move_to(products[4].status.ARCHIVED, bench.later(99))  # the entry that the cursor names
        await bench.save(products[4], bench.samples.product(at=bench.later(50)))
        second = await ask(PageRequest(limit=2, after=first.next))
        assert [view.id for view in second.data] == [products[3].id, products[2].id]

    @alone
    async def test_an_empty_list_has_no_pages_beside_it(self, bench: Bench) -> None:
        page = await _ask_products(bench)(PageRequest(total=True))
        assert (page.data, page.next, page.previous, page.total) == ([], None, None, 0)

    @alone
    async def test_totals_are_told_when_asked_for(self, bench: Bench) -> None:
        await _products(bench)
        ask = _ask_products(bench)
        page = await ask(PageRequest(limit=2, total=True))
        assert page.total == 9
        assert (await ask(PageRequest(limit=2, after=page.next, total=True))).total == 9
        assert (await ask(PageRequest(limit=2))).total is None

    @alone
    async def test_what_is_no_cursor_or_sort_key_is_refused(self, bench: Bench) -> None:
        await _products(bench)
        ask = _ask_products(bench)
        of_titles = (await ask(PageRequest(limit=2, sort=("title",)))).next
        assert of_titles is not None
        wrong = ("", "x", "!!", of_titles[:-3], encode_cursor("a"), encode_cursor("a", "b", "c"), "null", "é")
        for cursor in wrong:
            for page in (PageRequest(after=cursor), PageRequest(before=cursor)):
                with pytest.raises(CursorMalformed):
                    await ask(page)
        for other in ((), ("-title",), ("created_at",), ("title", "price"), ("updated_at",)):
            with pytest.raises(CursorMalformed):
                await ask(PageRequest(after=of_titles, sort=other))
        with pytest.raises(CursorMalformed):
            await ask(PageRequest(after=encode_cursor(1, "no id")))
        for sort in (("colour",), ("title", "id"), ("--title",), ("",)):
            with pytest.raises(SortUnknown):
                await ask(PageRequest(sort=sort))

    @alone
    async def test_orders_under_every_sort(self, bench: Bench) -> None:
        for number, (seconds, amount) in enumerate([(0, 100), (5, 100), (5, 300), (1, 200), (0, 100)]):
            line = bench.samples.line(
                quantity=1, unit_price=eur(amount), subtotal=eur(amount), net=eur(amount), tax=eur(0), total=eur(amount)
            )
            await bench.placed(at=bench.later(seconds), lines=(line,), email=f"{number}@example.com")
        values: dict[str, Callable[[Any], Any]] = {
            "placed_at": lambda view: view.placed_at,
            "total": lambda view: view.total.minor,
            "number": lambda view: int(view.number),
        }

        async def ask(page: PageRequest) -> Page[Any]:
            return await bench.readers.orders.all(OrderFilter(), page)

        for name, value in values.items():
            for sort in ((name,), (f"-{name}",)):
                found = await walk(ask, 2, sort)
                assert _sorted(found, value, descending=sort[0].startswith("-")), sort
        assert await walk(ask, 2) == await walk(ask, 3, ("-placed_at",))
        with pytest.raises(SortUnknown):
            await ask(PageRequest(sort=("email",)))

    @alone
    async def test_payments_under_every_sort(self, bench: Bench) -> None:
        for seconds, amount in ((0, 100), (5, 100), (5, 300), (1, 200), (0, 100)):
            await bench.paying(at=bench.later(seconds), amount=eur(amount))
        values: dict[str, Callable[[Any], Any]] = {
            "created_at": lambda view: view.created_at,
            "amount": lambda view: view.amount.minor,
        }

        async def ask(page: PageRequest) -> Page[Any]:
            return await bench.readers.payments.all(PaymentFilter(), page)

        for name, value in values.items():
            for sort in ((name,), (f"-{name}",)):
                found = await walk(ask, 2, sort)
                assert _sorted(found, value, descending=sort[0].startswith("-")), sort
        assert await walk(ask, 2) == await walk(ask, 3, ("-created_at",))
        with pytest.raises(SortUnknown):
            await ask(PageRequest(sort=("provider",)))

    @alone
    async def test_levels_in_order_of_variant_and_location(self, bench: Bench) -> None:
        products = [bench.samples.product() for _ in range(3)]
        locations = [bench.samples.location(priority=9 - number) for number in range(2)]
        await bench.save(*products, *locations)
        async with bench.transaction() as tx:
            for product in reversed(products):
                for location in locations:
                    level = StockLevel(variant_id=product.variants[0].id, location_id=location.id)
                    tx.stock.open_level(level, None)
        found = await walk(bench.readers.inventory.levels, 2)
        keys = [(view.variant_id, view.location_id) for view in found]
        assert len(keys) == 6
        assert keys == sorted(keys)
        with pytest.raises(SortUnknown):
            await bench.readers.inventory.levels(PageRequest(sort=("sku",)))

    @alone
    async def test_movements_and_events_the_latest_first(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(1)
        for seconds in (5, 5, 1, 7):
            async with bench.transaction() as tx:
                tx.stock.move(
                    bench.samples.movement(
                        variant_id, location_id, on_hand=1, kind=MovementKind.RECEIVED, at=bench.later(seconds)
                    )
                )
        found = await walk(bench.readers.inventory.movements, 2)
        assert _sorted(found, lambda view: view.at, descending=True)
        assert len(found) == 5
        for number in range(4):
            await bench.save(bench.samples.product(title=str(number)))
        events = await walk(bench.outbox.events, 2)
        assert [event.id for event in events] == sorted((event.id for event in events), reverse=True)
        assert len(events) == 5
        for types, how_many in ((("a\x00b", "\ud800"), 0), (("product.created", "\ud800"), 5)):
            assert len((await bench.outbox.events(bench.page(), types=types)).data) == how_many
        for ask in (bench.readers.inventory.movements, bench.outbox.events):
            with pytest.raises(SortUnknown):
                await ask(PageRequest(sort=("at",)))


async def _products(bench: Bench) -> None:
    """Nine with equal titles, prices and times among them, and one without a price."""
    for title, seconds, price in (
        ("b", 0, 100),
        ("a", 5, 100),
        ("b", 5, 300),
        ("c", 1, 200),
        ("a", 0, 100),
        ("b", 5, 300),
        ("a", 5, 0),
        ("c", 9, 300),
        ("b", 5, None),
    ):
        prices = (Price(amount=eur(price)),) if price is not None else ()
        product = bench.samples.product(
            title=title, at=bench.later(seconds), variants=(bench.samples.variant(prices=prices),)
        )
        if price == 300:
            product.change(bench.later(seconds + 10), vendor="Changed")
        await bench.save(product)


def _ask_products(bench: Bench) -> Callable[[PageRequest], Any]:
    async def ask(page: PageRequest) -> Page[Any]:
        return await bench.readers.catalog.products(ProductFilter(), page, currency="EUR")

    return ask


def _sorted(views: list[Any], value: Callable[[Any], Any], *, descending: bool) -> bool:
    """By the value, ties by id, both in this direction."""
    keys = [(value(view), view.id) for view in views]
    return keys == sorted(keys, reverse=descending)
