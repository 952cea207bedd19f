"""Carts and orders come back as they were, with what is on sale beside them and the views that people see."""

from datetime import timedelta

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import OrderFilter, TimeRange
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import TenderView
from shop.domain.carts import CartNotFound
from shop.domain.catalog import ProductStatus
from shop.domain.kernel.identifiers import CartId, CartItemId, OrderId, PaymentSessionId, PlanId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.orders import (
    CartAlreadyOrdered,
    FulfilmentStatus,
    Order,
    OrderNotFound,
    OrderStatus,
    PaymentStatus,
)

SAME_IN_VIEWS = (
    "id",
    "cart_id",
    "status",
    "payment_status",
    "fulfilment_status",
    "email",
    "currency",
    "shipping_address",
    "billing_address",
    "note",
    "prices_include_tax",
    "subtotal",
    "shipping_total",
    "tax_total",
    "total",
    "metadata",
    "cancel_reason",
    "placed_at",
    "cancelled_at",
    "updated_at",
    "version",
)


class CartPromises(StoragePromises):
    """The promises of `CartRepository` and `CartReader`."""

    @alone
    async def test_carts_come_back_as_they_were(self, bench: Bench) -> None:
        variants = [bench.samples.new(VariantId) for _ in range(3)]
        rich, bare = bench.samples.rich_cart(*variants), bench.samples.cart()
        await bench.save(rich, bare)
        async with bench.transaction() as tx:
            found = await tx.carts.get(rich.id)
            assert state(found) == state(rich)
            assert state(await tx.carts.get(bare.id)) == state(bare)
            with pytest.raises(CartNotFound):
                await tx.carts.get(bench.samples.new(CartId))
        found.remove(found.items[1].id, bench.later(1))
        found.describe(bench.later(1), shipping_address=None, email="", metadata={})
        found.become_order(bench.later(2))
        await bench.save(found)
        async with bench.transaction() as tx:
            assert state(await tx.carts.get(rich.id)) == state(found)

    @alone
    async def test_a_cart_knows_what_is_on_sale(self, bench: Bench) -> None:
        product = bench.samples.rich_product()
        untracked, archived = product.variants
        tracked, near = await bench.stocked(4)
        far = bench.samples.location(priority=3)
        draft = bench.samples.product(status=ProductStatus.DRAFT)
        await bench.save(product, draft, far)
        await bench.stock(tracked, far.id, 6, backorder_limit=1)
        gone = bench.samples.new(VariantId)
        cart = bench.samples.cart(untracked.id, archived.id, tracked, gone)
        await bench.save(cart)
        async with bench.transaction() as tx:
            found = await tx.carts.with_offers(cart.id, [draft.variants[0].id, tracked])
        assert state(found.cart) == state(cart)
        assert set(found.offers) == {untracked.id, archived.id, tracked, draft.variants[0].id}
        offer = found.offers[untracked.id]
        assert (offer.product_id, offer.product_slug, offer.title) == (product.id, product.slug, product.title)
        assert (offer.variant_title, offer.sku, offer.on_sale) == ("M / blue", untracked.sku, True)
        assert offer.prices == (eur(1190), Money(1300, "USD"))
        assert (offer.tax_class, offer.weight_grams, offer.requires_shipping) == ("reduced", 230, False)
        assert (offer.tracked, offer.levels, offer.available) == (False, (), None)
        assert offer.image_url == "https://example.com/1.jpg"
        assert not found.offers[archived.id].on_sale
        assert not found.offers[draft.variants[0].id].on_sale
        assert [level.location_id for level in found.offers[tracked].levels] == [near, far.id]
        assert found.offers[tracked].available == 11
        async with bench.transaction() as tx:
            assert list(found.offers[tracked].levels) == await tx.stock.levels([tracked])

    @alone
    async def test_a_cart_to_order_comes_with_its_payment_session(self, bench: Bench) -> None:
        variant_id, _ = await bench.stocked(4)
        cart, other = bench.samples.cart(variant_id), bench.samples.cart()
        session, of_other = bench.samples.session(cart), bench.samples.session(other)
        await bench.save(cart, other)
        await bench.save(session, of_other)
        async with bench.transaction() as tx:
            found, with_it = await tx.carts.to_order(cart.id, session.id)
            assert with_it is not None
            assert state(with_it) == state(session)
            alone = await tx.carts.with_offers(cart.id)
            assert (state(found.cart), found.offers) == (state(alone.cart), alone.offers)
            for unknown in (of_other.id, bench.samples.new(PaymentSessionId)):
                found, without = await tx.carts.to_order(cart.id, unknown)
                assert (without, found.cart.id) == (None, cart.id)
            with pytest.raises(CartNotFound):
                await tx.carts.to_order(bench.samples.new(CartId), session.id)

    @alone
    async def test_a_line_may_come_by_a_plan(self, bench: Bench) -> None:
        variant_id, _ = await bench.stocked(4)
        plans = [bench.samples.plan(code=code, variant_id=variant_id) for code in ("daily", "weekly", "yearly")]
        gone = bench.samples.new(PlanId)
        cart = bench.samples.cart(variant_id)
        for plan_id in (plans[0].id, plans[1].id, gone, plans[0].id):
            cart.add(bench.samples.new(CartItemId), variant_id, 1, bench.now, plan_id)
        session = bench.samples.session(cart)
        await bench.save(*plans, cart)
        await bench.save(session)
        assert [(item.plan_id, item.quantity) for item in cart.items] == [
            (None, 2),
            (plans[0].id, 2),
            (plans[1].id, 1),
            (gone, 1),
        ]
        async with bench.transaction() as tx:
            assert state(await tx.carts.get(cart.id)) == state(cart)
            found = await tx.carts.with_offers(cart.id, plans=[plans[2].id])
            to_order, _ = await tx.carts.to_order(cart.id, session.id)
        read = await bench.readers.carts.with_offers(cart.id)
        assert state(found.cart) == state(to_order.cart) == state(read.cart) == state(cart)
        assert set(found.plans) == {plan.id for plan in plans}
        assert set(to_order.plans) == set(read.plans) == {plan.id for plan in plans[:2]}
        assert state(to_order.plans[plans[0].id]) == state(plans[0])
        again = to_order.cart
        again.remove(again.items[0].id, bench.later(1))
        await bench.save(again)
        async with bench.transaction() as tx:
            assert state(await tx.carts.get(cart.id)) == state(again)

    @alone
    async def test_the_reader_knows_the_same(self, bench: Bench) -> None:
        variant_id, _ = await bench.stocked(4)
        cart, empty = bench.samples.cart(variant_id), bench.samples.cart()
        await bench.save(cart, empty)
        async with bench.transaction() as tx:
            expected = await tx.carts.with_offers(cart.id)
            with pytest.raises(CartNotFound):
                await tx.carts.with_offers(bench.samples.new(CartId))
        read = await bench.readers.carts.with_offers(cart.id)
        assert (state(read.cart), read.offers) == (state(expected.cart), expected.offers)
        assert (await bench.readers.carts.with_offers(empty.id)).offers == {}
        with pytest.raises(CartNotFound):
            await bench.readers.carts.with_offers(bench.samples.new(CartId))

    @alone
    async def test_open_carts_are_overdue_when_they_have_expired(self, bench: Bench) -> None:
        late, early, young, ordered = (
            bench.samples.cart(at=bench.now, lifetime=timedelta(seconds=s)) for s in (20, 10, 31, 5)
        )
        ordered.become_order(bench.later(1))
        await bench.save(late, early, young, ordered)
        assert await bench.readers.carts.overdue(bench.later(20), 10) == [early.id, late.id]
        assert await bench.readers.carts.overdue(bench.later(20), 1) == [early.id]


