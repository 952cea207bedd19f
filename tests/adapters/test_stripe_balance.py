"""What Stripe says it holds and pays out, in the shop's words."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import frozen

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.ports.payments import PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.records import BalanceTransaction, PayoutStatus, TransactionKind
from shop.domain.kernel.money import Money
from tests.shops import eur
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub

BEGINNING, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@frozen
class Subject:
    stub: StripeStub
    gateway: StripePaymentGateway

    async def listed(self) -> list[BalanceTransaction]:
        return (await self.gateway.list_transactions(BEGINNING, END)).data


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    async with StripeStub() as stub:
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway = StripePaymentGateway(account, MovableClock())
        yield Subject(stub, gateway)
        await gateway.close()


def thing(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{kind}_1", "object": kind, "currency": "eur", "payment_intent": "pi_1", **more}


@pytest.mark.parametrize(
    ("type", "category", "source", "kind"),
    [
        ("charge", "charge", "charge", TransactionKind.CHARGE),
        ("payment", "charge", "charge", TransactionKind.CHARGE),
        ("refund", "refund", "refund", TransactionKind.REFUND),
        ("payment_refund", "refund", "refund", TransactionKind.REFUND),
        ("refund_failure", "refund_failure", "refund", TransactionKind.REFUND_REVERSAL),
        ("payment_failure_refund", "refund_failure", "refund", TransactionKind.REFUND_REVERSAL),
        ("adjustment", "dispute", "dispute", TransactionKind.DISPUTE),
        ("adjustment", "dispute_reversal", "dispute", TransactionKind.DISPUTE),
        ("adjustment", "other_adjustment", "", TransactionKind.OTHER),
        ("stripe_fee", "fee", "", TransactionKind.FEE),
        ("payout", "payout", "payout", TransactionKind.PAYOUT),
        ("payout_failure", "payout_reversal", "payout", TransactionKind.PAYOUT_REVERSAL),
        ("payout_cancel", "payout_reversal", "payout", TransactionKind.PAYOUT_REVERSAL),
        ("never_heard_of", "never_heard_of", "", TransactionKind.OTHER),
    ],
)
async def test_each_movement_has_its_meaning(
    subject: Subject, type: str, category: str, source: str, kind: TransactionKind
) -> None:
    subject.stub.balance.moved(type, -500, 15, category=category, source=thing(source) if source else None)
    [moved] = await subject.listed()
    assert (moved.kind, moved.amount, moved.fee, moved.net) == (kind, eur(-500), eur(15), eur(-515))
    assert (moved.source_ref, moved.intent_ref) == ((f"{source}_1", "pi_1") if source else ("", ""))
    assert await subject.gateway.find_transaction(moved.ref) == moved


async def test_a_fee_for_the_account_is_all_fee(subject: Subject) -> None:
    subject.stub.balance.moved("stripe_fee", -900, category="fee")
    [moved] = await subject.listed()
    assert moved.whole_fee == eur(900)


async def test_amounts_are_of_the_account_s_currency(subject: Subject) -> None:
    subject.stub.balance.moved("charge", 1000, 40, source=thing("ch", currency="jpy"))
    subject.stub.balance.moved("charge", 500, 100, source=thing("ch", currency="isk"))
    assert {(one.amount, one.fee) for one in await subject.listed()} == {
        (Money(1000, "JPY"), Money(40, "JPY")),
        (Money(5, "ISK"), Money(1, "ISK")),
    }


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ("pending", PayoutStatus.PENDING),
        ("in_transit", PayoutStatus.IN_TRANSIT),
        ("paid", PayoutStatus.PAID),
        ("failed", PayoutStatus.FAILED),
        ("canceled", PayoutStatus.CANCELLED),
        ("never_heard_of", PayoutStatus.PENDING),
    ],
)
async def test_each_status_of_a_payout(subject: Subject, status: str, known: PayoutStatus) -> None:
    subject.stub.balance.moved("charge", 1000, 40, source=thing("ch"))
    subject.stub.balance.pay_out(status)
    [payout] = (await subject.gateway.list_payouts(BEGINNING, END)).data
    assert (payout.status, payout.amount) == (known, eur(960))
    contents = (await subject.gateway.list_paid_out(payout.ref)).data
    assert [one.net for one in contents] == [eur(960)], "without the movement by which it left"


@pytest.mark.parametrize("spoilt", [{"amount": "much"}, {"currency": "xxq"}, {"created": None}])
async def test_what_makes_no_sense_is_no_answer(subject: Subject, spoilt: dict[str, Any]) -> None:
    subject.stub.balance.moved("charge", 1000, 40, source=thing("ch"))
    subject.stub.balance.transactions[0].update(spoilt)
    with pytest.raises(PaymentProviderUnavailable, match="no sense"):
        await subject.gateway.list_transactions(BEGINNING, END) if "created" not in spoilt else (
            await subject.gateway.find_transaction("txn_1stub")
        )


async def test_a_payout_that_makes_no_sense_is_no_answer(subject: Subject) -> None:
    subject.stub.balance.moved("charge", 1000, 40, source=thing("ch"))
    subject.stub.balance.pay_out()["currency"] = "xxq"
    with pytest.raises(PaymentProviderUnavailable, match="no sense"):
        await subject.gateway.list_payouts(BEGINNING, END)


async def test_a_key_that_may_not_read_the_balance(subject: Subject) -> None:
    subject.stub.faults.append("403")
    with pytest.raises(PaymentProviderUnavailable):
        await subject.listed()
    subject.stub.faults.append("400")
    with pytest.raises(PaymentRefused):
        await subject.gateway.list_paid_out("po_by_hand")
