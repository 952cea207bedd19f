"""Bills subscriptions through Stripe: its subscription keeps the customer's way to pay, its invoices take the money.

The shop keeps the calendar and the prices, so the subscription at Stripe costs nothing by itself; for each period the
shop makes an invoice on it, of exactly what its order costs, and pays it when it says so. Nothing is ever taken because
a clock at Stripe moved on.
"""

from attrs import evolve
from stripe import Invoice, Subscription
from stripe.params import (
    InvoiceCreateParams,
    InvoiceItemCreateParams,
    InvoicePayParams,
    SubscriptionCreateParams,
    SubscriptionUpdateParams,
)

from shop.adapters.stripe.account import StripeAccount, account_of
from shop.adapters.stripe.amounts import AmountNotChargeable, from_stripe, least_charge, to_stripe
from shop.adapters.stripe.connection import StripeConnection
from shop.adapters.stripe.payments import SAVED_METHOD
from shop.adapters.stripe.states import state_of
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import (
    PaymentGateway,
    PaymentProviderUnavailable,
    PaymentRefused,
)
from shop.application.ports.subscriptions import (
    BillingRequest,
    BillingState,
    BillingStatus,
    InvoiceCharge,
    MethodNotForSubscriptions,
)
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, PaymentNotFound
from shop.domain.subscriptions import SubscriptionNotFound

PERIOD = "period_start"
"""Where an invoice says which of the shop's periods it is of."""
_INVOICES = 100
_PAYMENTS = ["payments"]
_DEAD = frozenset({"void", "uncollectible", "deleted"})
_OVER = frozenset({BillingStatus.ENDED, BillingStatus.EXPIRED})
_UNTRIED = frozenset({AttemptStatus.FAILED, AttemptStatus.REQUIRES_ACTION})


