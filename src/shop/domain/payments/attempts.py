"""One try at taking money, and what there is to say when there is none."""

from datetime import datetime

from attrs import field, frozen

from shop.domain.kernel.errors import Invalid, NotFound
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments.states import AttemptStatus, NextAction


class PaymentNotFound(NotFound):
    title = "No such payment"


class PaymentMethodUnknown(Invalid):
    code = "payment_method_unknown"
    title = "No such way to pay"
    default_hint = "GET /api/payments/methods lists the ways to pay."


@frozen(kw_only=True)
class PaymentAttempt:
    """One try at taking the money. Its id is the idempotency key at the provider, kept before the first call.

    The shopper may try several cards in it: `declines` are the reasons of those that failed, in order. The same reason
    twice, with nothing seen in between, is one. `expires_at` is until when what is authorised can be captured, where
    the provider says.
    """

    id: AttemptId
    method: str
    amount: Money
    status: AttemptStatus = AttemptStatus.NEW
    brand: str = ""
    provider_ref: str = ""
    failure_code: str = ""
    declines: tuple[str, ...] = ()
    next_action: NextAction | None = None
    client_secret: str = field(default="", repr=False)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
