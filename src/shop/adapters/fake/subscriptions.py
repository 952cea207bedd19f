"""Billing that plays Stripe's: subscriptions, an invoice for each period, and the messages about both."""

from shop.adapters.fake import news
from shop.adapters.fake.billing_books import (
    BillingBooks,
    BookedInvoice,
    BookedSubscription,
    MemoryBillingBooks,
    SqliteBillingBooks,
)
from shop.adapters.fake.methods import METHODS
from shop.adapters.fake.wallet_books import code_of, is_saved, owner_of
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import IntentRequest, PaymentGateway, PaymentRefused
from shop.application.ports.subscriptions import (
    BillingRequest,
    BillingState,
    BillingStatus,
    InvoiceCharge,
    MethodNotForSubscriptions,
)
from shop.domain.kernel.identifiers import encode_suffix
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState
from shop.domain.subscriptions import SubscriptionNotFound

_CARDS = frozenset(method.code for method in METHODS if method.authorizes)
"""A debit is mandated for one payment only."""
_LEAST_MINOR = 50
"""As Stripe has it in its larger currencies."""
_NEWS = {
    AttemptStatus.CAPTURED: "invoice.paid",
    AttemptStatus.FAILED: "invoice.payment_failed",
    AttemptStatus.REQUIRES_ACTION: "invoice.payment_action_required",
    AttemptStatus.CANCELLED: "invoice.voided",
}


