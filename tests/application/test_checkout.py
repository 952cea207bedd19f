"""Placing an order: what it checks, what it keeps, and that a cart becomes one order whoever asks how often."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, ExpireCart
from shop.application.commands.catalog import ArchiveProduct, UpdateVariant
from shop.application.commands.checkout import CartChanged
from shop.application.commands.inventory import AdjustStock
from shop.application.commands.store import ConfigureStore
from shop.application.messages import GUEST, Idempotency
from shop.application.queries.carts import GetCart
from shop.application.queries.orders import GetAllOrders, GetOrder
from shop.domain.carts import CartClosed, CartEmpty, CartNotFound, CartNotReady, CartStatus
from shop.domain.catalog import Price
from shop.domain.inventory import InsufficientStock, ReservationState
from shop.domain.kernel.errors import Conflict, ShopError
from shop.domain.kernel.identifiers import OrderId, PaymentSessionId
from shop.domain.orders import CartAlreadyOrdered, FulfilmentStatus, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, PaymentNotFound, PaymentSessionNotFound
from shop.domain.pricing.taxes import TaxRate, TaxTable
from tests.invariants import Watch
from tests.shops import BERLIN, SETTINGS, VIENNA, SmallShop, customer, eur, open_small_shop
from tests.turnstiles import Jostle, behind


def key(value: str) -> Idempotency:
    return Idempotency(route="POST /orders", key=value, fingerprint=b"same")


async def orders_of(small: SmallShop) -> list[OrderId]:
    return [view.id for view in (await small.shop.ask(GetAllOrders())).data]


async def check(small: SmallShop) -> None:
    await Watch(small.storage, lambda: small.books.intents).look(small.context())


class TestWhatAnOrderKeeps:
    async def test_an_order_is_the_cart_with_everything_as_it_was(self, small: SmallShop) -> None:
        shirt, mug = await small.product(price=1999), await small.product("mug", price=900, tracked=False)
        cart_id = await small.cart((shirt, 2), (mug, 1))
        guest = small.guest(cart_id)
        await small.shop.execute(
            DescribeCart(cart_id=cart_id, note="Ring twice", metadata={"campaign": "spring"}), actor=guest
        )
        order_id = await small.place(cart_id)
        order = await small.order(order_id)
        assert (order.status, order.payment_status, order.fulfilment_status) == (
            OrderStatus.PENDING,
            PaymentStatus.PENDING,
            FulfilmentStatus.UNFULFILLED,
        )
        assert [(line.sku, line.quantity, line.total) for line in order.lines] == [
            ("LINEN-SHIRT", 2, eur(3998)),
            ("MUG", 1, eur(900)),
        ]
        assert order.number == 1001
        assert order.shipping is not None
        assert (order.shipping.code, order.shipping.total) == ("standard", eur(490))
        assert (order.subtotal, order.shipping_total, order.total) == (eur(4898), eur(490), eur(5388))
        assert order.tax_total == eur(638 + 144 + 78)
        assert order.lines[0].tax_rate == Decimal("0.19")
        assert (order.email, order.note, order.metadata) == ("ada@example.com", "Ring twice", {"campaign": "spring"})
        assert order.shipping_address == order.billing_address == BERLIN
        assert order.hold_expires_at == small.clock.at + timedelta(minutes=15)
        await check(small)

    async def test_f25_the_order_exists_before_any_money_moves(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        payment = await small.payment(order_id)
        assert payment.status is AttemptStatus.NEW
        assert payment.amount == (await small.order(order_id)).total
        assert small.books.intents == {}

    async def test_f04_the_stock_is_held_with_the_order_and_sold_with_its_money(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        order_id = await small.place(await small.cart((shirt, 2)))
        [held] = await small.reservations(order_id)
        assert (held.quantity, held.state) == (2, ReservationState.HELD)
        assert (await small.level(shirt)).available == 1
        # All that is left goes elsewhere; the held units stay the order's.
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-1, reason="broken"))
        await small.pay(order_id)
        [sold] = await small.reservations(order_id)
        assert (sold.id, sold.quantity, sold.state) == (held.id, 2, ReservationState.ALLOCATED)
        assert (await small.order(order_id)).status is OrderStatus.CONFIRMED
        await check(small)

    async def test_a_billing_address_of_its_own_is_kept(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        await small.shop.execute(DescribeCart(cart_id=cart_id, billing_address=VIENNA))
        order = await small.order(await small.place(cart_id))
        assert (order.shipping_address, order.billing_address) == (BERLIN, VIENNA)

    async def test_what_is_not_sent_needs_no_delivery(self, small: SmallShop) -> None:
        book = await small.product("e-book", tracked=False, requires_shipping=False)
        cart_id = await small.cart((book, 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", billing_address=VIENNA))
        order = await small.order(await small.place(cart_id))
        assert order.shipping is None
        assert order.lines[0].tax_rate == Decimal("0.20")
        assert await small.reservations(order.id) == []

    async def test_f46_what_costs_nothing_is_paid_at_once(self, small: SmallShop) -> None:
        sample = await small.product("sample", price=0, requires_shipping=False, stock=5)
        cart_id = await small.cart((sample, 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", billing_address=BERLIN))
        order_id = await small.place(cart_id)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
        with pytest.raises(PaymentNotFound):
            await small.payment(order_id)
        await small.pay(order_id)
        assert [r.state for r in await small.reservations(order_id)] == [ReservationState.ALLOCATED]
        await small.settle_down(3)
        await Watch(small.storage, lambda: small.books.intents).look(small.context(), at_rest=True)

    async def test_f33_nothing_is_looked_up_again_after_the_order_stands(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        order_id = await small.place(await small.cart((shirt, 1)))
        total = (await small.order(order_id)).total
        async with small.storage.uow(small.context()) as tx:
            product = await tx.products.find_by_variant(shirt)
        assert product is not None
        await small.shop.execute(
            UpdateVariant(product_id=product.id, variant_id=shirt, prices=(Price(amount=eur(99999)),), archived=True)
        )
        await small.shop.execute(ArchiveProduct(product_id=product.id))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-2, reason="sold in the shop"))
        await small.shop.execute(ConfigureStore(taxes=TaxTable(), shipping_methods=()))
        await small.pay(order_id)
        order = await small.order(order_id)
        assert (order.status, order.payment_status, order.total) == (
            OrderStatus.CONFIRMED,
            PaymentStatus.PAID,
            total,
        )
        assert (await small.payment(order_id)).captured == total
        await check(small)


class TestWhatIsRefused:
    async def test_an_empty_cart(self, small: SmallShop) -> None:
        with pytest.raises(CartEmpty):
            await small.place(await small.cart(ready=False))

    async def test_a_cart_without_address_delivery_or_email_says_all_that_is_missing(self, small: SmallShop) -> None:
        with pytest.raises(CartNotReady) as caught:
            await small.place(await small.cart((await small.product(), 1), ready=False))
        assert [flaw.pointer for flaw in caught.value.flaws] == ["/email", "/shipping_address", "/shipping_option"]

    async def test_a_cart_with_something_that_is_no_longer_sold(self, small: SmallShop) -> None:
        shirt = await small.product()
        cart_id = await small.cart((shirt, 1))
        async with small.storage.uow(small.context()) as tx:
            product = await tx.products.find_by_variant(shirt)
        assert product is not None
        await small.shop.execute(ArchiveProduct(product_id=product.id))
        with pytest.raises(CartNotReady) as caught:
            await small.place(cart_id)
        assert [flaw.code for flaw in caught.value.flaws] == ["variant_unavailable"]

    async def test_more_than_is_left_names_what_is(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        cart_id = await small.cart((shirt, 3))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-2, reason="broken"))
        with pytest.raises(InsufficientStock) as caught:
            await small.place(cart_id)
        assert caught.value.available == {shirt: 1}
        assert "Linen Shirt" in caught.value.detail
        assert await orders_of(small) == []

    async def test_a_cart_that_changed_since_it_was_seen(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        order = await small.order_command(cart_id)
        await small.shop.execute(DescribeCart(cart_id=cart_id, note="a gift"))
        with pytest.raises(CartChanged) as caught:
            await small.shop.execute(order)
        assert caught.value.cart_id == cart_id

    async def test_f85_another_sum_than_the_shopper_saw(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        order = await small.order_command(cart_id)
        with pytest.raises(CartChanged):
            await small.shop.execute(evolve(order, expected_total=eur(1)))
        await small.shop.execute(evolve(order, expected_total=eur(2489)))

    async def test_f57_an_address_changed_after_the_price_was_seen(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        seen = await small.shop.ask(GetCart(cart_id=cart_id))
        order = await small.order_command(cart_id)
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=VIENNA))
        with pytest.raises(CartChanged):
            await small.shop.execute(evolve(order, expected_total=seen.total))
        now = await small.shop.ask(GetCart(cart_id=cart_id))
        placed = await small.order(await small.shop.execute(evolve(order, cart_version=now.version)))
        assert placed.tax_total == now.tax_total != seen.tax_total
        assert placed.lines[0].tax_rate == Decimal("0.20")

    async def test_f57_a_delivery_that_does_not_go_to_the_new_address(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="express"))
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=VIENNA))
        with pytest.raises(CartNotReady) as caught:
            await small.place(cart_id)
        assert [flaw.code for flaw in caught.value.flaws] == ["shipping_unavailable"]

    async def test_a_cart_that_expired(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        small.clock.forward(timedelta(days=31))
        with pytest.raises(CartClosed):
            await small.place(cart_id)
        await small.shop.execute(ExpireCart(cart_id=cart_id))
        with pytest.raises(CartClosed):
            await small.place(cart_id)

    async def test_somebody_elses_cart_is_not_there(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1), actor=customer(1))
        order = await small.order_command(cart_id)
        for stranger in (GUEST, customer(2), small.guest(await small.cart(ready=False))):
            with pytest.raises(CartNotFound):
                await small.shop.execute(order, actor=stranger)
        await small.shop.execute(order, actor=customer(1))
        assert len(await orders_of(small)) == 1

    async def test_f43_the_payment_session_of_another_cart_is_not_there(self, small: SmallShop) -> None:
        shirt, pin = await small.product(), await small.product("pin", price=50)
        dear, cheap = await small.cart((shirt, 5)), await small.cart((pin, 1))
        order = await small.order_command(dear)
        with pytest.raises(PaymentSessionNotFound):
            await small.shop.execute(evolve(order, payment_session_id=await small.session(cheap)))
        with pytest.raises(PaymentSessionNotFound):
            await small.shop.execute(evolve(order, payment_session_id=PaymentSessionId(UUID(int=9))))
        assert await orders_of(small) == []


class TestOneCartOneOrder:
    @pytest.mark.parametrize("seed", range(5))
    async def test_f17_the_same_key_many_times_is_one_order(self, small: SmallShop, seed: int) -> None:
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=10)
        order = await small.order_command(await small.cart((shirt, 2)))
        guest = small.guest(order.cart_id)
        keys = [key("k") for _ in range(20)]
        answers = await asyncio.gather(*(crowd.shop.execute(order, context=small.context(guest, k)) for k in keys))
        assert len(set(answers)) == 1
        assert sum(not k.replayed for k in keys) == 1
        assert await orders_of(small) == [answers[0]]
        assert (await small.level(shirt)).reserved == 2
        await check(small)

    @pytest.mark.parametrize("seed", range(5))
    async def test_f17_f18_another_key_each_time_is_still_one_order_and_one_payment(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=10)
        order = await small.order_command(await small.cart((shirt, 2)))
        guest = small.guest(order.cart_id)

        async def place(number: int) -> tuple[OrderId, object]:
            order_id = await crowd.shop.execute(order, context=small.context(guest, key(f"k{number}")))
            await crowd.pay(order_id)
            return order_id, await small.shop.ask(GetOrder(order_id=order_id))

        answers = await asyncio.gather(*(place(number) for number in range(20)))
        first, again = answers[0], await place(99)
        assert {order_id for order_id, _ in answers} == {first[0]} == {again[0]}
        assert again[1] == await small.shop.ask(GetOrder(order_id=first[0]))
        assert len(small.books.intents) == 1
        assert (await small.payment(first[0])).captured == eur(4488)
        assert len(await small.entries(first[0])) == 1
        await check(small)

    async def test_f18_another_session_for_an_ordered_cart_changes_nothing(self, small: SmallShop) -> None:
        order = await small.order_command(await small.cart((await small.product(), 1)))
        order_id = await small.shop.execute(order)
        other = evolve(order, payment_session_id=await small.session(order.cart_id, "fake_card_declined"))
        assert await small.shop.execute(other) == order_id
        assert (await small.payment(order_id)).attempt.method == "fake_card"
        assert (await small.order(order_id)).payment_session_id == order.payment_session_id

    async def test_f29_the_cart_is_ordered_for_ever_though_its_key_is_forgotten(self, small: SmallShop) -> None:
        order = await small.order_command(await small.cart((await small.product(), 1)))
        guest = small.guest(order.cart_id)
        order_id = await small.shop.execute(order, context=small.context(guest, key("k")))
        small.clock.forward(timedelta(days=30))
        await small.storage.answers.forget(small.clock.now(), 100)
        again = key("k")
        assert await small.shop.execute(order, context=small.context(guest, again)) == order_id
        assert not again.replayed

    async def test_an_ordered_cart_cannot_be_changed(self, small: SmallShop) -> None:
        shirt = await small.product()
        cart_id = await small.cart((shirt, 1))
        await small.place(cart_id)
        with pytest.raises(CartClosed):
            await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=shirt))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).status is CartStatus.ORDERED

    async def test_a_cart_whose_order_is_missing_is_a_conflict(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = await small.order_command(await small.cart((await small.product(), 1)))
        await small.shop.execute(order)

        async def nothing(cart_id: object) -> None:
            return None

        async with small.storage.uow(small.context()) as tx:
            monkeypatch.setattr(type(tx.orders), "find_by_cart", lambda _, cart_id: nothing(cart_id))
        with pytest.raises(CartAlreadyOrdered):
            await small.shop.execute(order)


@settings(max_examples=40)
@given(
    stock=st.integers(0, 6),
    additions=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), min_size=1, max_size=6),
    rate=st.decimals(0, "0.3", places=3),
    price=st.integers(1, 99_999),
)
def test_f02_f58_repeated_variants_count_in_sum_and_all_amounts_add_up(
    stock: int, additions: list[tuple[int, int]], rate: Decimal, price: int
) -> None:
    async def story() -> None:
        small = await open_small_shop()
        await small.shop.execute(
            ConfigureStore(
                taxes=evolve(SETTINGS.taxes, rates=(TaxRate(name="VAT", country="DE", rate=rate),)),
                store=SETTINGS.store,
            )
        )
        variants = [await small.product(f"thing-{n}", price=price + n, stock=stock) for n in range(2)]
        wanted = [0, 0]
        cart_id = await small.cart(ready=False)
        for which, quantity in additions:
            try:
                await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=variants[which], quantity=quantity))
            except ShopError:
                assert wanted[which] + quantity > stock
            else:
                wanted[which] += quantity
                assert wanted[which] <= stock
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", shipping_address=BERLIN))
        if not any(wanted):
            return
        await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))
        await small.buy_cart(cart_id)
        assert [(await small.level(v)).reserved for v in variants] == wanted
        await check(small)

    asyncio.run(story())


async def test_a_conflict_says_what_to_do(small: SmallShop) -> None:
    with pytest.raises(Conflict) as caught:
        await small.place(await small.cart(ready=False))
    assert caught.value.hint
