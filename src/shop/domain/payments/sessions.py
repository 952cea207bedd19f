"""How the shopper chose to pay."""

from datetime import datetime

from attrs import define

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.capturing import CapturePolicy
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

    def captures(self, policy: CapturePolicy, *, goods: bool) -> CapturePolicy:
        """Who captures what is paid like this, by the shop's `policy` for orders with goods: nothing waits for people
        where nothing is sent, or the method takes the money at once anyway."""
        return policy if goods and self.authorizes else CapturePolicy.AUTOMATIC
