"""Every message of Stripe that the shop follows, by its type: posted, kept, looked at, and what comes of it.

The shapes were written by hand after the types of the Stripe library. What a message says is not what counts: each row
says what happened at Stripe, and the message only brings the shop to ask.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from attrs import field, frozen

from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.news import LISTED
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.commands.payments import ReceiveProviderNews
from shop.application.ports.readers import InboxFilter
from shop.application.queries.disputes import GetInbox
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderFlag, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, InboxState, RefundStatus
from tests.adapters.test_stripe_news import event
from tests.shops import STAFF, SmallShop, open_small_shop
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub, sign

P, A, F = PaymentStatus, AttemptStatus, OrderFlag
TOTAL = 1999 + 490
Happened = Callable[[StripeStub, str], object]
TABLES_MAX = 20
"""Of how many types Stripe lists events at once."""


def nothing(stub: StripeStub, ref: str) -> None:
    """Something of which the shop makes nothing."""


def confirmed(method: str) -> Happened:
    return lambda stub, ref: stub.browser_confirms(stub.intent(ref)["client_secret"], method)


def captured(stub: StripeStub, ref: str) -> None:
    confirmed("pm_card_visa")(stub, ref)
    stub._capture(stub.intent(ref))


def partly_funded(stub: StripeStub, ref: str) -> None:
    instructions = {"amount_remaining": 489, "currency": "eur", "type": "eu_bank_transfer"}
    action = {"type": "display_bank_transfer_instructions", "display_bank_transfer_instructions": instructions}
    stub.intent(ref).update(status="requires_action", next_action=action)


def lapsed(stub: StripeStub, ref: str) -> None:
    confirmed("pm_card_visa")(stub, ref)
    stub.charge(ref).update(status="failed", captured=False)
    stub.intent(ref).update(status="canceled", amount_capturable=0)


def cancelled(stub: StripeStub, ref: str) -> None:
    stub.intent(ref)["status"] = "canceled"


def refunded(*ends: str) -> Happened:
    """500 go back from Stripe's dashboard: it begins, and comes to these ends one after the other."""

    def happened(stub: StripeStub, ref: str) -> None:
        captured(stub, ref)
        stub.refund_status = ends[0]
        refund = stub._refund({"payment_intent": ref, "amount": "500"})["id"]
        for end in ends[1:]:
            stub.refund_becomes(refund, end, "declined" if end == "failed" else None)

    return happened


def banks(*acts: str) -> Happened:
    def happened(stub: StripeStub, ref: str) -> None:
        captured(stub, ref)
        for act in acts:
            stub.bank(ref, act)

    return happened


@frozen
class Row:
    """A type, what the message is about, what happened at Stripe, and how the shop stands then."""

    type: str
    about: str
    happened: Happened
    payment: PaymentStatus
    attempt: AttemptStatus = A.CAPTURED
    order: OrderStatus = OrderStatus.CONFIRMED
    flags: frozenset[OrderFlag] = frozenset()
    refund: RefundStatus | None = None
    state: InboxState = InboxState.APPLIED
    note: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"{self.type} {self.note}".strip()


