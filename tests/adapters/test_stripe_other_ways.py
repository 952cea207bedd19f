"""Another way to pay with Stripe, where the browser confirms it: asked for twice it is one try."""

import pytest
from attrs import evolve

from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.commands.payments import ConfirmPayment
from shop.application.ports.payments import PaymentRefused
from shop.application.shop import Shop
from shop.domain.payments import AttemptStatus
from tests.application.providers import Choosy
from tests.shops import open_small_shop
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub


@pytest.mark.parametrize("refused", [True, False])
async def test_confirming_twice_what_waits_in_the_browser_is_one_try(refused: bool) -> None:
    small = await open_small_shop()
    async with StripeStub() as stub:
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway = StripePaymentGateway(account, small.clock)
        choosy = Choosy(gateway, PaymentRefused, "stripe_direct")
        small.shop = Shop(evolve(small.shop.ports, gateway=choosy), jitter=lambda: 0.0)
        cart_id = await small.cart((await small.product(), 1))
        order_id = await small.place(cart_id, "stripe_direct" if refused else "stripe_card")
        await small.pay(order_id)
        assert (await small.payment(order_id)).attempt.is_refused is refused
        session_id = await small.session(cart_id, "stripe_card")
        for _ in range(2):
            await small.shop.execute(ConfirmPayment(session_id=session_id), actor=small.guest(cart_id))
            payment = await small.payment(order_id)
            assert (payment.status, bool(payment.attempt.client_secret)) == (AttemptStatus.REQUIRES_ACTION, True)
        await gateway.close()
