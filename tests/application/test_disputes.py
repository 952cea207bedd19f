"""Disputes: what banks do is followed, booked once, and leads back to where the order was, or to a loss."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.disputes import TEXT_LENGTH_MAX, SubmitDisputeEvidence
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ReplayProviderNews
from shop.application.commands.refunds import ApproveRefund, PaymentDisputed, RequestRefund
from shop.application.commands.simulation import SimulatePayment, SimulationNotOffered
from shop.application.commands.store import ConfigureStore
from shop.application.messages import Actor, Idempotency
from shop.application.ports.audit import AuditFilter
from shop.application.ports.paging import PageRequest
from shop.application.ports.payments import EvidenceKind, PaymentProviderUnavailable, PaymentRefused, Simulation
from shop.application.ports.readers import DisputeFilter, InboxFilter
from shop.application.queries.disputes import GetDispute, GetDisputes, GetInbox, GetInboxItem
from shop.application.queries.orders import GetAnyOrder
from shop.application.queries.payments import GetUnfinishedPayments
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Conflict, Forbidden, Invalid
from shop.domain.kernel.identifiers import ApiKeyId, DisputeId, OrderId, RefundId
from shop.domain.ledger import DISPUTE_LOSSES, DISPUTES, FEES, REFUNDS, EntryKind, clearing
from shop.domain.orders import OrderFlag, OrderNotCancellable, OrderStatus, PaymentStatus
from shop.domain.payments import (
    Dispute,
    DisputeNotAnswerable,
    DisputeStatus,
    InboxState,
    Refund,
    RefundStatus,
)
from tests.application.providers import at_rest, faulty
from tests.shops import SETTINGS, STAFF, SmallShop, eur, for_trying_out, open_small_shop
from tests.turnstiles import Jostle, behind

TOTAL = 2 * 1999 + 490
FEE = 1500
S = DisputeStatus
EVIDENCE = {EvidenceKind.SHIPPING_TRACKING_NUMBER: "00340434161094021501", EvidenceKind.CUSTOMER_NAME: "Ada"}


async def sold(small: SmallShop) -> tuple[OrderId, str]:
    order_id = await small.buy((await small.product(stock=5), 2))
    return order_id, (await small.payment(order_id)).attempt.provider_ref


async def lost(small: SmallShop, minor: int = 0) -> tuple[OrderId, str]:
    """An order whose money, or a part of it, the buyer's bank has taken for good."""
    order_id, ref = await sold(small)
    small.provider.disputes_open(ref, minor=minor)
    await told(small)
    small.provider.dispute_ends(ref, S.LOST)
    await told(small)
    return order_id, ref


async def told(small: SmallShop) -> None:
    """The provider posts what it has to tell, and the worker looks at it."""
    await small.post_news()
    await small.deliver()


async def disputes_of(small: SmallShop, order_id: OrderId) -> list[Dispute]:
    payment = await small.payment(order_id)
    async with small.storage.uow(small.context()) as tx:
        return await tx.disputes.of_payment(payment.id)


async def balance(small: SmallShop, order_id: OrderId) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for entry in await small.entries(order_id):
        for posting in entry.postings:
            sums[posting.account] += posting.amount.minor
    wanted = {DISPUTES, DISPUTE_LOSSES, FEES, clearing("fake")}
    return {account: minor for account, minor in sums.items() if account in wanted and minor}


async def events(small: SmallShop) -> list[str]:
    page = await small.storage.outbox.events(PageRequest(limit=100))
    return sorted(e.type for e in page.data if e.type.startswith("dispute.") or e.type == "order.risk")


