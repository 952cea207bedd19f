"""Orders that are paid by several means: what each of them pays, where money goes back to, and what the books say."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ConfirmPayment, ProcessPayment
from shop.application.commands.refunds import ApproveRefund, NothingToRefund, RefuseRefund, RequestRefund
from shop.application.commands.store import ConfigureStore
from shop.application.ports.tenders import TenderSource
from shop.application.queries.orders import GetAnyOrder
from shop.application.queries.refunds import GetRefund
from shop.application.settlement import TenderSourceGone
from shop.application.shop import Shop
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import OrderId, RefundId
from shop.domain.kernel.tenders import TenderUnfit
from shop.domain.orders import FulfilmentStatus, OrderNotCancellable, OrderStatus, PaymentStatus
from shop.domain.payments import TENDERS, AttemptStatus, RefundExceedsCaptured, RefundNotPositive, RefundStatus
from tests.application.providers import at_rest, faulty
from tests.application.test_refunds import SECOND, refund_of
from tests.shops import SETTINGS, STAFF, SmallShop, eur, open_small_shop
from tests.tender_sources import credit, gift_card

PRICE = 1999 + 490


def with_tenders(small: SmallShop, *sources: TenderSource) -> SmallShop:
    """The same shop, whose customers have these balances."""
    small.shop = Shop(evolve(small.shop.ports, tenders=sources), jitter=lambda: 0.0)
    return small


async def sold(small: SmallShop, method: str = "fake_card") -> OrderId:
    return await small.buy((await small.product(f"shirt-{small.ids.made}", stock=5), 1), method=method)


async def books(small: SmallShop, order_id: OrderId) -> dict[str, int]:
    """What each account says of the order."""
    sums: Counter[str] = Counter()
    for entry in await small.entries(order_id):
        for posting in entry.postings:
            sums[posting.account] += posting.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


async def asked(small: SmallShop, order_id: OrderId, minor: int = 0) -> RefundId:
    payment = await small.payment(order_id)
    command = RequestRefund(payment_id=payment.id, amount=eur(minor) if minor else None, full=not minor)
    return await small.shop.execute(command, actor=STAFF)


async def given_back(small: SmallShop, order_id: OrderId, minor: int = 0) -> list[int]:
    """Gives this much (or all) back: what went through the provider, and to each tender."""
    refund_id = await asked(small, order_id, minor)
    await small.pay(order_id)
    refund = await refund_of(small, refund_id)
    assert refund.status is RefundStatus.SUCCEEDED
    return [refund.at_provider.minor, *(part.amount.minor for part in refund.tenders)]


class TestPaying:
    async def test_the_provider_takes_what_credit_does_not_pay(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert (order.total, order.due, order.payment_status) == (eur(PRICE), eur(PRICE - 1000), PaymentStatus.PAID)
        assert (payment.amount, payment.captured) == (eur(PRICE - 1000), eur(PRICE - 1000))
        [intent] = small.books.intents.values()
        assert intent.captured == PRICE - 1000
        assert (balance.amount, balance.free, balance.steps) == (eur(0), eur(0), ["taken 1000"])
        said = await books(small, order_id)
        assert (said["clearing:fake"], said["store_credit"]) == (PRICE - 1000, 1000)
        assert sum(said.values()) == 0
        view = await small.shop.ask(GetAnyOrder(order_id=order_id))
        assert [(one.kind, one.amount, one.returned) for one in view.tenders] == [("store_credit", eur(1000), eur(0))]
        await at_rest(small)

    async def test_several_pay_one_after_the_other(self, small: SmallShop) -> None:
        card, balance, unused = gift_card(300), credit(5000), gift_card(10)
        order_id = await sold(with_tenders(small, card, balance, unused))
        order = await small.order(order_id)
        assert [(tender.kind, tender.amount) for tender in order.tenders] == [
            ("gift_card", eur(300)),
            ("store_credit", eur(PRICE - 300)),
        ]
        assert unused.steps == []
        assert (await books(small, order_id))["gift_cards"] == 300
        await at_rest(small)

    async def test_f46_what_credit_pays_whole_needs_no_provider(self, small: SmallShop) -> None:
        balance = credit(9000)
        order_id = await sold(with_tenders(small, balance))
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
        assert (payment.provider, payment.amount, payment.status) == (TENDERS, eur(0), AttemptStatus.CAPTURED)
        assert small.books.intents == {}
        assert balance.amount == eur(9000 - PRICE)
        said = await books(small, order_id)
        assert (said["store_credit"], sum(said.values())) == (PRICE, 0)
        for refresh in (False, True):
            await small.shop.execute(ProcessPayment(order_id=order_id, refresh=refresh))
        session_id = (await small.order(order_id)).payment_session_id
        assert await small.shop.execute(ConfirmPayment(session_id=session_id)) == order_id
        with pytest.raises(OrderNotCancellable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id))
        await at_rest(small)

    async def test_f56_more_than_the_order_costs_is_refused_and_nothing_is_written(self, small: SmallShop) -> None:
        balance = credit(9000)
        balance.generous = True
        with pytest.raises(TenderUnfit):
            await sold(with_tenders(small, balance))
        assert small.books.intents == {}

    async def test_without_balances_nothing_changes(self, small: SmallShop) -> None:
        order_id = await sold(with_tenders(small, credit(0)))
        order = await small.order(order_id)
        assert (order.tenders, order.due, order.payment_status) == ((), order.total, PaymentStatus.PAID)


class TestNotPaid:
    async def test_an_order_that_nobody_pays_frees_its_credit(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance), "fake_card_3ds")
        assert balance.free == eur(0)
        await small.settle_down()
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        assert (balance.free, balance.steps) == (eur(1000), ["released 1000"])
        assert await books(small, order_id) == {}
        await at_rest(small)

    async def test_an_order_that_is_called_off_frees_its_credit(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance), "fake_card_declined")
        await small.shop.execute(CancelAnyOrder(order_id=order_id))
        assert balance.free == eur(1000)
        await at_rest(small)

    @pytest.mark.parametrize("goods_left", [False, True])
    async def test_what_was_never_taken_from_credit_does_not_go_back_to_it(
        self, small: SmallShop, goods_left: bool
    ) -> None:
        balance = credit(1000)
        store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
        await with_tenders(small, balance).shop.execute(ConfigureStore(store=store), actor=STAFF)
        order_id = await sold(small)
        if goods_left:
            async with small.storage.uow(small.context()) as tx:
                order = await tx.orders.get(order_id)
                order.fulfilment_status = FulfilmentStatus.FULFILLED
                tx.orders.save(order)
            small.clock.forward(timedelta(days=8))
            await small.pay(order_id, refresh=True)
        else:
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert (await small.order(order_id)).payment_status is PaymentStatus.VOIDED
        for minor in (0, 500):
            with pytest.raises(RefundExceedsCaptured):
                await asked(small, order_id, minor)
        assert (balance.amount, balance.steps) == (eur(1000), ["released 1000"])

    async def test_f42_another_sum_takes_no_credit(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance), "fake_card_3ds")
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=PRICE, minor=PRICE))
        await small.pay(order_id, refresh=True)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert (balance.free, balance.steps) == (eur(1000), ["released 1000"])
        assert "store_credit" not in await books(small, order_id)
        await at_rest(small)

    async def test_f37_money_that_comes_after_the_end_takes_no_credit(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance), "fake_card_3ds")
        await small.shop.execute(CancelAnyOrder(order_id=order_id))
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=intent.minor))
        await small.pay(order_id, refresh=True)
        payment = await small.payment(order_id)
        assert payment.captured == payment.refunded
        assert balance.steps == ["released 1000"]


class TestGivingBack:
    async def test_first_the_card_and_then_the_tender_used_last(self, small: SmallShop) -> None:
        card, balance = gift_card(300), credit(700)
        order_id = await sold(with_tenders(small, card, balance))
        due = PRICE - 1000
        assert await given_back(small, order_id, due - 1) == [due - 1]
        assert await given_back(small, order_id, 100) == [1, 99]
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert await given_back(small, order_id, 650) == [0, 601, 49]
        assert await given_back(small, order_id) == [0, 251]
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert order.payment_status is PaymentStatus.REFUNDED
        assert (payment.captured, payment.refunded, order.returned_to_tenders) == (eur(due), eur(due), eur(1000))
        assert (card.amount, balance.amount) == (eur(300), eur(700))
        assert balance.steps == ["taken 700", "back 99", "back 601"]
        said = await books(small, order_id)
        assert not {"clearing:fake", "store_credit", "gift_cards"} & said.keys()
        assert said["refunds"] == PRICE
        with pytest.raises(NothingToRefund):
            await asked(small, order_id, 1)
        await at_rest(small)

    async def test_all_of_it_at_once(self, small: SmallShop) -> None:
        balance = credit(700)
        order_id = await sold(with_tenders(small, balance))
        assert await given_back(small, order_id) == [PRICE - 700, 700]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        with pytest.raises(NothingToRefund):
            await asked(small, order_id)
        await at_rest(small)

    async def test_what_credit_paid_whole_can_be_sold_again_once_it_went_back_if_that_is_wished(
        self, small: SmallShop
    ) -> None:
        shirt = await small.product(stock=5)
        order_id = await with_tenders(small, credit(9000)).buy((shirt, 2))
        payment = await small.payment(order_id)
        wish = RequestRefund(payment_id=payment.id, full=True, restock=True)
        await small.shop.execute(wish, actor=STAFF)
        await small.pay(order_id)
        order = await small.order(order_id)
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "refunded")
        assert (await small.level(shirt)).available == 5
        await at_rest(small)

    async def test_what_credit_paid_whole_goes_back_to_it_without_a_provider(self, small: SmallShop) -> None:
        balance = credit(9000)
        order_id = await sold(with_tenders(small, balance))
        assert await given_back(small, order_id, 400) == [0, 400]
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert await given_back(small, order_id) == [0, PRICE - 400]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        assert balance.amount == eur(9000)
        assert small.books.intents == {}
        assert (await books(small, order_id)).keys() == {"refunds", "revenue", "shipping", "tax"}
        await at_rest(small)

    async def test_f49_nothing_and_too_much_are_refused(self, small: SmallShop) -> None:
        order_id = await sold(with_tenders(small, credit(700)))
        payment = await small.payment(order_id)
        for minor, error in ((0, RefundNotPositive), (-1, RefundNotPositive), (PRICE + 1, RefundExceedsCaptured)):
            with pytest.raises(error):
                await small.shop.execute(RequestRefund(payment_id=payment.id, amount=eur(minor)), actor=STAFF)

    async def test_f50_many_at_once_give_back_what_was_paid_and_no_more(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        answers = await asyncio.gather(*(asked(small, order_id, 600) for _ in range(8)), return_exceptions=True)
        done = [answer for answer in answers if isinstance(answer, RefundId)]
        assert len(done) == PRICE // 600
        assert all(isinstance(answer, RefundExceedsCaptured) for answer in answers if answer not in done)
        await small.settle_down(5)
        payment, order = await small.payment(order_id), await small.order(order_id)
        assert payment.refunded.minor + order.returned_to_tenders.minor == 600 * len(done)
        assert payment.refunded == payment.captured
        assert balance.amount.minor == order.returned_to_tenders.minor
        await at_rest(small)

    async def test_f51_a_refund_that_fails_later_leaves_the_credit_its_part(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        assert await given_back(small, order_id) == [PRICE - 1000, 1000]
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, intent.refunds[0].ref, RefundStatus.FAILED, "lost_card")
        await small.settle_down(3)
        order = await small.order(order_id)
        assert order.payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert (balance.amount, order.returned_to_tenders) == (eur(1000), eur(1000))
        said = await books(small, order_id)
        assert (said["clearing:fake"], said["refunds"]) == (PRICE - 1000, 1000)
        assert await given_back(small, order_id) == [PRICE - 1000]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        assert balance.steps == ["taken 1000", "back 1000"]

    async def test_what_the_provider_refuses_gives_nothing_back(self) -> None:
        small = await open_small_shop()
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        [intent] = small.books.intents.values()
        refund_id = await asked(small, order_id)
        small.provider.refunds_elsewhere(intent.ref, 5)  # so that less is left than was asked for
        await small.pay(order_id)
        refund = await refund_of(small, refund_id)
        assert refund.status is RefundStatus.FAILED
        assert balance.steps == ["taken 1000"]

    async def test_one_that_waits_for_a_second_person_promises_its_parts(self, small: SmallShop) -> None:
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        store = evolve(SETTINGS.store, refund_limits=(eur(100),))
        await small.shop.execute(ConfigureStore(store=store))
        first = await asked(small, order_id)
        with pytest.raises(RefundExceedsCaptured):
            await asked(small, order_id, 1)
        await small.shop.execute(RefuseRefund(refund_id=first), actor=SECOND)
        second = await asked(small, order_id)
        await small.shop.execute(ApproveRefund(refund_id=second), actor=SECOND)
        await small.pay(order_id)
        assert balance.amount == eur(1000)
        view = await small.shop.ask(GetRefund(refund_id=second))
        assert [(part.kind, part.reference, part.amount) for part in view.tenders] == [
            ("store_credit", "credit", eur(1000))
        ]

    async def test_f19_an_answer_that_was_lost_gives_back_once(self) -> None:
        faults = ScriptedFaults({"refund": [Fault.TIMEOUT_AFTER]})
        small = await open_small_shop(faulty(faults))
        balance = credit(1000)
        order_id = await sold(with_tenders(small, balance))
        await asked(small, order_id)
        await small.settle_down(5)
        assert balance.steps == ["taken 1000", "back 1000"]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(small)

    async def test_a_source_that_is_gone_is_told_of_and_nothing_is_written(self, small: SmallShop) -> None:
        order_id = await sold(with_tenders(small, credit(1000)))
        await asked(small, order_id)
        with pytest.raises(TenderSourceGone):
            await with_tenders(small).pay(order_id)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID

    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_any_way_of_giving_back_ends_where_it_began(self, data: st.DataObject) -> None:
        async def play() -> None:
            small = await open_small_shop()
            card = gift_card(data.draw(st.integers(1, PRICE)))
            balance = credit(data.draw(st.integers(1, PRICE)))
            before = card.amount + balance.amount
            order_id = await sold(with_tenders(small, card, balance))
            left, times = PRICE, data.draw(st.integers(1, 5))
            while left:
                times -= 1
                minor = data.draw(st.integers(1, left)) if times > 0 else left
                assert sum(await given_back(small, order_id, minor)) == minor
                left -= minor
                order, payment = await small.order(order_id), await small.payment(order_id)
                assert payment.refunded.minor + order.returned_to_tenders.minor == PRICE - left
            assert card.amount + balance.amount == before
            assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
            assert sum((await books(small, order_id)).values()) == 0

        asyncio.run(play())
