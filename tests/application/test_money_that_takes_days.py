"""F-47: money that is on its way for days, and the stock of its order: held all the while, or let go of."""

from collections import Counter
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault
from shop.application.commands.payments import ConfirmPayment
from shop.application.commands.refunds import RequestRefund
from shop.application.commands.store import ConfigureStore
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, RefundReason
from tests.application.providers import CALLED_OFF as OFF
from tests.application.providers import PAID, at_rest, faulty, states, sweep_for
from tests.shops import SETTINGS, STAFF, SmallShop, open_small_shop

ON_THE_WAY = (OrderStatus.PENDING, PaymentStatus.PENDING, AttemptStatus.PROCESSING)
GIVEN_BACK = (OrderStatus.CANCELLED, PaymentStatus.REFUNDED, AttemptStatus.CAPTURED)
HELD, ALLOCATED, RELEASED = ReservationState.HELD, ReservationState.ALLOCATED, ReservationState.RELEASED


async def decided(small: SmallShop, order_id: OrderId, *, paid: bool) -> None:
    """The bank decides, and the shop hears of it."""
    small.provider.bank_debits((await small.payment(order_id)).attempt.provider_ref, paid=paid)
    await sweep_for(small, timedelta(hours=3), timedelta(minutes=5))


async def reserved(small: SmallShop, order_id: OrderId) -> list[ReservationState]:
    return sorted(reservation.state for reservation in await small.reservations(order_id))


@pytest.fixture
async def unheld(small: SmallShop) -> SmallShop:
    """The shop, which keeps no stock for debits that take days."""
    store = evolve(SETTINGS.store, unheld_methods=("fake_debit",))
    await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
    return small


@pytest.mark.parametrize("paid", [True, False])
async def test_f47_the_stock_is_held_for_days_until_the_bank_decides(small: SmallShop, paid: bool) -> None:
    shirt = await small.product(stock=2)
    order_id = await small.buy((shirt, 2), method="fake_debit")
    await small.post_news()
    await small.deliver()
    await sweep_for(small, timedelta(days=4), timedelta(minutes=10))
    assert await states(small, order_id) == ON_THE_WAY
    assert await reserved(small, order_id) == [HELD]
    assert (await small.level(shirt)).available == 0
    await decided(small, order_id, paid=paid)
    assert await states(small, order_id) == (PAID if paid else OFF)
    assert (await small.level(shirt)).available == (0 if paid else 2)
    await at_rest(small)


