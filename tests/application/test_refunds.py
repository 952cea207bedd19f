"""Money that goes back: promised first, sent once, followed to whatever end, and booked as it came."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.identity.keys import CreateApiKey
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.refunds import (
    ApproveRefund,
    LineToRefund,
    NothingToRefund,
    PaymentDisputed,
    RefuseRefund,
    RequestRefund,
)
from shop.application.commands.store import ConfigureStore
from shop.application.messages import SYSTEM, Actor
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.queries.payments import GetUnfinishedPayments
from shop.application.queries.refunds import GetOrderBooks, GetRefund, GetRefunds
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId, OrderLineId, RefundId, UserId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import (
    ApproverIsRequester,
    Refund,
    RefundCannotMove,
    RefundExceedsCaptured,
    RefundNotPositive,
    RefundReason,
    RefundStatus,
)
from shop.domain.store import Store
from tests.application.providers import at_rest, faulty, mismatched
from tests.shops import SETTINGS, STAFF, SmallShop, eur, open_small_shop

TOTAL = 2 * 1999 + 490
BOB, EVE = UserId(UUID(int=78)), UserId(UUID(int=79))
SECOND = Actor(kind="user", id=BOB, scopes=frozenset({"*"}))


def usd(minor: int) -> Money:
    return Money(minor, "USD")


async def sold(small: SmallShop) -> OrderId:
    return await small.buy((await small.product(stock=5), 2))


async def asked(small: SmallShop, order_id: OrderId, actor: Actor = STAFF, **what: Any) -> RefundId:
    payment = await small.payment(order_id)
    command = RequestRefund(payment_id=payment.id, **what)
    return await small.shop.execute(command, actor=actor)


async def refund_of(small: SmallShop, refund_id: RefundId) -> Refund:
    async with small.storage.uow(small.context()) as tx:
        return await tx.refunds.get(refund_id)


async def given_back(small: SmallShop, order_id: OrderId, **what: Any) -> Refund:
    refund_id = await asked(small, order_id, **what)
    await small.pay(order_id)
    return await refund_of(small, refund_id)


async def kinds_of(small: SmallShop, order_id: OrderId) -> list[EntryKind]:
    return [entry.kind for entry in await small.entries(order_id)]


class TestGivingBack:
    async def test_parts_and_then_the_rest(self, small: SmallShop) -> None:
        order_id = await sold(small)
        first = await given_back(small, order_id, amount=eur(500), reason=RefundReason.DAMAGED, note="a scratch")
        assert (first.status, first.requested_by) == (RefundStatus.SUCCEEDED, str(STAFF.id))
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        rest = await given_back(small, order_id, full=True)
        assert rest.amount == eur(TOTAL - 500)
        payment = await small.payment(order_id)
        assert payment.refunded == payment.refund_reserved == payment.captured == eur(TOTAL)
        assert not payment.refund_due
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        books = await small.shop.ask(GetOrderBooks(order_id=order_id), actor=STAFF)
        assert [entry.kind for entry in books] == [EntryKind.CAPTURE, EntryKind.REFUND, EntryKind.REFUND]
        assert {entry.provider_ref for entry in books[1:]} == {first.provider_ref, rest.provider_ref}
        await at_rest(small)

    async def test_f58_lines_and_delivery_make_the_whole(self, small: SmallShop) -> None:
        order_id = await sold(small)
        [line] = (await small.order(order_id)).lines
        one = (LineToRefund(line_id=line.id, quantity=1),)
        first = await given_back(small, order_id, lines=one, shipping=True)
        for what in ({"lines": (evolve(one[0], quantity=2),)}, {"shipping": True}):
            with pytest.raises(Invalid, match="left to give back"):
                await asked(small, order_id, **what)
        refunds = [first, await given_back(small, order_id, lines=one)]
        assert sum(refund.amount.minor for refund in refunds) == TOTAL
        assert first.shipping == eur(490)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(small)

    async def test_what_was_not_sent_can_be_sold_again_if_that_is_wished(self, small: SmallShop) -> None:
        for restock in (False, True):
            order_id = await small.buy((await small.product(f"shirt-{restock}".lower(), stock=5), 2))
            await given_back(small, order_id, full=True, restock=restock)
            [reservation] = await small.reservations(order_id)
            assert (reservation.state is ReservationState.RELEASED) is restock
            order = await small.order(order_id)
            assert (order.status is OrderStatus.CANCELLED) is restock
            assert order.payment_status is PaymentStatus.REFUNDED

    @pytest.mark.parametrize(
        "what",
        [
            {},
            {"amount": eur(5), "full": True},
            {"amount": eur(5), "shipping": True},
            {"lines": (LineToRefund(line_id=OrderLineId(UUID(int=9)), quantity=1),)},
            {"amount": eur(5), "reason": RefundReason.UNAPPLIED},
            {"amount": eur(0)},
            {"amount": eur(-5)},
        ],
        ids=str,
    )
    async def test_f49_what_is_not_said_clearly_gives_nothing_back(
        self, small: SmallShop, what: dict[str, Any]
    ) -> None:
        order_id = await sold(small)
        with pytest.raises(Invalid):
            await asked(small, order_id, **what)
        payment = await small.payment(order_id)
        assert (payment.refund_reserved, payment.refund_due) == (eur(0), False)

    async def test_f49_zero_is_never_all_of_it(self, small: SmallShop) -> None:
        order_id = await sold(small)
        with pytest.raises(RefundNotPositive):
            await asked(small, order_id, amount=eur(0))

    @pytest.mark.parametrize("quantity", [0, -1, 3])
    async def test_no_more_units_than_were_sold(self, small: SmallShop, quantity: int) -> None:
        order_id = await sold(small)
        [line] = (await small.order(order_id)).lines
        with pytest.raises(Invalid, match="left to give back"):
            await asked(small, order_id, lines=(LineToRefund(line_id=line.id, quantity=quantity),))

    async def test_before_money_was_taken_there_is_nothing_to_give_back(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        with pytest.raises(NothingToRefund):
            await asked(small, order_id, full=True)

    async def test_f60_disputed_money_does_not_go_back_as_well(self, small: SmallShop) -> None:
        order_id = await sold(small)
        order = await small.order(order_id)
        order.payment_status = PaymentStatus.DISPUTED
        async with small.storage.uow(small.context()) as tx:
            tx.orders.save(order)
        with pytest.raises(PaymentDisputed):
            await asked(small, order_id, full=True)


class TestPromises:
    async def test_f50_two_at_once_cannot_promise_more_than_was_taken(self, small: SmallShop) -> None:
        order_id = await sold(small)
        await asked(small, order_id, amount=eur(TOTAL - 100))
        with pytest.raises(RefundExceedsCaptured):
            await asked(small, order_id, amount=eur(101))
        with pytest.raises(RefundExceedsCaptured):
            await asked(small, order_id, amount=usd(5))
        [intent] = small.books.intents.values()
        assert intent.refunds == ()  # the provider has not heard of any of it yet
        await small.pay(order_id)
        assert (await small.payment(order_id)).refunded == eur(TOTAL - 100)

    async def test_f50_many_at_once_in_memory_are_one(self, small: SmallShop) -> None:
        order_id = await sold(small)
        outcomes = await asyncio.gather(*(asked(small, order_id, full=True) for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(outcome, RefundId) for outcome in outcomes) == 1

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.ERROR])
    async def test_f19_a_lost_answer_is_one_refund(self, fault: Fault) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"refund": [fault]})))
        order_id = await sold(small)
        refund_id = await asked(small, order_id, amount=eur(500))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        assert (await refund_of(small, refund_id)).status is RefundStatus.REQUESTED
        await at_rest(small)
        [intent] = small.books.intents.values()
        assert intent.refunded == 500
        assert await kinds_of(small, order_id) == [EntryKind.CAPTURE, EntryKind.REFUND]

    async def test_a_request_that_died_is_carried_on_by_the_worker(self, small: SmallShop) -> None:
        order_id = await sold(small)
        refund_id = await asked(small, order_id, amount=eur(500))
        await at_rest(small)
        assert (await refund_of(small, refund_id)).status is RefundStatus.SUCCEEDED


class TestWhatBuysNothing:
    @pytest.mark.parametrize("begins", [RefundStatus.SUCCEEDED, RefundStatus.PENDING])
    async def test_what_went_back_by_itself_and_failed_is_given_back_by_people(
        self, small: SmallShop, begins: RefundStatus
    ) -> None:
        order_id = await mismatched(small, captured=9999)
        small.provider.refunds_begin = begins
        await small.pay(order_id, refresh=True)
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, intent.refunds[-1].ref, RefundStatus.FAILED, "expired_card")
        await small.settle_down(5)
        assert not (await small.payment(order_id)).refunded
        small.provider.refunds_begin = RefundStatus.SUCCEEDED
        refund = await given_back(small, order_id, full=True)
        assert (refund.status, refund.applied) == (RefundStatus.SUCCEEDED, False)
        payment = await small.payment(order_id)
        assert payment.refunded == payment.captured == eur(9999)
        with pytest.raises((NothingToRefund, RefundExceedsCaptured)):
            await asked(small, order_id, full=True)
        await at_rest(small)

    async def test_of_what_was_never_taken_nothing_goes_back(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        with pytest.raises((NothingToRefund, RefundExceedsCaptured)):
            await asked(small, order_id, full=True)


class TestSecondPerson:
    @pytest.fixture
    async def careful(self, small: SmallShop) -> SmallShop:
        store = evolve(SETTINGS.store, refund_limits=(eur(1000),))
        await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
        return small

    async def test_s15_above_the_limit_a_second_person_agrees(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        refund_id = await asked(careful, order_id, amount=eur(1001))
        await careful.pay(order_id)
        assert (await refund_of(careful, refund_id)).status is RefundStatus.PENDING_APPROVAL
        assert (await careful.payment(order_id)).refund_reserved == eur(1001)
        with pytest.raises(ApproverIsRequester):
            await careful.shop.execute(ApproveRefund(refund_id=refund_id), actor=STAFF)
        await careful.shop.execute(ApproveRefund(refund_id=refund_id), actor=SECOND)
        await at_rest(careful)
        refund = await refund_of(careful, refund_id)
        assert (refund.status, refund.approved_by) == (RefundStatus.SUCCEEDED, str(SECOND.id))

    @pytest.mark.parametrize(
        ("asker", "approver", "second"),
        [
            ("bob", "bob", False),
            ("bob", "a key of bob", False),
            ("a key of bob", "bob", False),
            ("a key of bob", "another key of bob", False),
            ("bob", "eve", True),
            ("a key of bob", "eve", True),
            ("bob", "a key of eve", True),
            ("a key of nobody", "bob", True),
            ("a key of nobody", "another key of nobody", False),
            ("bob", "a key of nobody", False),
            ("the command line", "a key of nobody", False),
            ("a key of nobody", "the command line", False),
            ("the command line", "the command line", False),
            ("the command line", "bob", True),
            ("bob", "the command line", True),
        ],
    )
    async def test_s15_the_second_person_is_another_one_by_whatever_key(
        self, careful: SmallShop, asker: str, approver: str, second: bool
    ) -> None:
        every = frozenset({"*"})
        now = careful.clock.now()
        people = {
            name: Actor(kind="user", id=user, scopes=every, fresh_at=now) for name, user in (("bob", BOB), ("eve", EVE))
        }
        people["the command line"] = people["nobody"] = SYSTEM

        async def acting(name: str) -> Actor:
            kind, _, maker = name.rpartition("key of ")
            if not kind:
                return people[name]
            made = await careful.shop.execute(CreateApiKey(name=name, scopes=every), actor=people[maker])
            return Actor(kind="api_key", id=made.id, scopes=every, made_by=people[maker].user_id)

        refund_id = await asked(careful, await sold(careful), await acting(asker), amount=eur(1001))
        approve = ApproveRefund(refund_id=refund_id)
        if second:
            await careful.shop.execute(approve, actor=await acting(approver))
        else:
            with pytest.raises(ApproverIsRequester):
                await careful.shop.execute(approve, actor=await acting(approver))
        status = (await refund_of(careful, refund_id)).status
        assert (status is RefundStatus.PENDING_APPROVAL) is not second

    async def test_up_to_the_limit_nobody_else_is_asked(self, careful: SmallShop) -> None:
        refund = await given_back(careful, await sold(careful), amount=eur(1000))
        assert refund.status is RefundStatus.SUCCEEDED

    async def test_s15_the_limit_is_for_all_of_a_payment_together(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        assert (await given_back(careful, order_id, amount=eur(600))).status is RefundStatus.SUCCEEDED
        assert (await given_back(careful, order_id, amount=eur(400))).status is RefundStatus.SUCCEEDED
        assert (await given_back(careful, order_id, amount=eur(1))).status is RefundStatus.PENDING_APPROVAL

    async def test_a_currency_without_a_limit_always_needs_a_second_person_once_there_is_any(
        self, small: SmallShop
    ) -> None:
        store = evolve(SETTINGS.store, refund_limits=(usd(1000),))
        await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
        refund_id = await asked(small, await sold(small), amount=eur(1))
        assert (await refund_of(small, refund_id)).status is RefundStatus.PENDING_APPROVAL

    async def test_what_is_refused_is_free_again(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        refund_id = await asked(careful, order_id, full=True)
        with pytest.raises(RefundExceedsCaptured):
            await asked(careful, order_id, amount=eur(1))
        await careful.shop.execute(RefuseRefund(refund_id=refund_id), actor=SECOND)
        assert (await careful.payment(order_id)).refund_reserved == eur(0)
        with pytest.raises(RefundCannotMove):
            await careful.shop.execute(ApproveRefund(refund_id=refund_id), actor=SECOND)
        assert (await given_back(careful, order_id, amount=eur(1))).status is RefundStatus.SUCCEEDED

    async def test_f44_what_went_back_elsewhere_is_not_free_again_when_another_refund_is_refused(
        self, careful: SmallShop
    ) -> None:
        order_id = await sold(careful)
        refund_id = await asked(careful, order_id, amount=eur(3000))
        [intent] = careful.books.intents.values()
        careful.provider.refunds_elsewhere(intent.ref, 4000)
        await careful.pay(order_id, refresh=True)
        await careful.shop.execute(RefuseRefund(refund_id=refund_id), actor=SECOND)
        payment = await careful.payment(order_id)
        assert (payment.refunded, payment.refund_reserved, payment.refundable) == (eur(4000), eur(4000), eur(488))
        await at_rest(careful)

    def test_limits_make_sense(self) -> None:
        for limits in ((eur(-1),), (eur(1), eur(2))):
            with pytest.raises(Invalid):
                Store(refund_limits=limits)


class TestNews:
    async def test_f51_a_refund_that_fails_later_reopens_the_debt(self, small: SmallShop) -> None:
        order_id = await sold(small)
        refund = await given_back(small, order_id, full=True)
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, refund.provider_ref, RefundStatus.FAILED, "lost_or_stolen_card")
        for _ in range(2):
            await small.pay(order_id, refresh=True)
        failed = await refund_of(small, refund.id)
        assert (failed.status, failed.failure_code) == (RefundStatus.FAILED, "lost_or_stolen_card")
        payment = await small.payment(order_id)
        assert (payment.refunded, payment.refund_reserved, payment.refund_due) == (eur(0), eur(0), False)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        assert await kinds_of(small, order_id) == [EntryKind.CAPTURE, EntryKind.REFUND, EntryKind.REFUND_REVERSAL]
        await at_rest(small)
        assert (await given_back(small, order_id, full=True)).status is RefundStatus.SUCCEEDED
        await at_rest(small)

    @pytest.mark.parametrize("elsewhere", [False, True])
    async def test_f51_what_paid_for_an_order_goes_back_as_a_sale_though_it_was_called_off_since(
        self, small: SmallShop, elsewhere: bool
    ) -> None:
        order_id = await sold(small)
        refund = await given_back(small, order_id, full=True, restock=True)
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, refund.provider_ref, RefundStatus.FAILED, "lost_or_stolen_card")
        await small.pay(order_id, refresh=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        if elsewhere:
            small.provider.refunds_elsewhere(intent.ref, TOTAL)
            await small.pay(order_id, refresh=True)
        else:
            await given_back(small, order_id, full=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        said: Counter[str] = Counter()
        for entry in await small.entries(order_id):
            for posting in entry.postings:
                said[posting.account] += posting.amount.minor
        assert (said["refunds"], said["receivable"], said["clearing:fake"]) == (TOTAL, 0, 0)
        await at_rest(small)

    async def test_f51_of_two_refunds_one_fails(self, small: SmallShop) -> None:
        order_id = await sold(small)
        first = await given_back(small, order_id, amount=eur(500))
        await given_back(small, order_id, full=True)
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, first.provider_ref, RefundStatus.FAILED)
        await small.pay(order_id, refresh=True)
        assert (await small.payment(order_id)).refunded == eur(TOTAL - 500)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        await at_rest(small)

    @pytest.mark.parametrize("end", [RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELLED])
    async def test_a_slow_refund_is_booked_only_at_its_end(self, small: SmallShop, end: RefundStatus) -> None:
        small.provider.refunds_begin = RefundStatus.PENDING
        order_id = await sold(small)
        refund = await given_back(small, order_id, amount=eur(500))
        assert refund.status is RefundStatus.PENDING
        assert await kinds_of(small, order_id) == [EntryKind.CAPTURE]
        assert (await small.payment(order_id)).refund_due
        [intent] = small.books.intents.values()
        small.provider.refund_becomes(intent.ref, refund.provider_ref, end)
        await small.post_news()
        await at_rest(small)
        went_back = end is RefundStatus.SUCCEEDED
        payment = await small.payment(order_id)
        assert (payment.refunded.minor, payment.refund_reserved.minor) == ((500, 500) if went_back else (0, 0))
        assert (await kinds_of(small, order_id))[1:] == [EntryKind.REFUND] * went_back

    async def test_a_refund_that_the_provider_refuses_waits_for_people(self, small: SmallShop) -> None:
        order_id = await sold(small)
        refund_id = await asked(small, order_id, full=True)
        [intent] = small.books.intents.values()
        small.provider.refunds_elsewhere(intent.ref, 100)
        await small.pay(order_id)
        refund = await refund_of(small, refund_id)
        assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "refused")
        await at_rest(small)
        payment = await small.payment(order_id)
        assert (payment.refunded, payment.refund_reserved) == (eur(100), eur(100))
        failed = await small.shop.ask(GetRefunds(), actor=STAFF)
        assert {view.status for view in failed.data} == {RefundStatus.FAILED, RefundStatus.SUCCEEDED}

    async def test_f44_a_refund_from_the_dashboard_is_booked_once(self, small: SmallShop) -> None:
        order_id = await sold(small)
        [intent] = small.books.intents.values()
        small.provider.refunds_elsewhere(intent.ref, 100)
        await small.post_news()
        for _ in range(3):
            await small.deliver()
            await small.pay(order_id, refresh=True)
        assert await kinds_of(small, order_id) == [EntryKind.CAPTURE, EntryKind.REFUND]
        page = await small.shop.ask(GetRefunds(), actor=STAFF)
        assert [(view.reason, view.amount) for view in page.data] == [(RefundReason.ELSEWHERE, eur(100))]
        assert (await small.shop.ask(GetRefund(refund_id=page.data[0].id), actor=STAFF)) == page.data[0]

    async def test_f39_late_news_of_the_capture_do_not_revive_a_refunded_order(self, small: SmallShop) -> None:
        order_id = await sold(small)
        early = small.provider.take_news()
        await given_back(small, order_id, full=True)
        for news in early:
            await small.shop.execute(small.message(news.body), actor=Actor(kind="provider"))
        await at_rest(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        assert await kinds_of(small, order_id) == [EntryKind.CAPTURE, EntryKind.REFUND]


async def test_f36_a_payment_that_tells_nothing_new_is_asked_about_less_and_less_often(small: SmallShop) -> None:
    small.provider.refunds_begin = RefundStatus.PENDING
    order_id = await sold(small)
    await given_back(small, order_id, amount=eur(500))
    looks = 0
    for _ in range(360):
        small.clock.forward(timedelta(seconds=10))
        if order_id in await small.shop.ask(GetUnfinishedPayments()):
            looks += 1
            await small.shop.execute(ProcessPayment(order_id=order_id, refresh=True))
    assert 5 <= looks <= 15
