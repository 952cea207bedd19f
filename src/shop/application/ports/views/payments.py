"""Payments as buyers and staff see them."""

from datetime import datetime
from typing import ClassVar, Self

from attrs import frozen

from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import AttemptId, CartId, OrderId, PaymentId, PaymentSessionId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, NextAction, SavedMethod


@frozen(kw_only=True, slots=False)
class PaymentMethodView:
    """A way to pay. `confirms_in` is `browser` (with the client secret) or `server`.

    `authorizes` says whether money can be promised first and taken later; else it is taken at once. `savable`, whether
    a customer can have it saved along with paying.
    """

    object: ClassVar[str] = "payment_method"
    id: str
    provider: str
    name: str
    confirms_in: str
    authorizes: bool
    savable: bool


@frozen(kw_only=True, slots=False)
class SavedMethodView:
    """A way to pay that the provider keeps for the customer; `id` can be the method of a payment session."""

    object: ClassVar[str] = "saved_method"
    id: str
    provider: str
    kind: str
    brand: str
    last4: str
    expires_month: int | None
    expires_year: int | None

    @classmethod
    def of(cls, method: SavedMethod, provider: str) -> Self:
        return cls(
            id=method.ref,
            provider=provider,
            kind=method.kind,
            brand=method.brand,
            last4=method.last4,
            expires_month=method.expires_month or None,
            expires_year=method.expires_year or None,
        )


@frozen(kw_only=True, slots=False)
class MethodSetupView:
    """A way to pay that is being saved. While it `requires_action`, the browser finishes it with the client secret."""

    object: ClassVar[str] = "saved_method_setup"
    id: str
    provider: str
    status: str
    client_secret: str | None


@frozen(kw_only=True, slots=False)
class PaymentSessionView:
    """How the shopper will pay. Status `open` until its cart is ordered, then how far the payment has come: `captured`
    at once where nothing is due. `save` says whether the card is saved once it is accepted."""

    object: ClassVar[str] = "payment_session"
    id: PaymentSessionId
    cart_id: CartId
    provider: str
    method: str
    save: bool
    status: str
    order_id: OrderId | None
    next_action: NextAction | None
    client_secret: str | None
    failure_code: str | None
    created_at: datetime


@frozen(kw_only=True, slots=False)
class PaymentAttemptView:
    """One try at taking the money, with the reasons for which cards were declined in it, in order; the client secret
    is never shown to staff."""

    id: AttemptId
    method: str
    amount: Money
    status: AttemptStatus
    brand: str
    provider_ref: str
    failure_code: str
    declines: list[str]
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True, slots=False)
class ProviderMessageView:
    """A message of the provider about this payment: `body` is as it came, secrets and the shopper's data covered."""

    event_ref: str
    event_type: str
    state: str
    body: str
    received_at: datetime
    settled_at: datetime | None


@frozen(kw_only=True, slots=False)
class PaymentView:
    """A payment as staff see it.

    `capture` says who takes what is authorised; `capture_due` is what people wish to take of it, `void_due` that they
    wish to let go of it. Both stay once that has happened: `status` and `captured` say whether it has. Until
    `authorization_expires_at` it can be captured.
    """

    object: ClassVar[str] = "payment"
    id: PaymentId
    order_id: OrderId
    provider: str
    status: AttemptStatus
    amount: Money
    captured: Money
    refunded: Money
    refund_due: bool
    capture: CapturePolicy
    capture_due: Money | None
    void_due: bool
    authorization_expires_at: datetime | None
    disputed: bool
    attempts: list[PaymentAttemptView]
    created_at: datetime
    updated_at: datetime
    version: int
    provider_messages: list[ProviderMessageView] | None = None