class TestChargebacks:
    async def test_f60_a_dispute_is_booked_and_stops_refunds_and_goods(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await told(small)
        order, [dispute] = await small.order(order_id), await disputes_of(small, order_id)
        assert (order.payment_status, order.flags) == (PaymentStatus.DISPUTED, frozenset({OrderFlag.DISPUTE}))
        assert (dispute.status, dispute.amount, dispute.taken) == (S.NEEDS_RESPONSE, eur(TOTAL), eur(TOTAL))
        view = await small.shop.ask(GetAnyOrder(order_id=order_id), actor=STAFF)
        assert (view.flags, view.fulfilment_on_hold) == ([OrderFlag.DISPUTE], True)
        assert await balance(small, order_id) == {DISPUTES: TOTAL, FEES: FEE, clearing("fake"): -FEE}
        payment = await small.payment(order_id)
        with pytest.raises(PaymentDisputed) as refused:
            await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        assert refused.value.hint
        assert await events(small) == ["dispute.opened"]
        await at_rest(small)

    async def test_a_dispute_that_is_won_leads_back_and_costs_its_fee(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await told(small)
        small.provider.dispute_ends(ref, S.WON)
        await told(small)
        order = await small.order(order_id)
        assert (order.payment_status, order.flags) == (PaymentStatus.PAID, frozenset())
        assert await balance(small, order_id) == {FEES: FEE, clearing("fake"): TOTAL - FEE}
        assert not (await small.payment(order_id)).disputed
        assert await events(small) == ["dispute.opened", "dispute.won"]
        await given_back(small, order_id, full=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(small)

    async def test_a_dispute_that_is_lost_is_written_off(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await told(small)
        small.provider.dispute_ends(ref, S.LOST)
        await told(small)
        order = await small.order(order_id)
        assert (order.payment_status, order.fulfilment_on_hold) == (PaymentStatus.DISPUTED_LOST, True)
        assert await balance(small, order_id) == {DISPUTE_LOSSES: TOTAL, FEES: FEE, clearing("fake"): -FEE}
        payment = await small.payment(order_id)
        with pytest.raises(PaymentDisputed):
            await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        assert await events(small) == ["dispute.lost", "dispute.opened"]
        await at_rest(small)

    async def test_an_appeal_that_is_won_takes_the_loss_back(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        for end in (S.LOST, S.WON):
            small.provider.dispute_ends(ref, end)
            await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        assert await balance(small, order_id) == {FEES: FEE, clearing("fake"): TOTAL - FEE}
        await at_rest(small)

    async def test_what_is_lost_before_anything_was_sent_is_called_off_and_frees_its_stock(
        self, small: SmallShop
    ) -> None:
        order_id, ref = await lost(small)
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.DISPUTED_LOST)
        assert {reservation.state for reservation in await small.reservations(order_id)} == {ReservationState.RELEASED}
        await at_rest(small)
        assert small.books.intents[ref].refunded == 0

    async def test_an_appeal_that_is_won_for_what_was_called_off_gives_the_money_back(self, small: SmallShop) -> None:
        order_id, ref = await lost(small)
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        small.provider.dispute_ends(ref, S.WON)
        for _ in range(2):
            await told(small)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert small.books.intents[ref].refunded == TOTAL
        assert await balance(small, order_id) == {FEES: FEE, clearing("fake"): -FEE}
        given = [posting for entry in await small.entries(order_id) for posting in entry.postings]
        assert [p.amount for p in given if p.account == REFUNDS] == [eur(TOTAL)]
        await at_rest(small)

    async def test_a_part_that_is_lost_calls_nothing_off(self, small: SmallShop) -> None:
        order_id, _ = await lost(small, minor=1000)
        with pytest.raises(OrderNotCancellable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)

    async def test_what_was_partly_given_back_is_so_again_afterwards(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        await given_back(small, order_id, amount=eur(500))
        small.provider.disputes_open(ref, minor=1000)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
        small.provider.dispute_ends(ref, S.PREVENTED)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        await at_rest(small)

    async def test_f60_what_was_given_back_may_be_disputed_as_well(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        await given_back(small, order_id, full=True)
        small.provider.disputes_open(ref)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
        small.provider.dispute_ends(ref, S.WON)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(small)

    async def test_f60_a_refund_that_was_asked_for_before_waits_for_the_bank(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        payment = await small.payment(order_id)
        refund_id = await small.shop.execute(RequestRefund(payment_id=payment.id, amount=eur(500)), actor=STAFF)
        small.provider.disputes_open(ref)
        await small.pay(order_id, refresh=True)
        await small.settle_down(60)
        assert (await refund_of(small, refund_id)).status is RefundStatus.REQUESTED
        payment = await small.payment(order_id)
        for _ in range(20):
            payment.put_off(small.clock.now())
        assert payment.look_at is not None
        assert timedelta(hours=4) < payment.look_at - small.clock.now() < timedelta(hours=8), "banks take weeks"
        small.provider.dispute_ends(ref, S.WON)
        await at_rest(small)
        assert (await refund_of(small, refund_id)).status is RefundStatus.SUCCEEDED
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED

    async def test_f60_a_refund_that_was_asked_for_before_a_loss_fails_and_pays_nothing_twice(
        self, small: SmallShop
    ) -> None:
        order_id, ref = await sold(small)
        payment = await small.payment(order_id)
        refund_id = await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        small.provider.disputes_open(ref)
        small.provider.dispute_ends(ref, S.LOST)
        await at_rest(small)
        assert (await refund_of(small, refund_id)).status is RefundStatus.FAILED
        assert small.books.intents[ref].refunded == 0
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED_LOST

    @pytest.mark.parametrize("end", [S.WON, S.LOST])
    async def test_f60_a_refund_that_ends_while_the_bank_decides_stops_nothing(
        self, small: SmallShop, end: DisputeStatus
    ) -> None:
        """It was under way before; the goods are let go of once the bank has decided for the shop."""
        order_id, ref = await sold(small)
        small.provider.refunds_begin = RefundStatus.PENDING
        payment = await small.payment(order_id)
        wish = RequestRefund(payment_id=payment.id, full=True, restock=True)
        refund_id = await small.shop.execute(wish, actor=STAFF)
        await small.pay(order_id)
        small.provider.disputes_open(ref)
        await told(small)
        async with small.storage.uow(small.context()) as tx:
            at_provider = (await tx.refunds.get(refund_id)).provider_ref
        small.provider.refund_becomes(ref, at_provider, RefundStatus.SUCCEEDED)
        await told(small)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.DISPUTED)
        assert (await small.payment(order_id)).refunded == eur(TOTAL)
        small.provider.dispute_ends(ref, end)
        await told(small)
        order, [dispute] = await small.order(order_id), await disputes_of(small, order_id)
        assert dispute.status is end
        over = {
            S.WON: (OrderStatus.CANCELLED, PaymentStatus.REFUNDED),
            S.LOST: (OrderStatus.CONFIRMED, PaymentStatus.DISPUTED_LOST),
        }
        assert (order.status, order.payment_status) == over[end]
        await at_rest(small)

    async def test_f60_nobody_approves_a_refund_of_what_is_disputed(self, small: SmallShop) -> None:
        limited = evolve(SETTINGS.store, refund_limits=(eur(100),))
        await small.shop.execute(ConfigureStore(store=limited), actor=STAFF)
        order_id, ref = await sold(small)
        payment = await small.payment(order_id)
        refund_id = await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        small.provider.disputes_open(ref)
        await told(small)
        second = evolve(STAFF, id=ApiKeyId(STAFF.id.uuid if STAFF.id else order_id.uuid))
        with pytest.raises(PaymentDisputed):
            await small.shop.execute(ApproveRefund(refund_id=refund_id), actor=second)

    async def test_when_nobody_tells_the_sweeper_finds_how_it_ended(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await told(small)
        small.provider.dispute_ends(ref, S.LOST)
        small.provider.take_news()  # lost
        await small.settle_down(90)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED_LOST
        assert await small.shop.ask(GetUnfinishedPayments(idle=timedelta(0))) == []

    async def test_whoever_asks_about_the_payment_learns_of_its_dispute(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        small.provider.take_news()  # lost
        await small.pay(order_id, refresh=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED

    @pytest.mark.parametrize("seed", range(6))
    async def test_i5_many_who_look_at_once_book_once(self, small: SmallShop, seed: int) -> None:
        crowd = behind(small, Jostle(seed))
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await small.post_news()
        looks = [crowd.deliver(), crowd.deliver(), *(crowd.pay(order_id, refresh=True) for _ in range(4))]
        results = await asyncio.gather(*looks, return_exceptions=True)
        assert [r for r in results if isinstance(r, Exception)] == []
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE, EntryKind.DISPUTE]
        assert len(await disputes_of(small, order_id)) == 1
        assert await events(small) == ["dispute.opened"]
        await at_rest(small)

    async def test_the_provider_may_fail_at_any_of_it(self) -> None:
        script = ScriptedFaults({"disputes": [Fault.ERROR, Fault.TIMEOUT_AFTER]})
        small = await open_small_shop(faulty(script))
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await at_rest(small)
        assert script.left == 0
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED


class TestInquiriesAndFears:
    async def test_an_inquiry_only_puts_up_a_flag(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref, S.WARNING_NEEDS_RESPONSE)
        await told(small)
        order = await small.order(order_id)
        assert (order.payment_status, order.flags) == (PaymentStatus.PAID, frozenset({OrderFlag.INQUIRY}))
        assert not order.fulfilment_on_hold
        assert await events(small) == ["dispute.inquiry"]
        small.provider.dispute_ends(ref, S.WARNING_CLOSED)
        await told(small)
        assert (await small.order(order_id)).flags == frozenset()
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE]
        await at_rest(small)

    async def test_an_inquiry_may_become_a_chargeback(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref, S.WARNING_NEEDS_RESPONSE)
        await told(small)
        small.provider.dispute_escalates(ref)
        await told(small)
        order = await small.order(order_id)
        assert (order.payment_status, order.flags) == (PaymentStatus.DISPUTED, frozenset({OrderFlag.DISPUTE}))
        assert len(await disputes_of(small, order_id)) == 1
        assert await events(small) == ["dispute.inquiry", "dispute.opened"]
        await at_rest(small)

    async def test_a_warning_or_a_review_holds_the_goods_until_it_is_over(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.review_changes(ref, open=True)
        small.provider.fraud_is_feared(ref)
        await told(small)
        order = await small.order(order_id)
        assert order.flags == {OrderFlag.REVIEW, OrderFlag.FRAUD_WARNING}
        assert order.fulfilment_on_hold
        assert await events(small) == ["order.risk", "order.risk"]
        small.provider.review_changes(ref, open=False)
        await told(small)
        assert (await small.order(order_id)).flags == {OrderFlag.FRAUD_WARNING}

    async def test_a_warning_that_became_a_dispute_holds_nothing_once_that_is_won(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.fraud_is_feared(ref)
        await told(small)
        small.provider.disputes_open(ref)
        await told(small)
        assert (await small.order(order_id)).flags == {OrderFlag.DISPUTE}
        small.provider.dispute_ends(ref, S.WON)
        await told(small)
        order = await small.order(order_id)
        assert (order.payment_status, order.flags, order.fulfilment_on_hold) == (PaymentStatus.PAID, frozenset(), False)


class TestEvidence:
    async def test_evidence_goes_to_the_bank_and_is_noted_without_what_it_says(self, small: SmallShop) -> None:
        order_id, dispute_id = await disputed(small)
        command = SubmitDisputeEvidence(dispute_id=dispute_id, evidence=EVIDENCE)
        assert "Ada" not in repr(command)
        assert await small.shop.execute(command, actor=STAFF) == dispute_id
        view = await small.shop.ask(GetDispute(dispute_id=dispute_id), actor=STAFF)
        assert (view.status, view.answerable) == (S.UNDER_REVIEW, False)
        assert (view.evidence_by, view.evidence_at) == (STAFF.principal, small.clock.now())
        page = await small.storage.audit.log(PageRequest(limit=50), AuditFilter(subject=str(dispute_id)))
        changed = {change.field for entry in page.data for change in entry.changes}
        assert {"status", "evidence_by"} <= changed
        assert "00340434161094021501" not in repr(page.data)
        assert await small.shop.execute(command, actor=STAFF) == dispute_id  # the same, once more
        other = evolve(command, evidence={EvidenceKind.CUSTOMER_NAME: "Grace"})
        with pytest.raises(DisputeNotAnswerable):
            await small.shop.execute(other, actor=STAFF)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED

    async def test_a_draft_is_kept_by_the_provider_and_may_be_sent_later(self, small: SmallShop) -> None:
        _, dispute_id = await disputed(small)
        draft = SubmitDisputeEvidence(dispute_id=dispute_id, evidence=EVIDENCE, submit=False)
        await small.shop.execute(draft, actor=STAFF)
        view = await small.shop.ask(GetDispute(dispute_id=dispute_id), actor=STAFF)
        assert (view.status, view.evidence_by) == (S.NEEDS_RESPONSE, "")
        await small.shop.execute(evolve(draft, submit=True), actor=STAFF)
        assert (await small.shop.ask(GetDispute(dispute_id=dispute_id), actor=STAFF)).status is S.UNDER_REVIEW

    async def test_an_answer_that_got_lost_may_be_repeated(self) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"answer_dispute": [Fault.TIMEOUT_AFTER]})))
        _, dispute_id = await disputed(small)
        command = SubmitDisputeEvidence(dispute_id=dispute_id, evidence=EVIDENCE)
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(command, actor=STAFF)
        await small.shop.execute(command, actor=STAFF)
        assert (await small.shop.ask(GetDispute(dispute_id=dispute_id), actor=STAFF)).status is S.UNDER_REVIEW

    @pytest.mark.parametrize("seed", range(4))
    async def test_f27_the_same_answer_many_times_at_once_is_one(self, small: SmallShop, seed: int) -> None:
        crowd = behind(small, Jostle(seed))
        order_id, dispute_id = await disputed(small)
        command = SubmitDisputeEvidence(dispute_id=dispute_id, evidence=EVIDENCE)

        async def send() -> DisputeId | None:
            key = Idempotency(route="evidence", key="1", fingerprint=b"same")
            try:
                return await crowd.shop.execute(command, context=crowd.context(STAFF, key))
            except Conflict:
                return None

        looks = [crowd.pay(order_id, refresh=True) for _ in range(3)]
        sent = await asyncio.gather(*(send() for _ in range(5)), *looks)
        assert dispute_id in sent
        assert await send() == dispute_id
        view = await small.shop.ask(GetDispute(dispute_id=dispute_id), actor=STAFF)
        assert (view.status, view.evidence_by) == (S.UNDER_REVIEW, STAFF.principal)
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE, EntryKind.DISPUTE]

    @pytest.mark.parametrize(
        "evidence",
        [
            {},
            {EvidenceKind.CUSTOMER_NAME: " "},
            {EvidenceKind.UNCATEGORIZED_TEXT: "x" * (TEXT_LENGTH_MAX + 1)},
            {EvidenceKind.UNCATEGORIZED_TEXT: "a\x00b"},
            dict.fromkeys(list(EvidenceKind)[:8], "x" * TEXT_LENGTH_MAX),
        ],
    )
    async def test_evidence_says_something_and_not_too_much(
        self, small: SmallShop, evidence: dict[EvidenceKind, str]
    ) -> None:
        _, dispute_id = await disputed(small)
        with pytest.raises(Invalid):
            await small.shop.execute(SubmitDisputeEvidence(dispute_id=dispute_id, evidence=evidence), actor=STAFF)

    async def test_whoever_may_only_read_gives_no_evidence(self, small: SmallShop) -> None:
        _, dispute_id = await disputed(small)
        reader = Actor(kind="api_key", id=ApiKeyId(dispute_id.uuid), scopes=frozenset({"payments:read"}))
        assert (await small.shop.ask(GetDisputes(), actor=reader)).data[0].id == dispute_id
        with pytest.raises(Forbidden):
            await small.shop.execute(SubmitDisputeEvidence(dispute_id=dispute_id, evidence=EVIDENCE), actor=reader)

    async def test_disputes_are_found_by_status(self, small: SmallShop) -> None:
        _, dispute_id = await disputed(small)
        for status, found in ((S.NEEDS_RESPONSE, [dispute_id]), (S.LOST, [])):
            which = DisputeFilter(statuses=frozenset({status}))
            page = await small.shop.ask(GetDisputes(which=which), actor=STAFF)
            assert [view.id for view in page.data] == found


class TestInbox:
    async def test_a_parked_message_can_be_looked_at_again_once_its_payment_is_known(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.take_news()
        [intent] = small.books.intents.values()
        small.books.keep(evolve(intent, ref="pi_fake_foreign"), event="payment_intent.succeeded", at=1)
        await small.post_news()
        await small.settle_down(15)
        parked = InboxFilter(states=frozenset({InboxState.PARKED}))
        [message] = (await small.shop.ask(GetInbox(which=parked), actor=STAFF)).data
        assert message.object_ref == "pi_fake_foreign"
        for _ in range(2):  # nothing of ours has that name still
            await small.shop.execute(ReplayProviderNews(inbox_id=message.id), actor=STAFF)
            assert (await small.shop.ask(GetInboxItem(inbox_id=message.id), actor=STAFF)).state is InboxState.PARKED
        payment = await small.payment(order_id)
        payment.attempts = (evolve(payment.attempt, provider_ref="pi_fake_foreign"),)
        async with small.storage.uow(small.context()) as tx:
            tx.payments.save(payment)
        await small.shop.execute(ReplayProviderNews(inbox_id=message.id), actor=STAFF)
        again = await small.shop.ask(GetInboxItem(inbox_id=message.id), actor=STAFF)
        assert again.state is InboxState.APPLIED
        await small.settle_down(5)
        assert await small.open_deliveries() == 0
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE]
        assert ref != again.object_ref

    async def test_what_was_applied_can_be_replayed_and_books_nothing_twice(self, small: SmallShop) -> None:
        order_id, ref = await sold(small)
        small.provider.disputes_open(ref)
        await told(small)
        before = await small.entries(order_id)
        for view in (await small.shop.ask(GetInbox(), actor=STAFF)).data:
            await small.shop.execute(ReplayProviderNews(inbox_id=view.id), actor=STAFF)
            after = await small.shop.ask(GetInboxItem(inbox_id=view.id), actor=STAFF)
            assert after.state is InboxState.APPLIED
        assert await small.entries(order_id) == before
        await at_rest(small)

    async def test_a_replay_that_the_provider_does_not_answer_goes_on_by_itself(self) -> None:
        faults = ScriptedFaults({"fetch": [None, None, Fault.ERROR]})
        small = await open_small_shop(faulty(faults))
        await sold(small)
        await told(small)
        [*_, message] = (await small.shop.ask(GetInbox(), actor=STAFF)).data
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(ReplayProviderNews(inbox_id=message.id), actor=STAFF)
        await small.settle_down(3)
        assert (await small.shop.ask(GetInboxItem(inbox_id=message.id), actor=STAFF)).state is InboxState.APPLIED


class TestSimulating:
    @pytest.mark.parametrize(
        ("method", "what", "status"),
        [
            ("fake_card_3ds", [Simulation.SUCCEED], PaymentStatus.PAID),
            ("fake_card_3ds", [Simulation.DECLINE], PaymentStatus.FAILED),
            ("fake_debit", [Simulation.SUCCEED], PaymentStatus.PAID),
            ("fake_debit", [Simulation.DECLINE], PaymentStatus.FAILED),
            ("fake_card_declined", [Simulation.SUCCEED], PaymentStatus.PAID),
            ("fake_card_declined", [Simulation.CHALLENGE, Simulation.SUCCEED], PaymentStatus.PAID),
            ("fake_card_3ds", [Simulation.EXPIRE], PaymentStatus.VOIDED),
            ("fake_card", [Simulation.REFUND], PaymentStatus.REFUNDED),
            ("fake_card", [Simulation.REFUND, Simulation.REFUND_FAILS], PaymentStatus.PAID),
            ("fake_card", [Simulation.DISPUTE], PaymentStatus.DISPUTED),
            ("fake_card", [Simulation.DISPUTE, Simulation.WIN], PaymentStatus.PAID),
            ("fake_card", [Simulation.DISPUTE, Simulation.LOSE], PaymentStatus.DISPUTED_LOST),
            ("fake_card", [Simulation.INQUIRY, Simulation.ESCALATE], PaymentStatus.DISPUTED),
            ("fake_card", [Simulation.INQUIRY, Simulation.CLOSE_INQUIRY], PaymentStatus.PAID),
            ("fake_card", [Simulation.FRAUD_WARNING], PaymentStatus.PAID),
            ("fake_card", [Simulation.OPEN_REVIEW, Simulation.CLOSE_REVIEW], PaymentStatus.PAID),
        ],
    )
    async def test_what_is_played_happens(
        self, movable: SmallShop, method: str, what: list[Simulation], status: PaymentStatus
    ) -> None:
        small = movable
        order_id = await small.buy((await small.product(), 1), method=method)
        payment = await small.payment(order_id)
        for one in what:
            await small.shop.execute(SimulatePayment(payment_id=payment.id, what=one), actor=STAFF)
        assert (await small.order(order_id)).payment_status is status

    async def test_what_cannot_happen_is_refused(self, movable: SmallShop) -> None:
        order_id = await movable.buy((await movable.product(), 1))
        payment = await movable.payment(order_id)
        for what in (Simulation.WIN, Simulation.ESCALATE, Simulation.DECLINE, Simulation.REFUND_FAILS):
            with pytest.raises(PaymentRefused):
                await movable.shop.execute(SimulatePayment(payment_id=payment.id, what=what), actor=STAFF)
        assert (await movable.order(order_id)).status is OrderStatus.CONFIRMED

    async def test_where_the_clock_cannot_be_moved_nothing_is_played(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        payment = await small.payment(order_id)
        with pytest.raises(SimulationNotOffered):
            await small.shop.execute(SimulatePayment(payment_id=payment.id, what=Simulation.DISPUTE), actor=STAFF)


@pytest.fixture
async def movable() -> SmallShop:
    return for_trying_out(await open_small_shop())


async def disputed(small: SmallShop) -> tuple[OrderId, DisputeId]:
    order_id, ref = await sold(small)
    small.provider.disputes_open(ref)
    await told(small)
    [dispute] = await disputes_of(small, order_id)
    return order_id, dispute.id


async def refund_of(small: SmallShop, refund_id: RefundId) -> Refund:
    async with small.storage.uow(small.context()) as tx:
        return await tx.refunds.get(refund_id)


async def given_back(small: SmallShop, order_id: OrderId, **what: Any) -> None:
    payment = await small.payment(order_id)
    await small.shop.execute(RequestRefund(payment_id=payment.id, **what), actor=STAFF)
    await small.pay(order_id)
