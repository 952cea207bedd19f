"""Payments as their buyers see them: their own, with what was agreed to go back."""

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.domain.kernel.identifiers import PaymentId, UserId
from shop.domain.orders import Order
from shop.domain.payments import Payment, PaymentNotFound, RefundStatus


async def _paid(bench: Bench, owner_id: UserId | None, seconds: float = 0) -> tuple[Order, Payment]:
    order = await bench.placed(owner_id=owner_id, at=bench.later(seconds))
    payment = bench.samples.payment(order)
    await bench.save(payment)
    return order, payment


class OwnPaymentPromises(StoragePromises):
    """What `PaymentReader` promises to buyers."""

    @alone
    async def test_buyers_see_their_own_payments_the_latest_order_first(self, bench: Bench) -> None:
        ada, bob = bench.samples.new(UserId), bench.samples.new(UserId)
        mine = [await _paid(bench, ada, seconds) for seconds in (2, 1, 3)]
        await _paid(bench, bob)
        await _paid(bench, None)
        read = bench.readers.payments.of_owner
        page = await read(ada, PageRequest(limit=2, total=True))
        assert [view.id for view in page.data] == [mine[2][1].id, mine[0][1].id]
        assert (page.total, page.previous) == (3, None)
        rest = await read(ada, PageRequest(limit=2, after=page.next))
        assert ([view.id for view in rest.data], rest.next) == ([mine[1][1].id], None)
        back = await read(ada, PageRequest(limit=2, before=rest.previous))
        assert back.data == page.data
        assert (await read(bench.samples.new(UserId), PageRequest(total=True))).total == 0

    @alone
    async def test_orders_of_one_moment_are_not_lost_between_pages(self, bench: Bench) -> None:
        ada = bench.samples.new(UserId)
        mine = [(await _paid(bench, ada))[1].id for _ in range(5)]
        found, cursor = [], None
        while True:
            page = await bench.readers.payments.of_owner(ada, PageRequest(limit=2, after=cursor))
            found += [view.id for view in page.data]
            cursor = page.next
            if cursor is None:
                break
        assert sorted(found) == sorted(mine)

    @alone
    async def test_a_buyer_sees_what_was_agreed_to_go_back_and_no_more(self, bench: Bench) -> None:
        ada = bench.samples.new(UserId)
        order, payment = await _paid(bench, ada)
        wanted = bench.samples.refund(payment, needs_approval=True, amount=eur(1))
        refused = bench.samples.refund(payment, needs_approval=True, amount=eur(2))
        refused.refuse("user_9", bench.now)
        late = bench.samples.refund(payment, amount=eur(3), note="between us", at=bench.later(9))
        early = bench.samples.refund(payment, amount=eur(4), at=bench.later(3))
        await bench.save(wanted, refused, late, early)
        found = await bench.readers.payments.for_buyer(payment.id)
        assert (found.owner_id, found.view.order_id) == (ada, order.id)
        assert found.view.order_number == str(order.number)
        assert [(one.amount, one.status) for one in found.view.refunds] == [
            (eur(4), RefundStatus.REQUESTED),
            (eur(3), RefundStatus.REQUESTED),
        ]
        assert (await bench.readers.payments.of_owner(ada, PageRequest())).data == [found.view]
        assert "between us" not in repr(found.view)

    @alone
    async def test_a_payment_of_a_guest_is_nobodys(self, bench: Bench) -> None:
        _, payment = await _paid(bench, None)
        assert (await bench.readers.payments.for_buyer(payment.id)).owner_id is None
        with pytest.raises(PaymentNotFound):
            await bench.readers.payments.for_buyer(bench.samples.new(PaymentId))
