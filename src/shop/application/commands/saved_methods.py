"""Saved ways to pay: a customer saves one, and removes it again."""

import hashlib
from typing import ClassVar

from attrs import frozen

from shop.application.holdings import subscriptions_of
from shop.application.messages import CUSTOMER, Command, Context
from shop.application.ports.readers import SubscriptionReader
from shop.application.ports.saved_methods import MethodSetup, SavingNotOffered
from shop.application.settlement import Cashier, MethodNotSavable, open_wallet, wallet_of
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import UserId
from shop.domain.payments import SavedMethodNotFound, Wallet
from shop.domain.subscriptions import ENDED, SubscriptionStatus


class SavedMethodInUse(Conflict):
    """Something is still paid with it."""

    code = "saved_method_in_use"
    title = "A subscription is paid with this"
    default_hint = "Give the subscription another way to pay first, or cancel it."


@frozen(kw_only=True)
class BeginSavingMethod(Command[MethodSetup]):
    """Begins to save a way to pay of the customer. Their browser finishes it with the client secret.

    `method` is the code of a way to pay; empty means the provider's first. Asked again under the same idempotency key
    it is the same setup.
    """

    requires: ClassVar = CUSTOMER
    method: str = ""


async def begin_saving_method(command: BeginSavingMethod, context: Context, *, cashier: Cashier) -> MethodSetup:
    if not cashier.saved_methods.provider:
        raise SavingNotOffered
    for method in await cashier.gateway.methods():
        if method.code == command.method and not method.savable:
            raise MethodNotSavable(f"“{method.name}” cannot be charged again.")
    wallet = await open_wallet(_user(context), context, cashier)
    return await cashier.saved_methods.begin(wallet.customer_ref, command.method, _key(wallet, context))


def _user(context: Context) -> UserId:
    assert context.actor.user_id is not None, "the door lets only customers in"
    return context.actor.user_id


def _key(wallet: Wallet, context: Context) -> str:
    asked = context.idempotency.key if context.idempotency is not None else str(context.request_id)
    return f"{wallet.id}:{hashlib.sha256(asked.encode()).hexdigest()[:32]}"


@frozen(kw_only=True)
class RemoveSavedMethod(Command[None]):
    """Removes a saved way to pay of the customer: nothing can be paid with it any more."""

    requires: ClassVar = CUSTOMER
    method: str


async def remove_saved_method(
    command: RemoveSavedMethod, context: Context, *, cashier: Cashier, subscriptions: SubscriptionReader
) -> None:
    user_id = _user(context)
    wallet = await wallet_of(user_id, context, cashier)
    if wallet is None or not wallet.customer_ref or not cashier.saved_methods.names(command.method):
        raise SavedMethodNotFound(f"There is no saved way to pay “{command.method[:60]}”.")
    await _check_unused(user_id, command.method, subscriptions)
    await cashier.saved_methods.detach(wallet.customer_ref, command.method)


async def _check_unused(user_id: UserId, method: str, subscriptions: SubscriptionReader) -> None:
    """Raises SavedMethodInUse."""
    held = await subscriptions_of(user_id, subscriptions, frozenset(SubscriptionStatus) - ENDED)
    if any(one.method == method for one in held):
        raise SavedMethodInUse
