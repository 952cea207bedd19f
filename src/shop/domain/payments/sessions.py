"""How the shopper chose to pay."""

from datetime import datetime

from attrs import define

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import CartId, PaymentSessionId


class PaymentSessionNotFound(NotFound):
    title = "No such payment session"


@define(eq=False, kw_only=True)
class PaymentSession(Aggregate):
    """How the shopper chose to pay for a cart: our own record, made before the provider knows of anything.

    `authorizes` says whether the method can promise money first and take it later; one that cannot takes it at once.
    `saves` says whether the shopper wishes the card to be saved along with paying.
    """

    id: PaymentSessionId
    cart_id: CartId
    provider: str
    method: str
    authorizes: bool = True
    saves: bool = False
    created_at: datetime
