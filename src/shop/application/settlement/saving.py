"""Saving a card along with paying: for whom, what can be saved, and until when that is open."""

from shop.application.messages import Context
from shop.application.ports.payments import PaymentMethod
from shop.application.ports.saved_methods import SavingNotOffered
from shop.application.ports.subscriptions import SubscriptionBilling
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.sales import Cashier
from shop.application.settlement.wallets import open_wallet
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import CartId
from shop.domain.payments import PaymentAttempt, PaymentSession


class SavingNeedsCustomer(Conflict):
    """A card can only be saved for somebody who will be known again."""

    code = "saving_needs_customer"
    title = "Only a customer can save a card"
    default_hint = "Sign in and POST /api/carts/{id}/claim; or pay without saving the card."


class MethodNotSavable(Invalid):
    """Nothing of this way to pay could be charged again, or it is saved already."""

    code = "payment_method_not_savable"
    title = "This way to pay cannot be saved"
    default_hint = "GET /api/payments/methods says which ways to pay are `savable`."


class SavingDecided(Conflict):
    """The provider was asked for an intent that saves the card, or for one that does not."""

    code = "saving_decided"
    title = "Whether the card is saved was decided when the order was placed"
    default_hint = "Pay with the same `save` as before. DELETE /api/payments/saved-methods/{id} removes what was saved."


class MethodNotReusable(Conflict):
    """A plan is in the order, and nothing of this way to pay could be charged for its later periods."""

    code = "payment_method_not_reusable"
    title = "This way to pay cannot be charged again"
    default_hint = (
        "Choose a saved way to pay with POST /api/payments/sessions, or a new card with `save`, where the order costs "
        "something."
    )


async def prepare_saving(method: PaymentMethod | None, context: Context, cashier: Cashier) -> None:
    """The provider knows the customer before the card comes. Raises SavingNotOffered, MethodNotSavable,
    SavingNeedsCustomer, AccountErased, PaymentProviderUnavailable."""
    if not cashier.saved_methods.provider:
        raise SavingNotOffered
    if method is None or not method.savable:
        raise MethodNotSavable(f"“{method.name}” cannot be charged again." if method else "It is saved already.")
    if context.actor.user_id is None:
        raise SavingNeedsCustomer
    await open_wallet(context.actor.user_id, context, cashier)


async def check_undecided(cart_id: CartId, save: bool, tx: Transaction) -> None:
    """Another card for the intent that there is: none is saved against what its owner said. Raises SavingDecided."""
    order = await tx.orders.find_by_cart(cart_id)
    if order is None or not order.due:
        return
    attempt = (await tx.payments.of_order(order.id)).attempt
    if attempt.saves is not save and not attempt.is_refused:
        raise SavingDecided


def check_wish(session: PaymentSession, attempt: PaymentAttempt, cashier: Cashier) -> None:
    """A session may be older than the order, or than an intent that the provider made after all. Raises SavingDecided.

    A card that is saved already pays either way.
    """
    if session.saves is not attempt.saves and not cashier.saved_methods.names(session.method):
        raise SavingDecided


def check_reusable(session: PaymentSession, billing: SubscriptionBilling, *, due: bool) -> None:
    """What comes by a plan is paid with what can be charged again: a card that is saved when this order is paid counts,
    if anything of it is `due`. Raises MethodNotReusable."""
    if not billing.takes(session.method) and not (session.saves and due):
        raise MethodNotReusable(f"“{session.method}” can be charged once only.")