class FakeSubscriptionBilling:
    """The fake provider's billing. Its invoices are paid by intents of the fake provider, as any order is."""

    def __init__(self, gateway: PaymentGateway, books: BillingBooks, clock: Clock) -> None:
        self.provider = gateway.provider
        self._gateway = gateway
        self._books = books
        self._clock = clock

    def takes(self, method: str) -> bool:
        return code_of(method) in _CARDS

    def least(self, currency: str) -> Money:
        return Money(_LEAST_MINOR, currency)

    async def subscribe(self, request: BillingRequest) -> BillingState:
        forbid_inside_transaction("subscribe")
        self._check(request.method)
        ref = f"sub_fake_{encode_suffix(request.subscription_id.uuid)}"
        with self._books.writing():
            known = self._books.get(ref)
            if known is None:
                known = BookedSubscription(ref=ref, method=request.method)
                self._books.put(known, "customer.subscription.created")
        return self._state(known)

    async def fetch(self, provider_ref: str) -> BillingState:
        forbid_inside_transaction("fetch")
        return self._state(self._known(provider_ref))

    async def charge(self, charge: InvoiceCharge) -> IntentState:
        forbid_inside_transaction("charge")
        invoice = self._invoice(charge)
        if invoice.void:
            return _nothing(charge, AttemptStatus.CANCELLED)
        if not charge.amount:
            return _nothing(charge, AttemptStatus.CAPTURED)
        if invoice.intent:
            return await self._gateway.fetch(invoice.intent)
        return await self._take(charge, await self._begin(charge, invoice.method))

    async def retry(self, charge: InvoiceCharge, key: str) -> IntentState:
        forbid_inside_transaction("retry")
        state = await self.charge(charge)
        if state.status not in (AttemptStatus.FAILED, AttemptStatus.REQUIRES_ACTION):
            return state
        method = self._known(charge.provider_ref).method
        again = await self._gateway.confirm(state.provider_ref, charge.attempt_id, method, _customer_of(method))
        return await self._take(charge, again)

    async def void(self, charge: InvoiceCharge) -> IntentState:
        forbid_inside_transaction("void")
        invoice = self._invoice(charge, void=True)
        if not invoice.intent and not invoice.attempt:
            return _nothing(charge, AttemptStatus.CANCELLED)
        # Whether somebody else has made its intent meanwhile is not known: the same key gives the same one.
        ref = invoice.intent or (await self._begin(charge, invoice.method, confirm=False)).provider_ref
        return self._noted(charge, await self._gateway.cancel(ref, charge.attempt_id))

    async def change(self, provider_ref: str, request: BillingRequest, *, key: str) -> None:
        forbid_inside_transaction("change")
        self._check(request.method)
        with self._books.writing():
            booked = self._known(provider_ref)
            booked.method = request.method
            self._books.put(booked, "customer.subscription.updated")

    async def pause(self, provider_ref: str) -> None:
        forbid_inside_transaction("pause")
        self._set_paused(provider_ref, True, "customer.subscription.paused")

    async def resume(self, provider_ref: str) -> None:
        forbid_inside_transaction("resume")
        self._set_paused(provider_ref, False, "customer.subscription.resumed")

    async def cancel(self, provider_ref: str) -> None:
        forbid_inside_transaction("cancel")
        with self._books.writing():
            booked = self._known(provider_ref)
            if not booked.ended:
                booked.ended = True
                self._books.put(booked, "customer.subscription.deleted")

    async def close(self) -> None:
        self._books.close()

    # What the provider does without being asked.

    def take_news(self, limit: int = 1000) -> list[news.OutgoingNews]:
        """The messages that wait to be posted to the shop, oldest first; each is handed out once."""
        moment = int(self._clock.now().timestamp())
        return [news.of_subscription(number, ref, kind, moment) for number, ref, kind in self._books.take_news(limit)]

    def _check(self, method: str) -> None:
        if not self.takes(method):
            raise MethodNotForSubscriptions(f"The fake provider cannot charge “{method[:40]}” again.")

    def _invoice(self, charge: InvoiceCharge, *, void: bool = False) -> BookedInvoice:
        """The period's invoice; made now if there is none. Raises PaymentRefused for one of another amount."""
        start = charge.period_start.isoformat()
        with self._books.writing():
            booked = self._known(charge.provider_ref)
            invoice = booked.invoices.get(start)
            if invoice is None:
                if booked.ended and not void:
                    raise PaymentRefused("The subscription has ended; it makes no more invoices.")
                attempt = "" if void else str(charge.attempt_id)
                invoice = booked.invoices[start] = BookedInvoice(
                    attempt=attempt, minor=charge.amount.minor, method=booked.method, void=void
                )
                self._books.put(booked)
        if invoice.minor != charge.amount.minor:
            raise PaymentRefused(f"The invoice of this period is of {invoice.minor} minor units.")
        return invoice

    async def _begin(self, charge: InvoiceCharge, method: str, *, confirm: bool = True) -> IntentState:
        request = IntentRequest(
            attempt_id=charge.attempt_id,
            order_id=charge.order_id,
            amount=charge.amount,
            method=method,
            email=charge.email,
            customer_ref=_customer_of(method),
            confirm=confirm,
        )
        return await self._gateway.create_intent(request)

    async def _take(self, charge: InvoiceCharge, state: IntentState) -> IntentState:
        if state.status is AttemptStatus.AUTHORIZED:
            try:
                state = await self._gateway.capture(state.provider_ref, charge.attempt_id)
            except PaymentRefused:  # it has lapsed meanwhile, say: what matters is how it stands
                state = await self._gateway.fetch(state.provider_ref)
        return self._noted(charge, state)

    def _noted(self, charge: InvoiceCharge, state: IntentState) -> IntentState:
        with self._books.writing():
            booked = self._known(charge.provider_ref)
            booked.invoices[charge.period_start.isoformat()].intent = state.provider_ref
            self._books.put(booked, _NEWS.get(state.status, ""))
        return state

    def _set_paused(self, provider_ref: str, paused: bool, told: str) -> None:
        with self._books.writing():
            booked = self._known(provider_ref)
            if booked.paused is not paused and not booked.ended:
                booked.paused = paused
                self._books.put(booked, told)

    def _known(self, provider_ref: str) -> BookedSubscription:
        booked = self._books.get(provider_ref)
        if booked is None:
            raise SubscriptionNotFound(f"The fake provider has no subscription “{provider_ref[:80]}”.")
        return booked

    def _state(self, booked: BookedSubscription) -> BillingState:
        status = BillingStatus.PAUSED if booked.paused else BillingStatus.RUNNING
        return BillingState(provider_ref=booked.ref, status=BillingStatus.ENDED if booked.ended else status)


def open_fake_billing(options: Options, gateway: PaymentGateway) -> FakeSubscriptionBilling:
    """The fake provider's billing; its books are beside those of SHOP_FAKE_PAYMENTS_FILE, or in memory."""
    path = options.get("SHOP_FAKE_PAYMENTS_FILE")
    books = SqliteBillingBooks(f"{path}.billing") if path else MemoryBillingBooks()
    return FakeSubscriptionBilling(gateway, books, options.clock)


def _customer_of(method: str) -> str:
    """The customer of a saved way to pay; empty for every other."""
    return owner_of(method) if is_saved(method) else ""


def _nothing(charge: InvoiceCharge, status: AttemptStatus) -> IntentState:
    """An invoice that moved no money and never will."""
    zero = Money.zero(charge.amount.currency)
    return IntentState(provider_ref="", status=status, amount=charge.amount, captured=zero)
