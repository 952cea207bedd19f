"""What Stripe says of disputes in the shop's words, and what it is asked when evidence is given."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from stripe import Dispute

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.disputes import dispute_states_of
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.ports.payments import DisputeAnswer, EvidenceKind, IntentRequest, PaymentProviderUnavailable
from shop.domain.kernel.identifiers import AttemptId, DisputeId, OrderId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeState, DisputeStatus
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub

# Written by hand after `stripe.Dispute` and `stripe.BalanceTransaction`; not recorded from an account.
WITHDRAWN: dict[str, Any] = {
    "id": "txn_1",
    "object": "balance_transaction",
    "amount": -1999,
    "currency": "eur",
    "exchange_rate": None,
    "fee": 1500,
    "fee_details": [{"amount": 1500, "currency": "eur", "description": "Dispute fee", "type": "stripe_fee"}],
    "net": -3499,
    "reporting_category": "dispute",
    "type": "adjustment",
}
DISPUTE: dict[str, Any] = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 1999,
    "balance_transactions": [WITHDRAWN],
    "charge": "ch_1",
    "created": 1_770_000_000,
    "currency": "eur",
    "evidence": {},
    "evidence_details": {"due_by": 1_770_600_000, "has_evidence": False, "past_due": False, "submission_count": 0},
    "is_charge_refundable": False,
    "livemode": False,
    "payment_intent": "pi_1",
    "reason": "product_not_received",
    "status": "needs_response",
}


def said(**changes: Any) -> DisputeState:
    described = Dispute.construct_from({**DISPUTE, **changes}, "sk_test_1")
    [state] = dispute_states_of([described])
    return state


def test_a_chargeback_as_stripe_describes_it() -> None:
    state = said()
    assert (state.provider_ref, state.status, state.reason) == (
        "dp_1",
        DisputeStatus.NEEDS_RESPONSE,
        "product_not_received",
    )
    assert state.amount == Money(1999, "EUR")
    assert state.opened_at == datetime.fromtimestamp(1_770_000_000, UTC)
    assert state.due_at == datetime.fromtimestamp(1_770_600_000, UTC)
    [move] = state.moves
    assert (move.provider_ref, move.taken, move.fee) == ("txn_1", Money(1999, "EUR"), Money(1500, "EUR"))


def test_a_bank_that_takes_no_answer_sets_no_date() -> None:
    for due in (0, None):
        details = {**DISPUTE["evidence_details"], "due_by": due}
        assert said(evidence_details=details).due_at is None


def test_money_that_comes_back_may_bring_the_fee_along() -> None:
    back = {**WITHDRAWN, "id": "txn_2", "amount": 1999, "fee": -1500, "net": 3499}
    state = said(status="won", balance_transactions=[WITHDRAWN, back])
    assert [move.taken.minor for move in state.moves] == [1999, -1999]
    assert [move.fee.minor for move in state.moves] == [1500, -1500]


@pytest.mark.parametrize(
    ("amount", "rate", "taken"),
    [
        (-2499, 1.25, 1999),  # 2498.75 and rounded: all of it
        (-2520, 1.25, 1999),  # the rate has moved a little since
        (2499, 1.25, -1999),
        (1249, 1.25, -999),  # a part comes back
        (-2499, None, 1999),
    ],
)
def test_what_moved_in_another_currency_is_told_in_the_buyers(amount: int, rate: float | None, taken: int) -> None:
    move = {**WITHDRAWN, "amount": amount, "currency": "usd", "exchange_rate": rate}
    [told] = said(balance_transactions=[move]).moves
    assert (told.taken, told.fee) == (Money(taken, "EUR"), Money(1500, "USD"))


@pytest.mark.parametrize(
    ("currency", "minor", "at_stripe", "settled", "rate"),
    [
        ("ISK", 1_000, 100_000, -690, 0.0069),
        ("ISK", 500, 100_000, -345, 0.0069),  # a part
        ("UGX", 40_000, 4_000_000, -1_000, 0.00025),
        ("MGA", 500_000, 5_000, -100, 0.02),
        ("MGA", 250_000, 5_000, -50, 0.02),
    ],
)
def test_currencies_of_which_stripe_counts_other_units(
    currency: str, minor: int, at_stripe: int, settled: int, rate: float
) -> None:
    move = {**WITHDRAWN, "amount": settled, "currency": "eur", "exchange_rate": rate}
    [told] = said(amount=at_stripe, currency=currency.lower(), balance_transactions=[move]).moves
    assert told.taken == Money(minor, currency)


@pytest.mark.parametrize(
    ("status", "moves", "means"),
    [
        *((status.value, [WITHDRAWN], status) for status in DisputeStatus),
        ("appeal_needs_response", [WITHDRAWN], DisputeStatus.LOST),
        ("appeal_under_review", [WITHDRAWN], DisputeStatus.LOST),
        ("on_the_moon", [WITHDRAWN], DisputeStatus.UNDER_REVIEW),
        ("on_the_moon", [], DisputeStatus.WARNING_UNDER_REVIEW),
    ],
)
def test_each_status_means_something(status: str, moves: list[Any], means: DisputeStatus) -> None:
    assert said(status=status, balance_transactions=moves).status is means


@pytest.mark.parametrize(
    "strange",
    [
        {"amount": -1},
        {"amount": 19.99},
        {"currency": "zzz"},
        {"balance_transactions": None},
        {"balance_transactions": ["txn_1"]},
        {"evidence_details": None},
        {"created": "yesterday"},
        {"status": ["won"]},
    ],
)
def test_s65_descriptions_that_make_no_sense_are_no_answers(strange: dict[str, Any]) -> None:
    with pytest.raises(PaymentProviderUnavailable, match="sense"):
        said(**strange)


def test_disputes_come_the_oldest_first() -> None:
    newer = Dispute.construct_from({**DISPUTE, "id": "dp_2", "created": 1_770_000_001}, "sk_test_1")
    older = Dispute.construct_from(DISPUTE, "sk_test_1")
    assert [state.provider_ref for state in dispute_states_of([newer, older])] == ["dp_1", "dp_2"]


@pytest.fixture
async def stub() -> AsyncIterator[StripeStub]:
    async with StripeStub() as stub:
        yield stub


@pytest.fixture
async def gateway(stub: StripeStub) -> AsyncIterator[StripePaymentGateway]:
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    gateway = StripePaymentGateway(account, MovableClock())
    yield gateway
    await gateway.close()


async def taken(stub: StripeStub, gateway: StripePaymentGateway) -> str:
    attempt = AttemptId(uuid4())
    asked = IntentRequest(
        attempt_id=attempt, order_id=OrderId(uuid4()), amount=Money(2000, "EUR"), method="stripe_card"
    )
    state = await gateway.create_intent(asked)
    stub.browser_confirms(state.client_secret, "pm_card_visa")
    return (await gateway.capture(state.provider_ref, attempt)).provider_ref


async def test_evidence_goes_under_stripes_names_with_a_key(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    ref = await taken(stub, gateway)
    stub.bank(ref, "dispute")
    [dispute] = await gateway.disputes(ref)
    evidence = {kind: f"text of {kind}" for kind in EvidenceKind}
    answer = DisputeAnswer(
        key="key 1", dispute_id=DisputeId(uuid4()), provider_ref=dispute.provider_ref, evidence=evidence
    )
    assert (await gateway.answer_dispute(answer)).status is DisputeStatus.UNDER_REVIEW
    asked = stub.seen[-1]
    assert (asked.method, asked.path) == ("POST", f"/v1/disputes/{dispute.provider_ref}")
    assert asked.headers["idempotency-key"] == "key 1"
    assert asked.params == {
        **{f"evidence[{kind}]": f"text of {kind}" for kind in EvidenceKind},
        "submit": "true",
    }


async def test_the_books_of_an_account_in_another_currency_follow_the_buyers(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    stub.quarrels.settled_in = "usd"
    ref = await taken(stub, gateway)
    stub.bank(ref, "dispute")
    stub.bank(ref, "win")
    [dispute] = await gateway.disputes(ref)
    assert dispute.status is DisputeStatus.WON
    assert [move.taken for move in dispute.moves] == [Money(2000, "EUR"), Money(-2000, "EUR")]
    assert [move.fee for move in dispute.moves] == [Money(1500, "USD"), Money(0, "USD")]


async def test_an_intent_is_asked_for_its_disputes_once_its_charge_has_some(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    ref = await taken(stub, gateway)
    assert not (await gateway.fetch(ref)).disputed
    stub.bank(ref, "inquiry")
    assert (await gateway.fetch(ref)).disputed
