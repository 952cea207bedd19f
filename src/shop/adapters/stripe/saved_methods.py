"""Cards that Stripe keeps for customers: setup intents save them, and the browser alone sees their numbers."""

import json
from collections.abc import Awaitable
from typing import TypeVar

from stripe import PaymentMethod, SetupIntent, StripeError
from stripe.params import SetupIntentCreateParams

from shop.adapters.stripe.account import StripeAccount, account_of
from shop.adapters.stripe.connection import StripeConnection
from shop.adapters.stripe.payments import SAVED_METHOD
from shop.adapters.stripe.states import MISSING
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.saved_methods import MethodSetup, SetupStatus
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import WalletId
from shop.domain.payments import SAVED_MAX, PaymentMethodUnknown, SavedMethod, SavedMethodNotFound

T = TypeVar("T")
_CARDS = ("", "stripe_card")
_STATUSES = {
    "processing": SetupStatus.PROCESSING,
    "succeeded": SetupStatus.SUCCEEDED,
    "canceled": SetupStatus.CANCELLED,
}


class StripeSavedMethods:
    """Stripe's customers and their cards."""

    def __init__(self, account: StripeAccount, provider: str = "stripe") -> None:
        self.provider = provider
        self._stripe = StripeConnection(account)
        services = self._stripe.services
        self._customers, self._setups, self._methods = (
            services.customers,
            services.setup_intents,
            services.payment_methods,
        )

    def names(self, method: str) -> bool:
        return method.startswith(SAVED_METHOD)

    async def open_customer(self, wallet_id: WalletId) -> str:
        forbid_inside_transaction("open_customer")
        name = str(wallet_id)
        call = self._customers.create_async({"metadata": {"wallet_id": name}}, {"idempotency_key": name})
        return (await self._ask(call)).id

    async def begin(self, customer_ref: str, method: str, key: str) -> MethodSetup:
        forbid_inside_transaction("begin")
        if method not in _CARDS:
            raise PaymentMethodUnknown(f"Stripe is not set up to save “{method[:40]}”.")
        params: SetupIntentCreateParams = {
            "customer": customer_ref,
            "allowed_payment_method_types": ["card"],
            # The bank is told now that the shop may charge the card later, while its owner is away.
            "usage": "off_session",
        }
        setup = await self._ask(self._setups.create_async(params, {"idempotency_key": key}))
        return _setup_of(setup, self.provider)

    async def saved(self, customer_ref: str) -> list[SavedMethod]:
        forbid_inside_transaction("saved")
        try:
            page = await self._ask(
                self._methods.list_async({"customer": customer_ref, "type": "card", "limit": SAVED_MAX})
            )
        except SavedMethodNotFound:  # the customer is gone, and all cards with it
            return []
        return [_method_of(method) for method in page.data]

    async def detach(self, customer_ref: str, method_ref: str) -> None:
        forbid_inside_transaction("detach")
        await self._ask(self._customers.payment_methods.retrieve_async(customer_ref, method_ref))
        await self._ask(self._methods.detach_async(method_ref))

    async def forget(self, customer_ref: str) -> None:
        forbid_inside_transaction("forget")
        try:
            await self._ask(self._customers.delete_async(customer_ref))
        except SavedMethodNotFound:
            return

    def method_in(self, body: bytes) -> str:
        try:
            thing = json.loads(body)["data"]["object"]
            ref = thing["id"] if thing["object"] == "payment_method" else ""
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        return ref if isinstance(ref, str) else ""

    async def close(self) -> None:
        await self._stripe.close()

    async def _ask(self, call: Awaitable[T]) -> T:
        """Raises SavedMethodNotFound where Stripe says that something named in the request is not there."""
        try:
            return await self._stripe.ask(call)
        except ShopError as error:
            if isinstance(error.__cause__, StripeError) and error.__cause__.code == MISSING:
                raise SavedMethodNotFound("Stripe has no such customer or saved way to pay.") from error
            raise


def open_stripe_saved_methods(options: Options, gateway: PaymentGateway) -> StripeSavedMethods:
    """Stripe as the SHOP_STRIPE_… variables say, for the same account as its payments. Raises StripeNotSetUp."""
    return StripeSavedMethods(account_of(options), gateway.provider)


def _setup_of(setup: SetupIntent, provider: str) -> MethodSetup:
    status = _STATUSES.get(setup.status, SetupStatus.REQUIRES_ACTION)
    secret = setup.client_secret if status is SetupStatus.REQUIRES_ACTION else ""
    return MethodSetup(provider=provider, provider_ref=setup.id, status=status, client_secret=secret or "")


def _method_of(method: PaymentMethod) -> SavedMethod:
    card = method.card
    if card is None:
        return SavedMethod(ref=method.id, kind=method.type)
    return SavedMethod(
        ref=method.id,
        kind=method.type,
        brand=card.brand,
        last4=card.last4,
        expires_month=card.exp_month,
        expires_year=card.exp_year,
    )