class OrderPromises(StoragePromises):
    """The promises of `OrderRepository` and `OrderReader`."""

    @alone
    async def test_orders_come_back_as_they_were(self, bench: Bench) -> None:
        cart, other = bench.samples.cart(), bench.samples.cart()
        sessions = [bench.samples.session(each) for each in (cart, other)]
        rich, bare = bench.samples.rich_order(cart, sessions[0]), bench.samples.order(other, sessions[1])
        await bench.save(cart, other, *sessions)
        await bench.save(rich, bare)
        async with bench.transaction() as tx:
            found = await tx.orders.get(rich.id)
            assert state(found) == {**state(rich), "number": found.number}
            assert [str(line.tax_rate) for line in found.lines] == ["0.19", "0.0700"]
            assert found.shipping is not None
            assert str(found.shipping.tax_rate) == "0.190"
            plain = await tx.orders.get(bare.id)
            assert state(plain) == {**state(bare), "number": plain.number}
            assert state(await tx.orders.find_by_cart(cart.id)) == state(found)
            assert await tx.orders.find_by_cart(bench.samples.new(CartId)) is None
            with pytest.raises(OrderNotFound):
                await tx.orders.get(bench.samples.new(OrderId))

    @alone
    async def test_orders_change_state(self, bench: Bench) -> None:
        order = await bench.placed()
        order.move_payment(PaymentStatus.FAILED, bench.later(1))
        order.cancel("The shopper asked", bench.later(2))
        await bench.save(order)
        async with bench.transaction() as tx:
            found = await tx.orders.get(order.id)
        assert state(found) == state(order)
        assert (found.cancelled_at, found.hold_expires_at) == (bench.later(2), None)

    @alone
    async def test_numbers_begin_at_1001_and_rise(self, bench: Bench) -> None:
        first = await bench.placed()
        assert first.number == 1001
        second = await bench.placed()
        assert second.number is not None
        assert second.number > 1001
        first.confirm(bench.later(1))
        await bench.save(first)
        async with bench.transaction() as tx:
            assert (await tx.orders.get(first.id)).number == 1001
            assert (await tx.orders.get(second.id)).number == second.number

    @alone
    async def test_a_cart_becomes_one_order(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        await bench.save(cart, session)
        first, second = (bench.samples.order(cart, session) for _ in range(2))
        await bench.save(first)
        with pytest.raises(CartAlreadyOrdered):
            await bench.save(second)
        async with bench.transaction() as tx:
            with pytest.raises(OrderNotFound):
                await tx.orders.get(second.id)
        assert second.version == 0

    @alone
    async def test_pending_orders_are_overdue_when_their_hold_ended(self, bench: Bench) -> None:
        late = await bench.placed(hold_expires_at=bench.later(20))
        early = await bench.placed(hold_expires_at=bench.later(10))
        await bench.placed(hold_expires_at=bench.later(21))
        await bench.placed(hold_expires_at=None)
        confirmed = await bench.placed(hold_expires_at=bench.later(5))
        confirmed.confirm(bench.later(1))
        await bench.save(confirmed)
        async with bench.transaction() as tx:
            assert await tx.orders.overdue(bench.later(20), 10) == [early.id, late.id]
            assert await tx.orders.overdue(bench.later(20), 1) == [early.id]

    @alone
    async def test_an_order_is_shown_to_its_buyer_with_its_payment(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        order = bench.samples.rich_order(cart, session)
        await bench.save(cart, session)
        order = await bench.saved(order)
        shown = await bench.readers.orders.order(order.id)
        assert (shown.owner_id, shown.view.payment) == (order.owner_id, None)
        await bench.save(bench.samples.payment(order))
        view = (await bench.readers.orders.order(order.id)).view
        for name in SAME_IN_VIEWS:
            assert getattr(view, name) == getattr(order, name), name
        assert (view.number, view.created_at) == (str(order.number), order.placed_at)
        assert view.tenders == [TenderView.of(tender) for tender in order.tenders]
        assert view.payment is not None
        assert (view.payment.status.value, view.payment.method) == ("new", "fake_card")
        assert (view.payment.client_secret, view.payment.failure_code, view.payment.next_action) == (None,) * 3
        assert view.shipping is not None
        assert (view.shipping.id, view.shipping.total, view.shipping.tax) == ("standard", eur(490), eur(78))
        _shows_lines(view.lines, order)
        with pytest.raises(OrderNotFound):
            await bench.readers.orders.order(bench.samples.new(OrderId))

    @alone
    async def test_an_order_is_shown_to_staff_whole(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        order = bench.samples.rich_order(cart, session)
        await bench.save(cart, session)
        order = await bench.saved(order)
        payment = bench.samples.payment(order)
        await bench.save(payment)
        view = await bench.readers.orders.one(order.id)
        for name in (*SAME_IN_VIEWS, "hold_reason"):
            assert getattr(view, name) == getattr(order, name), name
        assert (view.customer_id, view.number) == (order.owner_id, str(order.number))
        assert view.tenders == [TenderView.of(tender) for tender in order.tenders]
        _shows_lines(view.lines, order)
        assert [shown.id for shown in view.payments or []] == [payment.id]
        with pytest.raises(OrderNotFound):
            await bench.readers.orders.one(bench.samples.new(OrderId))

    @alone
    async def test_staff_lists_expand_what_is_asked_for(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        other = await bench.placed()
        read = bench.readers.orders.all
        plain = (await read(OrderFilter(), PageRequest())).data
        assert [(view.id, view.lines, view.payments) for view in plain] == [
            (other.id, None, None),
            (order.id, None, None),
        ]
        whole = (await read(OrderFilter(), PageRequest(), expand=frozenset({"lines", "payments"}))).data
        _shows_lines(whole[1].lines, order)
        assert [[shown.id for shown in view.payments or []] for view in whole] == [[], [payment.id]]

    @alone
    async def test_each_filter_of_orders_narrows(self, bench: Bench) -> None:
        owner_id = bench.samples.new(UserId)
        wanted = await bench.placed(
            owner_id=owner_id, email="bob@example.com", metadata={"channel": "web"}, at=bench.later(60)
        )
        wanted.move_payment(PaymentStatus.AUTHORIZED, bench.later(61))
        wanted.confirm(bench.later(61))
        wanted.fulfilment_status = FulfilmentStatus.FULFILLED
        await bench.save(wanted)
        other = await bench.placed()
        for which in (
            OrderFilter(statuses=frozenset({OrderStatus.CONFIRMED, OrderStatus.ON_HOLD})),
            OrderFilter(payment_statuses=frozenset({PaymentStatus.AUTHORIZED})),
            OrderFilter(fulfilment_statuses=frozenset({FulfilmentStatus.FULFILLED})),
            OrderFilter(email="bob@example.com"),
            OrderFilter(number=str(wanted.number)),
            OrderFilter(owner_id=owner_id),
            OrderFilter(placed_at=TimeRange(gt=bench.now)),
            OrderFilter(placed_at=TimeRange(gte=bench.later(60), lte=bench.later(60))),
            OrderFilter(metadata={"channel": "web"}),
        ):
            assert await _ids(bench, which) == [wanted.id], which
        for which in (
            OrderFilter(statuses=frozenset({OrderStatus.PENDING}), owner_id=owner_id),
            OrderFilter(email="bob"),
            OrderFilter(number="1"),
            OrderFilter(number="no number"),
            OrderFilter(owner_id=bench.samples.new(UserId)),
            OrderFilter(placed_at=TimeRange(gt=bench.later(60))),
            OrderFilter(metadata={"channel": "shop"}),
        ):
            assert await _ids(bench, which) == [], which
        assert await _ids(bench, OrderFilter(placed_at=TimeRange(lt=bench.later(60)))) == [other.id]

    @alone
    async def test_customers_see_their_own_orders_the_newest_first(self, bench: Bench) -> None:
        owner_id = bench.samples.new(UserId)
        mine = [await bench.placed(owner_id=owner_id, at=bench.later(seconds)) for seconds in (2, 1, 3)]
        await bench.placed(owner_id=bench.samples.new(UserId))
        await bench.placed()
        page = await bench.readers.orders.of_owner(owner_id, PageRequest(limit=2, total=True))
        assert [view.id for view in page.data] == [mine[2].id, mine[0].id]
        assert page.total == 3
        rest = await bench.readers.orders.of_owner(owner_id, PageRequest(limit=2, after=page.next))
        assert [view.id for view in rest.data] == [mine[1].id]
        _shows_lines(rest.data[0].lines, mine[1])

    @alone
    async def test_an_order_that_changed_meanwhile_is_stale(self, bench: Bench) -> None:
        order = await bench.placed()
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.orders.get(order.id)
                order.confirm(bench.later(1))
                await bench.save(order)
                mine.cancel("Too slow", bench.later(2))
                slow.orders.save(mine)
        async with bench.transaction() as tx:
            assert (await tx.orders.get(order.id)).status is OrderStatus.CONFIRMED


async def _ids(bench: Bench, which: OrderFilter) -> list[OrderId]:
    page = await bench.readers.orders.all(which, PageRequest(total=True))
    assert page.total == len(page.data)
    return [view.id for view in page.data]


def _shows_lines(lines: object, order: Order) -> None:
    assert isinstance(lines, list)
    for view, line in zip(lines, order.lines, strict=True):
        for name in (
            "id",
            "variant_id",
            "product_id",
            "sku",
            "title",
            "variant_title",
            "quantity",
            "unit_price",
            "subtotal",
            "tax",
            "tax_name",
            "total",
        ):
            assert getattr(view, name) == getattr(line, name), name
        assert view.tax_rate == str(line.tax_rate)
