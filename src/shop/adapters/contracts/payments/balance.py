"""What a provider promises that says what it holds for the shop. A gateway need not offer it."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.adapters.contracts.payments.subject import (
    GatewayPromises,
    GatewayUnderTest,
    alone,
    authorized,
    captured,
    new_refund,
    new_request,
)
from shop.application.ports.payments import Simulation
from shop.application.ports.records import BalanceTransaction, Payout, ProviderBalance, TransactionKind
from shop.domain.kernel.money import Money

BEGINNING, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class BalancePromises(GatewayPromises):
    """Lists of movements and payouts."""

    @alone
    async def test_a_capture_moves_money_and_costs_a_fee(self, subject: GatewayUnderTest) -> None:
        balance = _balance(subject)
        waiting = await authorized(subject, new_request(subject, 5000))
        state = await captured(subject, new_request(subject, 2000))
        moved = await _moved(balance, 100)
        assert waiting.provider_ref not in {one.intent_ref for one in moved}
        [charge] = [one for one in moved if one.intent_ref == state.provider_ref]
        assert (charge.kind, charge.amount) == (TransactionKind.CHARGE, Money(2000, "EUR"))
        assert 0 < charge.fee.minor < 2000
        assert charge.net == charge.amount - charge.fee
        assert charge.whole_fee == charge.fee
        assert await balance.find_transaction(charge.ref) == charge
        assert await balance.find_transaction("txn_unknown") is None

    @alone
    async def test_a_refund_moves_money_back(self, subject: GatewayUnderTest) -> None:
        balance = _balance(subject)
        state = await captured(subject, new_request(subject, 2000))
        refund = await subject.gateway.refund(new_refund(state.provider_ref, 700))
        [back] = [one for one in await _moved(balance, 100) if one.kind is TransactionKind.REFUND]
        assert (back.amount, back.source_ref, back.intent_ref) == (
            Money(-700, "EUR"),
            refund.provider_ref,
            state.provider_ref,
        )

    @alone
    async def test_a_part_that_is_captured_costs_its_part(self, subject: GatewayUnderTest) -> None:
        balance = _balance(subject)
        whole = await captured(subject, new_request(subject, 1000))
        request = new_request(subject, 5000)
        held = await authorized(subject, request)
        part = await subject.gateway.capture(held.provider_ref, request.attempt_id, Money(1000, "EUR"))
        assert part.captured == Money(1000, "EUR")
        moved = await _moved(balance, 100)
        assert len(moved) == 2  # letting go of the rest moved nothing
        [ours] = [one for one in moved if one.intent_ref == part.provider_ref]
        [other] = [one for one in moved if one.intent_ref == whole.provider_ref]
        assert (ours.kind, ours.amount, ours.fee) == (TransactionKind.CHARGE, other.amount, other.fee)

    @alone
    async def test_f60_what_a_dispute_moves_has_the_name_that_the_dispute_knows(
        self, subject: GatewayUnderTest
    ) -> None:
        balance = _balance(subject)
        lost, won, inquiry = [
            (await captured(subject, new_request(subject, minor))).provider_ref for minor in (2000, 3000, 4000)
        ]
        for ref, acts in (
            (lost, (Simulation.DISPUTE, Simulation.LOSE)),
            (won, (Simulation.INQUIRY, Simulation.ESCALATE, Simulation.WIN)),
            (inquiry, (Simulation.INQUIRY, Simulation.CLOSE_INQUIRY)),
        ):
            for act in acts:
                await subject.bank(ref, act)
        moved = [one for one in await _moved(balance, 100) if one.kind is TransactionKind.DISPUTE]
        assert {(one.intent_ref, one.amount.minor, one.fee.minor > 0) for one in moved} == {
            (lost, -2000, True),
            (won, -3000, True),
            (won, 3000, False),
        }
        said = [d for ref in (lost, won, inquiry) for d in await subject.gateway.disputes(ref)]
        assert {move.provider_ref: (move.taken + move.fee).minor for dispute in said for move in dispute.moves} == {
            one.ref: -one.net.minor for one in moved
        }
        assert {one.source_ref for one in moved} == {d.provider_ref for d in said if d.moves}

    @alone
    async def test_every_movement_is_listed_once_and_never_changes(self, subject: GatewayUnderTest) -> None:
        balance = _balance(subject)
        for minor in (1000, 1001, 1002, 1003):
            await captured(subject, new_request(subject, minor))
        first = await _moved(balance, 100)
        assert len({one.ref for one in first}) == len(first) >= 4
        for limit in (1, 3, 4):
            assert sorted(await _moved(balance, limit), key=lambda one: one.ref) == sorted(first, key=lambda o: o.ref)
        at = first[0].created_at
        assert first[0] in (await balance.list_transactions(at, at + timedelta(seconds=1))).data
        assert first[0] not in (await balance.list_transactions(BEGINNING, at)).data

    @alone
    async def test_what_is_paid_out_is_explained_by_what_moved(self, subject: GatewayUnderTest) -> None:
        balance = _balance(subject)
        if subject.pay_out is None:
            pytest.skip("nothing is known of how this provider pays out")
        refs = [(await captured(subject, new_request(subject, minor))).provider_ref for minor in (1000, 2000, 3000)]
        await subject.gateway.refund(new_refund(refs[0], 400))
        await subject.pay_out()
        [payout] = await _payouts(balance, 1)
        for limit in (1, 2, 100):
            contents = await _paid_out(balance, payout, limit)
            assert len(contents) == 4
            assert {one.intent_ref for one in contents} == set(refs)
            assert payout.amount.minor == sum(one.net.minor for one in contents) > 0
        left = await balance.find_transaction(payout.transaction_ref)
        assert left is not None
        assert (left.kind, left.amount, left.source_ref) == (TransactionKind.PAYOUT, -payout.amount, payout.ref)
        assert payout.arrives_at >= payout.created_at


def _balance(subject: GatewayUnderTest) -> ProviderBalance:
    if not isinstance(subject.gateway, ProviderBalance):
        pytest.skip("this gateway does not say what it holds")
    return subject.gateway


async def _moved(balance: ProviderBalance, limit: int) -> list[BalanceTransaction]:
    found: list[BalanceTransaction] = []
    after = ""
    while True:
        page = await balance.list_transactions(BEGINNING, END, after=after, limit=limit)
        assert len(page.data) <= limit
        found += page.data
        if not (after := page.next):
            return found


async def _payouts(balance: ProviderBalance, limit: int) -> list[Payout]:
    found: list[Payout] = []
    after = ""
    while True:
        page = await balance.list_payouts(BEGINNING, END, after=after, limit=limit)
        found += page.data
        if not (after := page.next):
            return found


async def _paid_out(balance: ProviderBalance, payout: Payout, limit: int) -> list[BalanceTransaction]:
    found: list[BalanceTransaction] = []
    after = ""
    while True:
        page = await balance.list_paid_out(payout.ref, after=after, limit=limit)
        found += page.data
        if not (after := page.next):
            return found