class Listening:
    """No trouble; it counts what is asked."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def fault_for(self, call: str) -> Fault | None:
        self.calls[call] += 1
        return None


@pytest.mark.parametrize("methods", [(), ("fake_debit",)], ids=["held", "let_go"])
async def test_f47_the_bank_is_asked_a_few_times_an_hour_held_or_not(methods: tuple[str, ...]) -> None:
    listening = Listening()
    small = await open_small_shop(faulty(listening))
    store = evolve(SETTINGS.store, unheld_methods=methods)
    await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
    order_id = await small.buy((await small.product(stock=2), 2), method="fake_debit")
    await sweep_for(small, timedelta(hours=1), timedelta(minutes=1))
    assert await reserved(small, order_id) == ([RELEASED] if methods else [HELD])
    listening.calls.clear()
    await sweep_for(small, timedelta(days=1), timedelta(minutes=1))
    assert await states(small, order_id) == ON_THE_WAY
    assert 24 <= listening.calls["fetch"] <= 10 * 24
    assert set(listening.calls) == {"fetch"}


class TestUnheld:
    async def on_its_way(self, unheld: SmallShop, stock: int = 2, backorder_limit: int = 0) -> OrderId:
        """Two shirts whose money has been on its way for longer than their stock is held."""
        self.shirt = await unheld.product(stock=stock, backorder_limit=backorder_limit)
        order_id = await unheld.buy((self.shirt, 2), method="fake_debit")
        assert await reserved(unheld, order_id) == [HELD]
        await sweep_for(unheld, timedelta(days=4), timedelta(minutes=10))
        assert await states(unheld, order_id) == ON_THE_WAY
        assert await reserved(unheld, order_id) == [RELEASED]
        return order_id

    @pytest.mark.parametrize("paid", [True, False])
    async def test_f47_the_stock_is_let_go_of_and_taken_anew_when_the_money_comes(
        self, unheld: SmallShop, paid: bool
    ) -> None:
        order_id = await self.on_its_way(unheld)
        assert (await unheld.level(self.shirt)).available == 2
        await decided(unheld, order_id, paid=paid)
        assert await states(unheld, order_id) == (PAID if paid else OFF)
        assert await reserved(unheld, order_id) == ([ALLOCATED, RELEASED] if paid else [RELEASED])
        assert (await unheld.level(self.shirt)).available == (0 if paid else 2)
        await at_rest(unheld)

    async def test_f47_what_was_sold_to_somebody_else_is_paid_back(self, unheld: SmallShop) -> None:
        order_id = await self.on_its_way(unheld)
        quicker = await unheld.buy((self.shirt, 1))
        await decided(unheld, order_id, paid=True)
        assert await states(unheld, order_id) == GIVEN_BACK
        assert (await unheld.order(order_id)).cancel_reason == "out_of_stock"
        assert await reserved(unheld, order_id) == [RELEASED]
        assert await states(unheld, quicker) == PAID
        assert (await unheld.level(self.shirt)).available == 1
        [intent] = [intent for intent in unheld.books.intents.values() if intent.method == "fake_debit"]
        assert intent.refunded == intent.captured == 2 * 1999 + 490
        await at_rest(unheld)

    async def test_f47_what_may_be_backordered_is_sold_all_the_same(self, unheld: SmallShop) -> None:
        order_id = await self.on_its_way(unheld, backorder_limit=1)
        await unheld.buy((self.shirt, 1))
        await decided(unheld, order_id, paid=True)
        assert await states(unheld, order_id) == PAID
        assert (await unheld.level(self.shirt)).available == 0
        await at_rest(unheld)

    async def test_what_was_taken_anew_goes_back_into_stock_with_its_refund(self, unheld: SmallShop) -> None:
        order_id = await self.on_its_way(unheld)
        await decided(unheld, order_id, paid=True)
        payment = await unheld.payment(order_id)
        wish = RequestRefund(payment_id=payment.id, full=True, reason=RefundReason.CUSTOMER_REQUEST, restock=True)
        await unheld.shop.execute(wish, actor=STAFF)
        await sweep_for(unheld, timedelta(hours=1), timedelta(minutes=10))
        assert await reserved(unheld, order_id) == [RELEASED, RELEASED]
        assert (await unheld.level(self.shirt)).available == 2
        await at_rest(unheld)

    @pytest.mark.parametrize("left", [2, 1])
    async def test_after_a_debit_that_failed_another_method_pays_while_there_is_stock(
        self, unheld: SmallShop, left: int
    ) -> None:
        order_id = await self.on_its_way(unheld)
        if left == 1:
            await unheld.buy((self.shirt, 1))
        unheld.provider.bank_debits((await unheld.payment(order_id)).attempt.provider_ref, paid=False)
        await unheld.pay(order_id, refresh=True)
        session_id = await unheld.session((await unheld.order(order_id)).cart_id)
        await unheld.shop.execute(ConfirmPayment(session_id=session_id))
        assert await states(unheld, order_id) == (PAID if left == 2 else OFF)
        assert await reserved(unheld, order_id) == ([ALLOCATED, RELEASED] if left == 2 else [RELEASED])
        assert (await unheld.level(self.shirt)).available == (0 if left == 2 else 1)
        await at_rest(unheld)

    async def test_the_choice_is_made_by_method(self, small: SmallShop) -> None:
        store = evolve(SETTINGS.store, unheld_methods=("fake_card",))
        await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
        order_id = await small.buy((await small.product(stock=2), 2), method="fake_debit")
        await sweep_for(small, timedelta(hours=1), timedelta(minutes=10))
        assert await states(small, order_id) == ON_THE_WAY
        assert await reserved(small, order_id) == [HELD]

    async def test_who_does_not_pay_at_all_is_called_off_all_the_same(self, unheld: SmallShop) -> None:
        order_id = await unheld.buy((await unheld.product(stock=2), 2), method="fake_card_3ds")
        await sweep_for(unheld, timedelta(hours=1), timedelta(minutes=10))
        assert await states(unheld, order_id) == OFF

    @pytest.mark.parametrize("method", ["", "Stripe Direct", "a" * 101, "pm_1\x00"])
    def test_a_method_is_named_by_its_code(self, method: str) -> None:
        with pytest.raises(Invalid, match="payments/methods"):
            evolve(SETTINGS.store, unheld_methods=(method,))

    async def test_a_method_that_the_shop_does_not_have_is_refused(self, unheld: SmallShop) -> None:
        store = evolve(SETTINGS.store, unheld_methods=("fake_debit", "fake_dbeit"))
        with pytest.raises(Invalid, match="by fake_dbeit: it takes fake_card, "):
            await unheld.shop.execute(ConfigureStore(store=store), actor=STAFF)
