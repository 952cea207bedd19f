"""Several means of payment where the provider's part is taken later, in part, never, or disputed by the bank."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.application.commands.orders import CancelAnyOrder
from shop.domain.kernel.identifiers import OrderId
from shop.domain.ledger import DISPUTE_LOSSES, EntryKind
from shop.domain.orders import FulfilmentStatus, OrderNotCancellable, OrderStatus, PaymentStatus
from shop.domain.payments import DisputeStatus, RefundExceedsCaptured
from tests.application.providers import CALLED_OFF, PAID, at_rest, states, sweep_for
from tests.application.test_captures import AUTHORIZED, WEEK, capture, manual, void
from tests.application.test_disputes import told
from tests.application.test_tenders import PRICE, asked, books, given_back, sold, with_tenders
from tests.shops import SmallShop, eur, open_small_shop
from tests.tender_sources import Balance, credit, gift_card

CREDIT = 1000
DUE = PRICE - CREDIT


@pytest.fixture
def balance() -> Balance:
    return credit(CREDIT)


@pytest.fixture
async def careful(small: SmallShop, balance: Balance) -> SmallShop:
    """A shop that takes money only when somebody says so, and whose customers have credit."""
    return with_tenders(await manual(small), balance)


class TestCapturing:
    async def test_credit_waits_with_what_is_authorised_and_is_taken_with_it(
        self, careful: SmallShop, balance: Balance
    ) -> None:
        order_id = await sold(careful)
        await sweep_for(careful, timedelta(days=2))
        assert await states(careful, order_id) == AUTHORIZED
        assert (balance.free, balance.steps, await books(careful, order_id)) == (eur(0), [], {})
        await capture(careful, order_id)
        await careful.pay(order_id)
        assert await states(careful, order_id) == PAID
        assert (await careful.payment(order_id)).captured == eur(DUE)
        assert balance.steps == ["taken 1000"]
        said = await books(careful, order_id)
        assert (said["clearing:fake"], said["store_credit"], sum(said.values())) == (DUE, CREDIT, 0)
        assert await given_back(careful, order_id) == [DUE, CREDIT]
        assert (await careful.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(careful)

    async def test_of_a_part_the_credit_pays_all_of_its_own(self, careful: SmallShop, balance: Balance) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id, eur(500))
        await careful.pay(order_id)
        assert await states(careful, order_id) == PAID
        assert balance.steps == ["taken 1000"]
        said = await books(careful, order_id)
        assert (said["clearing:fake"], said["store_credit"]) == (500, CREDIT)
        assert said["revenue"] + said["shipping"] + said["tax"] == -1500
        with pytest.raises(RefundExceedsCaptured):
            await asked(careful, order_id, 1501)
        assert await given_back(careful, order_id, 600) == [500, 100]
        assert (await careful.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert await given_back(careful, order_id) == [0, 900]
        assert (await careful.order(order_id)).payment_status is PaymentStatus.REFUNDED
        assert balance.amount == eur(CREDIT)
        await at_rest(careful)

    async def test_what_credit_pays_whole_waits_for_nobody(self, small: SmallShop) -> None:
        order_id = await sold(with_tenders(await manual(small), credit(9000)))
        assert await states(small, order_id) == PAID
        with pytest.raises(OrderNotCancellable):
            await void(small, order_id)
        await at_rest(small)

    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_any_part_can_go_back_any_way_and_the_books_are_even(self, data: st.DataObject) -> None:
        async def play() -> None:
            small = await open_small_shop()
            card, rest = gift_card(data.draw(st.integers(1, 1200))), credit(data.draw(st.integers(1, 1200)))
            before = card.amount + rest.amount
            order_id = await sold(with_tenders(await manual(small), card, rest))
            tendered = PRICE - (await small.payment(order_id)).amount.minor
            taken = data.draw(st.integers(1, PRICE - tendered))
            await capture(small, order_id, eur(taken))
            await small.pay(order_id)
            left, times = taken + tendered, data.draw(st.integers(1, 4))
            while left:
                times -= 1
                minor = data.draw(st.integers(1, left)) if times > 0 else left
                assert sum(await given_back(small, order_id, minor)) == minor
                left -= minor
            assert card.amount + rest.amount == before
            assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
            said = await books(small, order_id)
            assert (said["refunds"], sum(said.values())) == (taken + tendered, 0)
            assert not {"clearing:fake", "gift_cards", "store_credit"} & said.keys()

        asyncio.run(play())


class TestNotCapturing:
    async def test_what_people_let_go_of_frees_the_credit(self, careful: SmallShop, balance: Balance) -> None:
        order_id = await sold(careful)
        await void(careful, order_id)
        await careful.pay(order_id)
        assert await states(careful, order_id) == CALLED_OFF
        assert (balance.free, balance.steps, await books(careful, order_id)) == (eur(CREDIT), ["released 1000"], {})
        await at_rest(careful)

    async def test_an_order_that_is_called_off_frees_the_credit(self, careful: SmallShop, balance: Balance) -> None:
        order_id = await sold(careful)
        await careful.shop.execute(CancelAnyOrder(order_id=order_id))
        assert await states(careful, order_id) == CALLED_OFF
        assert balance.steps == ["released 1000"]
        await at_rest(careful)

    async def test_what_lapses_frees_the_credit(self, careful: SmallShop, balance: Balance) -> None:
        order_id = await sold(careful)
        await sweep_for(careful, WEEK + timedelta(hours=2))
        assert await states(careful, order_id) == CALLED_OFF
        assert (balance.free, balance.steps, await books(careful, order_id)) == (eur(CREDIT), ["released 1000"], {})
        await at_rest(careful)

    async def test_what_lapses_once_goods_left_frees_the_credit_too(self, careful: SmallShop, balance: Balance) -> None:
        order_id = await sold(careful)
        async with careful.storage.uow(careful.context()) as tx:
            order = await tx.orders.get(order_id)
            order.fulfilment_status = FulfilmentStatus.PARTIALLY_FULFILLED
            tx.orders.save(order)
        await sweep_for(careful, WEEK + timedelta(hours=2))
        order = await careful.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.ON_HOLD, PaymentStatus.VOIDED)
        assert (balance.free, balance.steps) == (eur(CREDIT), ["released 1000"])


class TestDisputes:
    """A bank takes back what went through the provider; what credit paid is no business of it."""

    async def test_f60_a_loss_is_of_the_provider_s_part(self, small: SmallShop) -> None:
        balance = credit(CREDIT)
        order_id, ref = await paid(small, balance)
        small.provider.disputes_open(ref)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
        small.provider.dispute_ends(ref, DisputeStatus.LOST)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED_LOST
        [lost] = [entry for entry in await small.entries(order_id) if entry.kind is EntryKind.WRITE_OFF]
        assert {p.account: p.amount.minor for p in lost.postings}[DISPUTE_LOSSES] == DUE
        said = await books(small, order_id)
        assert (said["store_credit"], sum(said.values())) == (CREDIT, 0)
        assert balance.steps == ["taken 1000"]
        await at_rest(small)

    async def test_f60_after_one_that_is_won_it_stands_where_its_refunds_left_it(self, small: SmallShop) -> None:
        balance = credit(CREDIT)
        order_id, ref = await paid(small, balance)
        assert await given_back(small, order_id, DUE - 1) == [DUE - 1]
        small.provider.disputes_open(ref, minor=1)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
        small.provider.dispute_ends(ref, DisputeStatus.WON)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert await given_back(small, order_id) == [1, CREDIT]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(small)

    async def test_f60_credit_that_is_still_with_the_order_keeps_it_from_being_refunded(self, small: SmallShop) -> None:
        balance = credit(CREDIT)
        order_id, ref = await paid(small, balance)
        assert await given_back(small, order_id, DUE) == [DUE]
        small.provider.disputes_open(ref, minor=1)
        await told(small)
        small.provider.dispute_ends(ref, DisputeStatus.WON)
        await told(small)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PARTIALLY_REFUNDED
        assert await given_back(small, order_id) == [0, CREDIT]
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED


async def paid(small: SmallShop, balance: Balance) -> tuple[OrderId, str]:
    order_id = await sold(with_tenders(small, balance))
    return order_id, (await small.payment(order_id)).attempt.provider_ref
