"""What is still to come about the payments of somebody who was forgotten."""

from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.carts import ClaimCart
from shop.application.commands.identity.privacy import EraseMe, ErasureHeld
from shop.application.commands.refunds import RequestRefund
from shop.application.messages import Actor
from shop.domain.identity import User
from shop.domain.kernel.address import ERASED
from shop.domain.kernel.identifiers import OrderId
from shop.domain.payments import DisputeStatus, InboxState, RefundStatus
from tests.shops import STAFF, SmallShop, customer

MONTH = timedelta(days=31)
ADA = customer(1)


@pytest.fixture(autouse=True)
async def ada(small: SmallShop) -> None:
    assert ADA.user_id is not None
    async with small.storage.uow(small.context()) as tx:
        tx.users.save(User.register(id=ADA.user_id, email="ada@example.com", at=small.clock.now()))


async def bought(small: SmallShop) -> tuple[OrderId, str]:
    """A paid order of hers that was to be sent long ago, and how the provider calls its intent."""
    cart_id = await small.cart((await small.product(), 1))
    await small.shop.execute(ClaimCart(cart_id=cart_id), actor=evolve(ADA, token=small.secrets.guest_token(cart_id)))
    order_id = await small.buy_cart(cart_id)
    await told(small)
    small.clock.forward(MONTH)
    return order_id, (await small.payment(order_id)).attempt.provider_ref


async def told(small: SmallShop) -> None:
    await small.post_news()
    await small.deliver()


async def erase(small: SmallShop) -> None:
    who: Actor = evolve(ADA, fresh_at=small.clock.now())
    await small.shop.execute(EraseMe(), actor=who)
    await small.deliver()


def bodies(small: SmallShop) -> list[bytes]:
    """What is kept of the words of messages; none is left to be looked at."""
    items = small.tables.inbox.values()
    assert not [item for item in items if item.state is InboxState.NEW]
    return [item.body for item in items]


@pytest.mark.parametrize("what", ["refund", "dispute"])
async def test_s73_what_the_provider_tells_after_an_erasure_is_emptied(small: SmallShop, what: str) -> None:
    _, ref = await bought(small)
    assert all(bodies(small))
    await erase(small)
    assert set(bodies(small)) == {b""}
    before = len(bodies(small))
    if what == "refund":
        small.provider.refunds_elsewhere(ref, 100)
    else:
        small.provider.disputes_open(ref)
    await told(small)
    assert len(bodies(small)) > before
    assert set(bodies(small)) == {b""}


async def test_s73_a_disputed_payment_holds_an_erasure(small: SmallShop) -> None:
    order_id, ref = await bought(small)
    small.provider.disputes_open(ref)
    await told(small)
    with pytest.raises(ErasureHeld, match="disputed"):
        await erase(small)
    small.provider.dispute_ends(ref, DisputeStatus.WON)
    await told(small)
    assert not (await small.payment(order_id)).disputed
    await erase(small)


async def test_s73_a_refund_under_way_holds_an_erasure(small: SmallShop) -> None:
    order_id, ref = await bought(small)
    small.provider.refunds_begin = RefundStatus.PENDING
    payment_id = (await small.payment(order_id)).id
    await small.shop.execute(RequestRefund(payment_id=payment_id, full=True), actor=STAFF)
    await small.pay(order_id)
    with pytest.raises(ErasureHeld, match="refund"):
        await erase(small)
    [refund] = small.books.intents[ref].refunds
    small.provider.refund_becomes(ref, refund.ref, RefundStatus.SUCCEEDED)
    await told(small)
    await erase(small)


async def test_s73_what_was_ordered_in_the_last_moment_comes_to_its_end_first(small: SmallShop) -> None:
    """An access token counts for a few seconds more: an order needs its address, whoever its buyer was."""
    await small.shop.execute(EraseMe(), actor=evolve(ADA, fresh_at=small.clock.now()))
    order_id = await small.buy_cart(await small.cart((await small.product(), 1), actor=ADA))
    for _ in range(3):
        await small.deliver()
        small.clock.forward(timedelta(hours=1))
    assert (await small.order(order_id)).email == "ada@example.com"
    small.clock.forward(MONTH)
    await small.deliver()
    assert (await small.order(order_id)).email == ERASED