class StripeSubscriptionBilling:
    """Stripe's subscriptions and invoices."""

    def __init__(self, account: StripeAccount, provider: str = "stripe") -> None:
        self.provider = provider
        self._stripe = StripeConnection(account)
        services = self._stripe.services
        self._subscriptions, self._products = services.subscriptions, services.products
        self._invoices, self._items = services.invoices, services.invoice_items
        self._methods, self._intents = services.payment_methods, services.payment_intents

    def takes(self, method: str) -> bool:
        return method.startswith(SAVED_METHOD)

    def least(self, currency: str) -> Money:
        return least_charge(currency)

    async def subscribe(self, request: BillingRequest) -> BillingState:
        forbid_inside_transaction("subscribe")
        customer = await self._customer_of(request.method)
        name, key = request.title, str(request.subscription_id)
        product = await self._stripe.ask(
            self._products.create_async({"name": name}, {"idempotency_key": f"{key}:product"})
        )
        params = _subscription_params(request, customer, product.id)
        return _state(await self._stripe.ask(self._subscriptions.create_async(params, {"idempotency_key": key})))

    async def fetch(self, provider_ref: str) -> BillingState:
        forbid_inside_transaction("fetch")
        return _state(await self._subscription(provider_ref))

    async def charge(self, charge: InvoiceCharge) -> IntentState:
        forbid_inside_transaction("charge")
        if not charge.amount:
            return _nothing(charge, AttemptStatus.CAPTURED)
        invoice = await self._made(charge)
        if invoice.total != to_stripe(charge.amount):
            raise PaymentRefused(f"The invoice of this period is of {from_stripe(invoice.total, invoice.currency)}.")
        if invoice.status in _DEAD:
            return await self._end_of(charge, invoice)
        if invoice.status == "paid" and not invoice.amount_due and not (invoice.payments and invoice.payments.data):
            raise PaymentRefused("Stripe puts so small a sum on the next invoice.", reason="amount_too_small")
        if invoice.status == "open" and not invoice.attempted:
            invoice = await self._pay(invoice, f"{charge.attempt_id}:pay", "")
        return await self._money_of(invoice)

    async def retry(self, charge: InvoiceCharge, key: str) -> IntentState:
        forbid_inside_transaction("retry")
        state = await self.charge(charge)
        invoice = await self._found(charge)
        if invoice is None or state.status not in _UNTRIED:
            return state
        method = (await self._subscription(charge.provider_ref)).default_payment_method
        name = method if isinstance(method, str) or method is None else method.id
        return await self._money_of(await self._pay(invoice, key, name or ""))

    async def void(self, charge: InvoiceCharge) -> IntentState:
        forbid_inside_transaction("void")
        if not charge.amount:
            return _nothing(charge, AttemptStatus.CANCELLED)
        if await self._found(charge) is None and (await self.fetch(charge.provider_ref)).status in _OVER:
            return _nothing(charge, AttemptStatus.CANCELLED)  # none will ever be made
        try:
            invoice = await self._made(charge)
        except AmountNotChargeable:
            return _nothing(charge, AttemptStatus.CANCELLED)
        if invoice.status == "open" and invoice.id:
            key = f"{charge.attempt_id}:void"
            try:
                invoice = await self._stripe.ask(
                    self._invoices.void_invoice_async(invoice.id, {}, {"idempotency_key": key})
                )
            except PaymentRefused:  # it may have been paid at this moment; what matters is how it stands
                invoice = await self._invoice(invoice.id)
                if invoice.status == "open":
                    raise
        return await self._end_of(charge, invoice)

    async def change(self, provider_ref: str, request: BillingRequest, *, key: str) -> None:
        forbid_inside_transaction("change")
        await self._customer_of(request.method)
        params: SubscriptionUpdateParams = {"default_payment_method": request.method, "description": request.title}
        await self._stripe.ask(self._subscriptions.update_async(provider_ref, params, {"idempotency_key": key}))

    async def pause(self, provider_ref: str) -> None:
        forbid_inside_transaction("pause")
        await self._stripe.ask(
            self._subscriptions.update_async(provider_ref, {"pause_collection": {"behavior": "void"}})
        )

    async def resume(self, provider_ref: str) -> None:
        forbid_inside_transaction("resume")
        await self._stripe.ask(self._subscriptions.update_async(provider_ref, {"pause_collection": ""}))

    async def cancel(self, provider_ref: str) -> None:
        forbid_inside_transaction("cancel")
        if (await self.fetch(provider_ref)).status not in _OVER:
            await self._stripe.ask(self._subscriptions.cancel_async(provider_ref))

    async def close(self) -> None:
        await self._stripe.close()

    # Invoices.

    async def _made(self, charge: InvoiceCharge) -> Invoice:
        """The period's invoice, made and made final where that is missing; nothing is taken by that."""
        to_stripe(charge.amount)  # before anything is made of it
        invoice = await self._found(charge)
        attempt = charge.attempt_id
        if invoice is None:
            subscription = await self._subscription(charge.provider_ref)
            if _state(subscription).status in _OVER:
                raise PaymentRefused("The subscription has ended; it makes no more invoices.")
            params = _invoice_params(charge, _customer(subscription))
            invoice = await self._stripe.ask(
                self._invoices.create_async(params, {"idempotency_key": f"{attempt}:invoice"})
            )
        if invoice.status == "draft":
            if not invoice.total:
                item = _item_params(charge, invoice)
                await self._stripe.ask(self._items.create_async(item, {"idempotency_key": f"{attempt}:item"}))
            key = f"{attempt}:finalize"
            invoice = await self._stripe.ask(
                self._invoices.finalize_invoice_async(
                    invoice.id or "", {"auto_advance": False, "expand": _PAYMENTS}, {"idempotency_key": key}
                )
            )
        return invoice

    async def _found(self, charge: InvoiceCharge) -> Invoice | None:
        start = charge.period_start.isoformat()
        listed = await self._stripe.ask(
            self._invoices.list_async(
                {"subscription": charge.provider_ref, "limit": _INVOICES, "expand": ["data.payments"]}
            )
        )
        ours = [invoice for invoice in listed.data if getattr(invoice.metadata, PERIOD, None) == start]
        return ours[0] if ours else None

    async def _pay(self, invoice: Invoice, key: str, method: str) -> Invoice:
        """Tries it; a decline is told by the invoice's own payment."""
        params: InvoicePayParams = {"off_session": True, "expand": _PAYMENTS}
        if method:
            params["payment_method"] = method
        ref = invoice.id or ""
        try:
            return await self._stripe.ask(self._invoices.pay_async(ref, params, {"idempotency_key": key}))
        except PaymentRefused:
            return await self._invoice(ref)

    async def _invoice(self, ref: str) -> Invoice:
        return await self._stripe.ask(self._invoices.retrieve_async(ref, {"expand": _PAYMENTS}))

    async def _end_of(self, charge: InvoiceCharge, invoice: Invoice) -> IntentState:
        """How an invoice ended that takes no more money: its payment may still look as if it waited for some."""
        if not invoice.payments or not invoice.payments.data:
            return _nothing(charge, AttemptStatus.CANCELLED)
        state = await self._money_of(invoice)
        return state if state.captured else evolve(state, status=AttemptStatus.CANCELLED, failure_code="")

    async def _money_of(self, invoice: Invoice) -> IntentState:
        """How the payment of an invoice stands. Raises PaymentProviderUnavailable while it has none to speak of."""
        payments = invoice.payments.data if invoice.payments else []
        for one in sorted(payments, key=lambda payment: not payment.is_default):
            intent = one.payment.payment_intent
            if intent is not None:
                ref = intent if isinstance(intent, str) else intent.id
                return state_of(
                    await self._stripe.ask(self._intents.retrieve_async(ref, {"expand": ["latest_charge"]}))
                )
        raise PaymentProviderUnavailable("Stripe's invoice has no payment yet.")

    async def _subscription(self, ref: str) -> Subscription:
        try:
            return await self._stripe.ask(self._subscriptions.retrieve_async(ref))
        except PaymentNotFound as error:
            raise SubscriptionNotFound("Stripe has no subscription of this name.") from error

    async def _customer_of(self, method: str) -> str:
        """Whose saved way to pay this is. Raises MethodNotForSubscriptions for one that nobody saved."""
        try:
            saved = await self._stripe.ask(self._methods.retrieve_async(method)) if self.takes(method) else None
        except PaymentNotFound:
            saved = None
        customer = saved.customer if saved is not None else None
        if customer is None:
            raise MethodNotForSubscriptions("A subscription is paid by a way to pay that was saved before.")
        return customer if isinstance(customer, str) else customer.id