OPEN = (A.REQUIRES_ACTION, OrderStatus.PENDING)
ROWS = [
    Row("payment_intent.created", "intent", nothing, P.PENDING, *OPEN),
    Row("payment_intent.requires_action", "intent", confirmed("pm_card_authenticationRequired"), P.PENDING, *OPEN),
    Row("payment_intent.processing", "intent", confirmed("pm_Slow"), P.PENDING, A.PROCESSING, OrderStatus.PENDING),
    Row("payment_intent.partially_funded", "intent", partly_funded, P.PENDING, A.PROCESSING, OrderStatus.PENDING),
    Row("payment_intent.amount_capturable_updated", "intent", confirmed("pm_card_visa"), P.PAID),
    Row("payment_intent.succeeded", "intent", captured, P.PAID),
    Row(
        "payment_intent.payment_failed",
        "intent",
        confirmed("pm_card_visa_chargeDeclined"),
        P.FAILED,
        A.FAILED,
        OrderStatus.PENDING,
    ),
    Row("payment_intent.canceled", "intent", cancelled, P.VOIDED, A.CANCELLED, OrderStatus.CANCELLED),
    Row("charge.succeeded", "charge", captured, P.PAID),
    Row("charge.captured", "charge", captured, P.PAID),
    Row("charge.updated", "charge", captured, P.PAID),
    Row("charge.pending", "charge", confirmed("pm_Slow"), P.PENDING, A.PROCESSING, OrderStatus.PENDING),
    Row(
        "charge.failed",
        "charge",
        confirmed("pm_card_visa_chargeDeclined"),
        P.FAILED,
        A.FAILED,
        OrderStatus.PENDING,
    ),
    Row("charge.expired", "charge", lapsed, P.VOIDED, A.CANCELLED, OrderStatus.CANCELLED),
    Row("charge.refunded", "charge", refunded("succeeded"), P.PARTIALLY_REFUNDED, refund=RefundStatus.SUCCEEDED),
    Row("refund.created", "refund", refunded("pending"), P.PAID, refund=RefundStatus.PENDING),
    Row(
        "refund.updated",
        "refund",
        refunded("pending", "succeeded"),
        P.PARTIALLY_REFUNDED,
        refund=RefundStatus.SUCCEEDED,
    ),
    Row(
        "refund.updated",
        "refund",
        refunded("pending", "requires_action"),
        P.PAID,
        refund=RefundStatus.REQUIRES_ACTION,
        note="(requires_action)",
    ),
    Row("refund.failed", "refund", refunded("pending", "failed"), P.PAID, refund=RefundStatus.FAILED),
    Row("charge.refund.updated", "refund", refunded("pending", "canceled"), P.PAID, refund=RefundStatus.CANCELLED),
    Row("charge.dispute.created", "dispute", banks("inquiry"), P.PAID, flags=frozenset({F.INQUIRY}), note="(warning)"),
    Row("charge.dispute.created", "dispute", banks("dispute"), P.DISPUTED, flags=frozenset({F.DISPUTE})),
    Row("charge.dispute.funds_withdrawn", "dispute", banks("dispute"), P.DISPUTED, flags=frozenset({F.DISPUTE})),
    Row("charge.dispute.updated", "dispute", banks("dispute"), P.DISPUTED, flags=frozenset({F.DISPUTE})),
    Row("charge.dispute.funds_reinstated", "dispute", banks("dispute", "win"), P.PAID),
    Row("charge.dispute.closed", "dispute", banks("dispute", "win"), P.PAID, note="(won)"),
    Row("charge.dispute.closed", "dispute", banks("inquiry", "close_inquiry"), P.PAID, note="(warning_closed)"),
    Row(
        "charge.dispute.closed",
        "dispute",
        banks("dispute", "lose"),
        P.DISPUTED_LOST,
        flags=frozenset({F.DISPUTE}),
        note="(lost)",
    ),
    Row(
        "radar.early_fraud_warning.created",
        "warning",
        banks("fraud_warning"),
        P.PAID,
        flags=frozenset({F.FRAUD_WARNING}),
    ),
    Row(
        "radar.early_fraud_warning.updated",
        "warning",
        banks("fraud_warning", "dispute"),
        P.DISPUTED,
        flags=frozenset({F.DISPUTE}),
    ),
    Row("review.opened", "review", banks("open_review"), P.PAID, flags=frozenset({F.REVIEW})),
    Row("review.closed", "review", banks("open_review", "close_review"), P.PAID),
    Row("checkout.session.completed", "session", captured, P.PAID, note="(paid)"),
    Row(
        "checkout.session.completed",
        "session",
        confirmed("pm_Slow"),
        P.PENDING,
        A.PROCESSING,
        OrderStatus.PENDING,
        note="(unpaid)",
    ),
    Row("checkout.session.async_payment_succeeded", "session", captured, P.PAID),
    Row(
        "checkout.session.async_payment_failed",
        "session",
        confirmed("pm_card_visa_chargeDeclined"),
        P.FAILED,
        A.FAILED,
        OrderStatus.PENDING,
    ),
    Row("checkout.session.expired", "session", cancelled, P.VOIDED, A.CANCELLED, OrderStatus.CANCELLED),
    Row("payment_intent.of_next_year", "intent", captured, P.PAID, note="(a type nobody knows yet)"),
    *(
        Row(type, "intent", captured, P.PENDING, *OPEN, state=InboxState.IGNORED)
        for type in ("customer.created", "capability.updated", "mandate.updated", "something.else")
    ),
]


