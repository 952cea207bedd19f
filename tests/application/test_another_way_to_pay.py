"""A way to pay with which the provider will not even begin, and another one for the same order."""

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.payments import ConfirmPayment
from shop.application.ports.payments import KeyReused, PaymentProviderUnavailable, PaymentRefused
from shop.application.settlement import Sale
from shop.application.settlement.steps import request_of
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import AttemptId, OrderId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, PaymentCannotMove
from shop.domain.payments.payment import ATTEMPTS_MAX
from tests.application.providers import CALLED_OFF, PAID, Choosy, at_rest, faulty, states
from tests.shops import SmallShop, open_small_shop

UNPAID = (OrderStatus.PENDING, PaymentStatus.PENDING, AttemptStatus.NEW)


async def refused(refusal: type[ShopError]) -> tuple[SmallShop, OrderId]:
    """A shop whose provider takes no fake cards, and an order that was to be paid with one."""
    small = await open_small_shop(lambda provider: Choosy(provider, refusal, "fake_card"))
    order_id = await small.place(await small.cart((await small.product(), 1)))
    with pytest.raises(refusal):
        await small.pay(order_id)
    assert await states(small, order_id) == UNPAID
    return small, order_id


async def confirm(small: SmallShop, order_id: OrderId, method: str) -> None:
    cart_id = (await small.order(order_id)).cart_id
    session_id = await small.session(cart_id, method)
    await small.shop.execute(ConfirmPayment(session_id=session_id), actor=small.guest(cart_id))


@pytest.mark.parametrize("refusal", [PaymentRefused, Invalid])
async def test_another_way_pays_and_the_first_is_over(refusal: type[ShopError]) -> None:
    small, order_id = await refused(refusal)
    await confirm(small, order_id, "fake_card_3ds")
    small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    await small.settle_down(5)
    assert await states(small, order_id) == PAID
    first, second = (await small.payment(order_id)).attempts
    assert (first.status, first.failure_code, first.provider_ref) == (AttemptStatus.CANCELLED, refusal.code, "")
    assert (second.method, second.status) == ("fake_card_3ds", AttemptStatus.CAPTURED)
    assert list(small.books.intents) == [second.provider_ref]
    await at_rest(small)


async def test_the_same_way_is_refused_again_and_the_order_called_off_in_the_end() -> None:
    small, order_id = await refused(PaymentRefused)
    with pytest.raises(PaymentRefused):
        await confirm(small, order_id, "fake_card")
    assert len((await small.payment(order_id)).attempts) == 1
    await at_rest(small)
    assert await states(small, order_id) == CALLED_OFF


async def test_where_the_intent_may_be_there_no_other_is_made() -> None:
    small, order_id = await refused(KeyReused)
    with pytest.raises(KeyReused):
        await confirm(small, order_id, "fake_card_3ds")
    assert len((await small.payment(order_id)).attempts) == 1
    assert small.books.intents == {}


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
async def test_cut_short_before_the_other_intent_is_known_it_goes_on_with_that_one(fault: Fault) -> None:
    small, order_id = await refused(PaymentRefused)
    broken = faulty(ScriptedFaults({"create_intent": [fault]}))(small.provider)
    other = small.with_ports(gateway=Choosy(broken, PaymentRefused, "fake_card"))
    with pytest.raises(PaymentProviderUnavailable):
        await confirm(other, order_id, "fake_card_3ds")
    assert len((await small.payment(order_id)).attempts) == 2
    await confirm(small, order_id, "fake_card_3ds")
    small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    await small.settle_down(5)
    assert await states(small, order_id) == PAID
    assert len(small.books.intents) == 1
    await at_rest(small)


async def test_what_the_provider_knows_is_not_given_up(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
    payment = await small.payment(order_id)
    with pytest.raises(PaymentCannotMove, match="begun at the provider"):
        payment.begin_anew(small.ids.new(AttemptId), "fake_card", "payment_refused", small.clock.now())


async def test_ways_to_pay_come_to_an_end(small: SmallShop) -> None:
    order_id = await small.place(await small.cart((await small.product(), 1)))
    payment = await small.payment(order_id)
    for turn in range(ATTEMPTS_MAX - 1):
        payment.begin_anew(small.ids.new(AttemptId), f"way_{turn}", "payment_refused", small.clock.now())
    with pytest.raises(PaymentCannotMove, match="refused 10 ways"):
        payment.begin_anew(small.ids.new(AttemptId), "way_9", "payment_refused", small.clock.now())


async def test_an_intent_of_which_only_the_confirmation_was_refused_stays_the_only_one(small: SmallShop) -> None:
    """Another process made it for the same attempt, and cancelled it, before this one heard of either."""
    order_id = await small.place(await small.cart((await small.product(), 1)), "fake_card_declined")
    sale = Sale(await small.order(order_id), await small.payment(order_id))
    made = await small.provider.create_intent(evolve(request_of(sale), confirm=False))
    await small.provider.cancel(made.provider_ref, sale.payment.attempt.id)
    with pytest.raises(PaymentRefused):
        await confirm(small, order_id, "fake_card")
    [attempt] = (await small.payment(order_id)).attempts
    assert attempt.provider_ref == made.provider_ref
    assert list(small.books.intents) == [made.provider_ref]
    await at_rest(small)
    assert await states(small, order_id) == CALLED_OFF