def open_stripe_billing(options: Options, gateway: PaymentGateway) -> StripeSubscriptionBilling:
    """Stripe as the SHOP_STRIPE_… variables say, for the same account as its payments. Raises StripeNotSetUp."""
    return StripeSubscriptionBilling(account_of(options), gateway.provider)


def _subscription_params(request: BillingRequest, customer: str, product: str) -> SubscriptionCreateParams:
    params: SubscriptionCreateParams = {
        "customer": customer,
        "default_payment_method": request.method,
        "description": request.title,
        "items": [
            {
                "price_data": {
                    "currency": request.amount.currency.lower(),
                    "product": product,
                    "recurring": {"interval": request.interval.unit.value, "interval_count": request.interval.count},
                    "unit_amount": 0,
                },
                "quantity": 1,
            }
        ],
        "off_session": True,
        "proration_behavior": "none",
        "metadata": {"subscription_id": str(request.subscription_id)},
    }
    if request.trial_ends_at is not None:  # so that Stripe says three days before that it ends
        params["trial_end"] = int(request.trial_ends_at.timestamp())
    return params


def _invoice_params(charge: InvoiceCharge, customer: str) -> InvoiceCreateParams:
    return {
        "customer": customer,
        "subscription": charge.provider_ref,
        "currency": charge.amount.currency.lower(),
        "auto_advance": False,
        "collection_method": "charge_automatically",
        "pending_invoice_items_behavior": "exclude",
        "metadata": {PERIOD: charge.period_start.isoformat(), "order_id": str(charge.order_id)},
        "expand": _PAYMENTS,
    }


def _item_params(charge: InvoiceCharge, invoice: Invoice) -> InvoiceItemCreateParams:
    customer = invoice.customer
    return {
        "customer": customer if isinstance(customer, str) or customer is None else customer.id,  # type: ignore[typeddict-item]
        "invoice": invoice.id or "",
        "amount": to_stripe(charge.amount),
        "currency": charge.amount.currency.lower(),
        "description": str(charge.order_id),
    }


def _state(subscription: Subscription) -> BillingState:
    status = BillingStatus.RUNNING
    if subscription.status == "canceled":
        status = BillingStatus.ENDED
    elif subscription.status == "incomplete_expired":
        status = BillingStatus.EXPIRED
    elif subscription.status == "paused" or getattr(subscription, "pause_collection", None):
        status = BillingStatus.PAUSED
    return BillingState(provider_ref=subscription.id, status=status)


def _customer(subscription: Subscription) -> str:
    customer = subscription.customer
    return customer if isinstance(customer, str) else customer.id


def _nothing(charge: InvoiceCharge, status: AttemptStatus) -> IntentState:
    """An invoice that moved no money and never will."""
    zero = Money.zero(charge.amount.currency)
    return IntentState(provider_ref="", status=status, amount=charge.amount, captured=zero)