def shape(about: str, stub: StripeStub, ref: str) -> dict[str, Any]:
    """The object of a message as Stripe sends it: short, for only the intent's name counts."""
    common = {"id": f"{about}_1", "payment_intent": ref}
    return {
        "intent": dict(stub.intent(ref)),
        "charge": {**common, "object": "charge", "amount": TOTAL, "currency": "eur", "status": "succeeded"},
        "refund": {**common, "object": "refund", "amount": 500, "currency": "eur", "charge": "ch_1"},
        "dispute": {**common, "object": "dispute", "amount": TOTAL, "status": "needs_response", "charge": "ch_1"},
        "warning": {**common, "object": "radar.early_fraud_warning", "actionable": True, "charge": "ch_1"},
        "review": {**common, "object": "review", "open": True, "reason": "rule", "charge": "ch_1"},
        "session": {**common, "object": "checkout.session", "mode": "payment", "payment_status": "paid"},
    }[about]


class Stripe:
    """A shop that takes money through the Stripe of the tests, and the posting of its messages."""

    def __init__(self, small: SmallShop, stub: StripeStub) -> None:
        self.small, self.stub = small, stub
        self._numbers: Iterator[int] = count(1)

    async def bought(self) -> tuple[OrderId, str]:
        order_id = await self.small.buy((await self.small.product(), 1), method="stripe_card")
        return order_id, (await self.small.payment(order_id)).attempt.provider_ref

    async def tell(self, type: str, thing: dict[str, Any], *, times: int = 2) -> None:
        """Posted as Stripe does, twice: raises where the answer would not be 2xx."""
        body = json.dumps({**event(thing, type), "id": f"evt_{next(self._numbers)}"}).encode()
        for _ in range(times):
            headers = {"stripe-signature": sign(body, WEBHOOK_SECRET, self.small.clock.now())}
            await self.small.shop.execute(ReceiveProviderNews(provider="stripe", body=body, headers=headers))
        await self.small.deliver()

    async def states(self) -> list[InboxState]:
        page = await self.small.shop.ask(GetInbox(which=InboxFilter()), actor=STAFF)
        return [view.state for view in page.data]


@asynccontextmanager
async def opened() -> AsyncIterator[Stripe]:
    async with StripeStub() as stub:
        small = await open_small_shop()
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway = StripePaymentGateway(account, small.clock)
        try:
            yield Stripe(small.with_ports(gateway=gateway), stub)
        finally:
            await gateway.close()


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_each_message_leads_to_what_happened_at_stripe(row: Row) -> None:
    async with opened() as stripe:
        order_id, ref = await stripe.bought()
        row.happened(stripe.stub, ref)
        await stripe.tell(row.type, shape(row.about, stripe.stub, ref))
        order, payment = await stripe.small.order(order_id), await stripe.small.payment(order_id)
        assert (order.payment_status, payment.status, order.status) == (row.payment, row.attempt, row.order)
        assert order.flags == row.flags
        assert await stripe.states() == [row.state]
        async with stripe.small.storage.uow(stripe.small.context()) as tx:
            refunds = await tx.refunds.of_payment(payment.id)
        assert [refund.status for refund in refunds] == ([row.refund] if row.refund else [])


async def test_f32_f35_a_message_about_nothing_of_ours_is_kept_tried_again_and_parked() -> None:
    async with opened() as stripe:
        _, ref = await stripe.bought()
        foreign = {**stripe.stub.intent(ref), "id": "pi_of_another_shop"}
        await stripe.tell("payment_intent.succeeded", foreign)
        assert await stripe.states() == [InboxState.NEW]
        tries = 0
        for _ in range(15):
            stripe.small.clock.forward(timedelta(minutes=1))
            tries += len(await stripe.small.deliver())
        assert tries > 3
        assert await stripe.states() == [InboxState.PARKED]
        assert await stripe.small.open_deliveries() == 0


async def test_a_part_of_a_bank_transfer_is_no_money_of_ours_until_all_is_there() -> None:
    async with opened() as stripe:
        order_id, ref = await stripe.bought()
        partly_funded(stripe.stub, ref)
        await stripe.tell("payment_intent.partially_funded", dict(stripe.stub.intent(ref)))
        assert await stripe.small.entries(order_id) == []
        stripe.stub.intent(ref).update(status="requires_payment_method", next_action=None)
        captured(stripe.stub, ref)
        await stripe.tell("payment_intent.succeeded", dict(stripe.stub.intent(ref)))
        assert (await stripe.small.order(order_id)).payment_status is P.PAID


def test_what_is_looked_for_at_stripe_is_what_the_table_holds() -> None:
    assert len(LISTED) == len(set(LISTED)) <= TABLES_MAX
    assert set(LISTED) <= {row.type for row in ROWS}
