"""Orders paid by store credit and a card, and given back, on real databases."""

import asyncio
from collections import Counter

import pytest
from attrs import evolve

from shop.application.commands.refunds import RequestRefund
from shop.application.ports.tenders import TenderSource
from shop.application.shop import Shop
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId, RefundId
from shop.domain.orders import PaymentStatus
from shop.domain.payments import TENDERS
from tests.journeys.branches import Branches
from tests.shops import STAFF, SmallShop, eur
from tests.tender_sources import credit, gift_card

pytestmark = pytest.mark.journey
PRICE = 1999 + 490


def _with_tenders(branches: Branches, *sources: TenderSource) -> SmallShop:
    for small in branches.all:
        small.shop = Shop(evolve(small.shop.ports, tenders=sources))
    return branches.first


async def _books(small: SmallShop, order_id: OrderId) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for entry in await small.entries(order_id):
        for posting in entry.postings:
            sums[posting.account] += posting.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


async def test_credit_and_card_pay_and_get_back_exactly_their_parts(branches: Branches) -> None:
    card, balance = gift_card(300), credit(700)
    small = _with_tenders(branches, card, balance)
    order_id = await small.buy((await small.product(stock=5), 1))
    order, payment = await small.order(order_id), await small.payment(order_id)
    assert (order.payment_status, order.due, payment.captured) == (PaymentStatus.PAID, eur(PRICE - 1000), order.due)
    said = await _books(small, order_id)
    assert (said["clearing:fake"], said["gift_cards"], said["store_credit"]) == (PRICE - 1000, 300, 700)
    await branches.check()
    assert await branches.rows.one("SELECT count(*) FROM orders WHERE tenders IS NOT NULL") == 1
    for minor, at_provider, to_tenders in ((PRICE - 900, PRICE - 1000, [100]), (700, 0, [600, 100]), (200, 0, [200])):
        command = RequestRefund(payment_id=payment.id, amount=eur(minor))
        refund_id = await small.shop.execute(command, actor=STAFF)
        await small.pay(order_id)
        async with small.storage.uow(small.context()) as tx:
            refund = await tx.refunds.get(refund_id)
        assert (refund.at_provider.minor, [part.amount.minor for part in refund.tenders]) == (at_provider, to_tenders)
    assert (card.amount, balance.amount) == (eur(300), eur(700))
    order = await small.order(order_id)
    assert (order.payment_status, order.tenders_returned_whole) == (PaymentStatus.REFUNDED, True)
    assert not {"clearing:fake", "gift_cards", "store_credit"} & (await _books(small, order_id)).keys()
    await branches.check()


async def test_f46_credit_alone_pays_without_a_provider(branches: Branches) -> None:
    balance = credit(PRICE)
    small = _with_tenders(branches, balance)
    order_id = await small.buy((await small.product(stock=5), 1))
    payment = await small.payment(order_id)
    assert (payment.provider, payment.amount) == (TENDERS, eur(0))
    assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
    assert small.books.intents == {}
    await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
    await small.settle_down(5)
    assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
    assert balance.amount == eur(PRICE)
    await branches.check()


async def test_f50_many_refunds_at_once_give_back_what_was_paid_and_no_more(branches: Branches) -> None:
    balance = credit(1000)
    small = _with_tenders(branches, balance)
    order_id = await small.buy((await small.product(stock=5), 1))
    payment = await small.payment(order_id)

    async def ask(number: int) -> RefundId | None:
        command = RequestRefund(payment_id=payment.id, amount=eur(600))
        try:
            return await branches.at(number).shop.execute(command, actor=STAFF)
        except Conflict:
            return None

    taken = [one for one in await asyncio.gather(*(ask(number) for number in range(20))) if one is not None]
    assert 1 <= len(taken) <= PRICE // 600
    await small.settle_down(5)
    order, payment = await small.order(order_id), await small.payment(order_id)
    assert payment.refunded.minor + order.returned_to_tenders.minor == 600 * len(taken)
    assert balance.amount == order.returned_to_tenders
    await branches.check()
