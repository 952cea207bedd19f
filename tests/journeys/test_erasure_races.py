"""Somebody is erased and orders at the same moment: either there is no order, or they are not erased."""

import asyncio

import pytest
from attrs import evolve

from shop.application.commands.checkout import CreateOrder
from shop.application.commands.identity.privacy import EraseMe, ErasureHeld
from shop.application.ports.paging import PageRequest
from shop.domain.carts import CartClosed
from shop.domain.identity import User
from tests.journeys.branches import Branches, outcome
from tests.scale import rounds
from tests.shops import SmallShop, customer

pytestmark = pytest.mark.journey


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_s73_nobody_is_erased_while_they_order(branches: Branches) -> None:
    variant = await branches.first.product(stock=10_000)
    erased = 0
    for turn in range(rounds(20, in_full=500)):
        small, other = branches.at(turn), branches.at(turn + 1)
        who = customer(turn + 1)
        assert who.user_id is not None
        async with small.storage.uow(small.context()) as tx:
            tx.users.save(User.register(id=who.user_id, email=f"ada{turn}@example.com", at=small.clock.now()))
        command = await small.order_command(await small.cart((variant, 1), actor=who))
        gone, placed = await asyncio.gather(
            outcome(small.shop.execute(EraseMe(), actor=evolve(who, fresh_at=small.clock.now()))),
            _ordered(other, command, after=0.001 * (turn % 8)),
        )
        orders = (await small.storage.readers.orders.of_owner(who.user_id, PageRequest())).data
        if isinstance(gone, ErasureHeld):
            assert [order.id for order in orders] == [placed]
        else:
            assert (gone, orders) == (None, [])
            assert isinstance(placed, CartClosed)
            erased += 1
    assert erased, "never was the erasure first"


async def _ordered(small: SmallShop, command: CreateOrder, after: float) -> object:
    await asyncio.sleep(after)
    return await outcome(small.shop.execute(command))
