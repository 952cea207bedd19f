"""What a customer sees of their saved ways to pay."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import CUSTOMER, Context, Query
from shop.application.ports.views import SavedMethodView
from shop.application.settlement import Cashier, wallet_of


@frozen(kw_only=True)
class GetSavedMethods(Query[list[SavedMethodView]]):
    """One's own saved ways to pay, the newest first, as the provider has them now."""

    requires: ClassVar = CUSTOMER


async def get_saved_methods(query: GetSavedMethods, context: Context, *, cashier: Cashier) -> list[SavedMethodView]:
    assert context.actor.user_id is not None, "the door lets only customers in"
    wallet = await wallet_of(context.actor.user_id, context, cashier)
    if wallet is None or not wallet.customer_ref:
        return []
    saved = await cashier.saved_methods.saved(wallet.customer_ref)
    return [SavedMethodView.of(method, wallet.provider) for method in saved]
