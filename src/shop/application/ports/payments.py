"""Payment providers, in the shop's words.

Promises every gateway keeps (`shop.adapters.contracts.payments` proves them):

- The same idempotency key with the same request is one effect, however often it is sent, and gives the same intent.
- Amounts are integers of minor units of their currency, as everywhere in the shop.
- A call that timed out may or may not have had its effect; repeating it with the same key is safe.
- Whatever goes wrong outside is PaymentProviderUnavailable (repeat it later) or PaymentRefused (do not).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from shop.domain.kernel.errors import Conflict, Invalid, Unavailable
from shop.domain.kernel.identifiers import AttemptId, DisputeId, OrderId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeState, IntentState, RefundReason, RefundState, RiskState

CALL_TIMEOUT_SECONDS = 15.0
METHOD_GONE = "saved_method_gone"
"""Why an intent failed whose saved way to pay is gone, or is not this customer's: it can be paid in another way."""


class PaymentProviderUnavailable(Unavailable):
    """The provider did not answer, or asked us to come back later. What we asked may or may not have happened."""

    code = "payment_provider_unavailable"
    title = "The payment provider does not answer"


class PaymentRefused(Conflict):
    """The provider understood and will not do it, such as capturing what was cancelled.

    `reason` is its own word for it, where it has one, such as `amount_too_small`.
    """

    code = "payment_refused"
    title = "The payment provider refused"

    def __init__(self, detail: str = "", *, reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


class KeyReused(PaymentRefused):
    """The idempotency key was used for something else: what came of that is not told."""


class SignatureRejected(Invalid):
    """The message was not signed by the provider, or not just now."""

    code = "signature_rejected"
    title = "The signature does not hold"


@frozen(kw_only=True)
class IntentRequest:
    """Please take this amount with this method. `attempt_id` is the idempotency key at the provider.

    `order_id` goes along as a hint for people; nothing ever relies on it coming back. `method` may be a saved way to
    pay of the customer `customer_ref`; nobody else's is taken.

    Without `confirm` the intent is only made, or found by its key, to be called off: nothing is authorised by that,
    and a saved way to pay may come without its customer. It counts for the key as the same request.

    With `save` the card is saved for `customer_ref` once it was accepted, to be charged later as well; without a
    customer nothing is saved.
    """

    attempt_id: AttemptId
    order_id: OrderId
    amount: Money
    method: str
    email: str = ""
    customer_ref: str = ""
    confirm: bool = True
    save: bool = False


@frozen(kw_only=True)
class RefundRequest:
    """Please give this amount of what was captured back. `refund_id` is the idempotency key at the provider."""

    refund_id: RefundId
    provider_ref: str
    amount: Money
    reason: RefundReason = RefundReason.OTHER


class EvidenceKind(StrEnum):
    """What a text tells the bank; each kind may be given once."""

    ACCESS_ACTIVITY_LOG = "access_activity_log"
    BILLING_ADDRESS = "billing_address"
    CANCELLATION_POLICY_DISCLOSURE = "cancellation_policy_disclosure"
    CANCELLATION_REBUTTAL = "cancellation_rebuttal"
    CUSTOMER_EMAIL_ADDRESS = "customer_email_address"
    CUSTOMER_NAME = "customer_name"
    CUSTOMER_PURCHASE_IP = "customer_purchase_ip"
    DUPLICATE_CHARGE_EXPLANATION = "duplicate_charge_explanation"
    DUPLICATE_CHARGE_ID = "duplicate_charge_id"
    PRODUCT_DESCRIPTION = "product_description"
    REFUND_POLICY_DISCLOSURE = "refund_policy_disclosure"
    REFUND_REFUSAL_EXPLANATION = "refund_refusal_explanation"
    SERVICE_DATE = "service_date"
    SHIPPING_ADDRESS = "shipping_address"
    SHIPPING_CARRIER = "shipping_carrier"
    SHIPPING_DATE = "shipping_date"
    SHIPPING_TRACKING_NUMBER = "shipping_tracking_number"
    UNCATEGORIZED_TEXT = "uncategorized_text"


@frozen(kw_only=True)
class DisputeAnswer:
    """Evidence for the bank. `key` is the idempotency key at the provider. With `submit` it goes to the bank, mostly
    for good; without, the provider only keeps it. It is never kept by the shop, for it tells of the buyer."""

    key: str
    dispute_id: DisputeId
    provider_ref: str
    evidence: Mapping[EvidenceKind, str] = field(repr=False)
    submit: bool = True


@frozen(kw_only=True)
class ProviderNews:
    """A provider's message after its signature was checked. `object_ref` is the intent that it speaks of, if any."""

    provider: str
    event_ref: str
    event_type: str
    object_ref: str
    body: bytes


@frozen(kw_only=True)
class PaymentMethod:
    """A way to pay, as a storefront shows it. `confirms_in` is `browser` (with the client secret) or `server`.

    `authorizes` says whether money can be promised first and taken later. What cannot is taken as soon as it is paid,
    if need be after days, in which the intent is `processing`. `savable`, whether it can be saved along with paying.
    """

    code: str
    name: str
    confirms_in: str
    authorizes: bool = True
    savable: bool = False


class PaymentGateway(Protocol):
    """Takes money from shoppers: authorises first, captures afterwards."""

    provider: str
    """Its name in webhook URLs, records and the account `clearing:<provider>`."""

    async def methods(self) -> list[PaymentMethod]:
        """The ways to pay that it offers."""

    async def create_intent(self, request: IntentRequest) -> IntentState:
        """Makes the intent, to be captured by us later where the method authorises. Key: the attempt id.

        A decline is a state, not an error. Raises PaymentRefused, and again for the same request: nothing was made, and
        by this key nothing ever will be; but KeyReused when the key belongs to another request.
        """

    async def fetch(self, provider_ref: str) -> IntentState:
        """The intent as it stands now, with all its refunds. Raises PaymentNotFound when the provider has none of
        this name."""

    async def confirm(
        self, provider_ref: str, attempt_id: AttemptId, method: str, customer_ref: str = "", try_ref: str = ""
    ) -> IntentState:
        """Confirms on the server what needs no browser (the fake's methods, saved ones): finishes what the shopper
        had to do, or tries again with another method after a decline. A saved one comes with its customer.
        `try_ref` names the wish of the shopper: the same method by another wish is another try, by the same one a
        repetition. Key: `<attempt>:confirm:<method>`, with `:<try>` where there is one."""

    async def capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        """Takes the authorised amount, or this part of it: then the rest is let go of for good.

        Captured already is success, whatever the sum was: the answer says. Raises PaymentRefused when it is more than
        is authorised, has lapsed or was cancelled, Invalid when it is not above zero or of another currency. Key:
        `<attempt>:capture`, with `:<minor units>` for a part.
        """

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        """Makes sure that the intent can take no money, and says how it stands: if it was captured meanwhile the
        answer says so and nothing was cancelled. Cancelled already is success. Key: `<attempt>:cancel`."""

    async def refund(self, request: RefundRequest) -> RefundState:
        """Gives part or all of what was captured back. Key: the refund id; it goes along as a hint, and comes back
        in `fetch`. The provider may take its time: then the refund is pending. Raises PaymentRefused when that is
        more than is left or the charge is disputed, Invalid when it is not above zero."""

    async def disputes(self, provider_ref: str) -> tuple[DisputeState, ...]:
        """All disputes of the intent as they stand now, inquiries and decided ones included, with what they moved;
        none of an intent that the provider does not have."""

    async def risk(self, provider_ref: str) -> RiskState:
        """Whether the intent is under review now, and whether a bank's warning of fraud still counts: not any more
        once it was disputed or given back. Raises PaymentNotFound."""

    async def answer_dispute(self, answer: DisputeAnswer) -> DisputeState:
        """Gives the evidence, and says how the dispute stands then. Key: the answer's. Raises PaymentRefused when
        the provider takes none (any more), DisputeNotFound."""

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        """The message, if the provider signed exactly these bytes within five minutes of now, past or future.

        Header names are lower case. No I/O. Raises SignatureRejected.
        """

    async def close(self) -> None:
        """Lets go of connections."""


class Simulation(StrEnum):
    """What may be made to happen to a payment at a provider that only plays one."""

    SUCCEED = "succeed"
    DECLINE = "decline"
    CHALLENGE = "challenge"
    EXPIRE = "expire"
    REFUND = "refund"
    REFUND_FAILS = "refund_fails"
    INQUIRY = "inquiry"
    DISPUTE = "dispute"
    ESCALATE = "escalate"
    WIN = "win"
    LOSE = "lose"
    CLOSE_INQUIRY = "close_inquiry"
    FRAUD_WARNING = "fraud_warning"
    OPEN_REVIEW = "open_review"
    CLOSE_REVIEW = "close_review"


@runtime_checkable
class PaymentSimulator(Protocol):
    """A provider that plays one, and does what it is told as if shopper or bank had done it."""

    async def simulate(self, provider_ref: str, what: Simulation) -> None:
        """Makes it happen, and announces it as always. Raises PaymentNotFound, PaymentRefused where that cannot
        happen to the intent as it is."""
