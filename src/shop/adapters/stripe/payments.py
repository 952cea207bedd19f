"""Takes money through Stripe: the browser confirms with Stripe itself, we capture and refund."""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from attrs import evolve
from stripe import PaymentIntent, Refund
from stripe.params import (
    BalanceTransactionListParams,
    EventListParams,
    EventListParamsCreated,
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentUpdateParams,
    PayoutListParams,
)

from shop.adapters.stripe import news
from shop.adapters.stripe.account import (
    StripeAccount,
    account_of,
)
from shop.adapters.stripe.amounts import to_stripe
from shop.adapters.stripe.balance import payout_of, transaction_of
from shop.adapters.stripe.connection import StripeConnection
from shop.adapters.stripe.disputes import dispute_states_of, update_params
from shop.adapters.stripe.refunds import refund_answer_of, refund_params
from shop.adapters.stripe.states import MISSING, listed_of, state_of
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import (
    METHOD_GONE,
    DisputeAnswer,
    IntentRequest,
    PaymentMethod,
    PaymentRefused,
    ProviderNews,
    RefundRequest,
)
from shop.application.ports.records import (
    LISTED_MAX,
    BalanceTransaction,
    Listed,
    ListedIntent,
    ListedNews,
    Payout,
)
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    AttemptStatus,
    DisputeNotFound,
    DisputeState,
    IntentState,
    PaymentMethodUnknown,
    PaymentNotFound,
    RefundState,
    RiskState,
)

REFUNDS_MAX = 100
"""Of one payment; Stripe gives no more at once, and no shop gives a payment back in more parts."""

METHODS = (
    PaymentMethod(code="stripe_card", name="Card", confirms_in="browser", savable=True),
    PaymentMethod(code="stripe", name="Card, wallet or local method", confirms_in="browser"),
    PaymentMethod(code="stripe_direct", name="Bank debit or local method", confirms_in="browser", authorizes=False),
)
SAVED_METHOD = "pm_"
_EXPAND = ["latest_charge"]
_EXPAND_LISTED = ["data.latest_charge", "data.latest_charge.refunds"]
DISPUTES_MAX = 100
"""Of one payment; there is hardly ever more than one."""
_EXPAND_REVIEW = ["review"]
_EXPAND_REFUNDS = ["latest_charge", "latest_charge.refunds"]
_EXPAND_SOURCE = ["data.source"]
_UNPAID = frozenset({AttemptStatus.REQUIRES_ACTION, AttemptStatus.FAILED})
_CAPTURABLE = frozenset({AttemptStatus.AUTHORIZED})
_CANCELLABLE = _UNPAID | _CAPTURABLE
_CANNOT_PAY_ANY_MORE = frozenset(AttemptStatus) - _CANCELLABLE
_CAPTURED = frozenset({AttemptStatus.CAPTURED})
_CONFIRMED = frozenset({AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED, AttemptStatus.PROCESSING})

Act = Callable[[str], Awaitable[PaymentIntent]]


class StripePaymentGateway:
    """Stripe's payment intents, captured by us."""

    def __init__(self, account: StripeAccount, clock: Clock, provider: str = "stripe") -> None:
        self.provider = provider
        self._clock = clock
        self._endpoint = news.Endpoint(account.webhook_secret, account.live)
        self._stripe = StripeConnection(account)
        services = self._stripe.services
        self._intents, self._refunds, self._events = services.payment_intents, services.refunds, services.events
        self._disputes, self._warnings = services.disputes, services.radar.early_fraud_warnings
        self._transactions, self._payouts = services.balance_transactions, services.payouts

    async def methods(self) -> list[PaymentMethod]:
        return list(METHODS)

    async def create_intent(self, request: IntentRequest) -> IntentState:
        forbid_inside_transaction("create_intent")
        params = _intent_params(request)
        key = str(request.attempt_id)
        try:
            made = state_of(await self._stripe.ask(self._intents.create_async(params, {"idempotency_key": key})))
        except PaymentNotFound as missing:  # not the intent, which is only being made: its customer or card
            raise PaymentRefused("Stripe does not know who is to pay, or with what.", reason=MISSING) from missing
        if not request.confirm or not request.method.startswith(SAVED_METHOD):
            return made
        return await self._confirm(made.provider_ref, request.attempt_id, request.method)

    async def fetch(self, provider_ref: str) -> IntentState:
        forbid_inside_transaction("fetch")
        intent = await self._stripe.ask(self._intents.retrieve_async(provider_ref, {"expand": _EXPAND_REFUNDS}))
        return state_of(intent, await self._refunds_of(intent))

    async def _refunds_of(self, intent: PaymentIntent) -> list[Refund] | None:
        """All refunds of an intent whose answer holds only the latest of many; None where it holds all."""
        listed = getattr(intent.latest_charge, "refunds", None)
        if listed is None or not getattr(listed, "has_more", False):
            return None
        page = await self._stripe.ask(self._refunds.list_async({"payment_intent": intent.id, "limit": REFUNDS_MAX}))
        return list(page.data)

    async def confirm(
        self, provider_ref: str, attempt_id: AttemptId, method: str, customer_ref: str = "", try_ref: str = ""
    ) -> IntentState:
        forbid_inside_transaction("confirm")
        if customer_ref and method.startswith(SAVED_METHOD):
            # An intent that was begun with another way to pay does not know whose saved ones it may use.
            owner: PaymentIntentUpdateParams = {"customer": customer_ref}
            key = f"{attempt_id}:customer:{customer_ref}"
            with suppress(PaymentRefused, PaymentNotFound):  # what matters is what comes of confirming it
                await self._stripe.ask(self._intents.update_async(provider_ref, owner, {"idempotency_key": key}))
        state = await self._confirm(provider_ref, attempt_id, method, try_ref)
        # Stripe repeats its first answer to a key: what the shopper was to do may have been done since.
        return await self.fetch(provider_ref) if state.status is AttemptStatus.REQUIRES_ACTION else state

    async def _confirm(self, provider_ref: str, attempt_id: AttemptId, method: str, try_ref: str = "") -> IntentState:
        """A refusal is told by how the intent stands after it. An intent takes its money once, by however many keys it
        was confirmed; but Stripe says its first decline again for a day to whoever comes with the same one."""
        key = f"{attempt_id}:confirm:{method}"
        params: PaymentIntentConfirmParams = {"expand": _EXPAND}
        if method.startswith(SAVED_METHOD):
            params["payment_method"] = method
        try:
            return state_of(
                await self._stripe.ask(
                    self._intents.confirm_async(
                        provider_ref, params, {"idempotency_key": f"{key}:{try_ref}" if try_ref else key}
                    )
                )
            )
        except PaymentRefused:
            state = await self.fetch(provider_ref)
            if state.status is AttemptStatus.FAILED or state.status in _CONFIRMED:
                return state
            if method.startswith(SAVED_METHOD) and state.status is AttemptStatus.REQUIRES_ACTION:
                return evolve(state, status=AttemptStatus.FAILED, failure_code=METHOD_GONE, next_action=None)
            raise

    async def capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        forbid_inside_transaction("capture")
        params: PaymentIntentCaptureParams = {"expand": _EXPAND}
        key = f"{attempt_id}:capture"
        if amount is not None:
            await self._check_part(provider_ref, amount)
            params["amount_to_capture"] = to_stripe(amount)
            key = f"{key}:{amount.minor}"

        def act(key: str) -> Awaitable[PaymentIntent]:
            return self._intents.capture_async(provider_ref, params, {"idempotency_key": key})

        return await self._bring_about(_CAPTURED, _CAPTURABLE, provider_ref, key, act)

    async def _check_part(self, provider_ref: str, amount: Money) -> None:
        """Stripe takes a number and asks nothing of its currency. Raises Invalid."""
        asked = (await self.fetch(provider_ref)).amount
        if amount.minor <= 0 or amount.currency != asked.currency:
            raise Invalid(f"{amount} is nothing that could be captured of a payment in {asked.currency}.")

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        forbid_inside_transaction("cancel")

        def act(key: str) -> Awaitable[PaymentIntent]:
            return self._intents.cancel_async(provider_ref, {"expand": _EXPAND}, {"idempotency_key": key})

        return await self._bring_about(_CANNOT_PAY_ANY_MORE, _CANCELLABLE, provider_ref, f"{attempt_id}:cancel", act)

    async def refund(self, request: RefundRequest) -> RefundState:
        forbid_inside_transaction("refund")
        amount = request.amount
        if amount.minor <= 0:
            raise Invalid("A refund needs an amount above zero.")
        state = await self.fetch(request.provider_ref)
        if amount.currency != state.amount.currency:
            raise Invalid(f"The payment was in {state.amount.currency}; {amount.currency} cannot go back.")
        if state.status is not AttemptStatus.CAPTURED:
            # Stripe would take a refund of an authorisation for releasing it.
            raise PaymentRefused(f"A payment that is {state.status} has nothing to refund.")
        for known in state.refunds:
            # Stripe forgets an idempotency key after a day: what carries our id is that refund, whenever it was made.
            if known.refund_id == request.refund_id:
                return known
        key = str(request.refund_id)
        answer = await self._stripe.ask(self._refunds.create_async(refund_params(request), {"idempotency_key": key}))
        return refund_answer_of(answer)

    async def disputes(self, provider_ref: str) -> tuple[DisputeState, ...]:
        forbid_inside_transaction("disputes")
        page = await self._stripe.ask(
            self._disputes.list_async({"payment_intent": provider_ref, "limit": DISPUTES_MAX})
        )
        return dispute_states_of(page.data)

    async def risk(self, provider_ref: str) -> RiskState:
        forbid_inside_transaction("risk")
        intent = await self._stripe.ask(self._intents.retrieve_async(provider_ref, {"expand": _EXPAND_REVIEW}))
        listed = await self._stripe.ask(
            self._warnings.list_async({"payment_intent": provider_ref, "limit": DISPUTES_MAX})
        )
        return RiskState(
            reviewed=bool(getattr(intent.review, "open", False)),
            warned=any(warning.actionable for warning in listed.data),
        )

    async def answer_dispute(self, answer: DisputeAnswer) -> DisputeState:
        forbid_inside_transaction("answer_dispute")
        params, ref = update_params(answer), answer.provider_ref
        try:
            dispute = await self._stripe.ask(self._disputes.update_async(ref, params, {"idempotency_key": answer.key}))
        except PaymentNotFound as error:
            raise DisputeNotFound(f"Stripe has no dispute {ref[:80]}.") from error
        return dispute_states_of([dispute])[0]

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        header = headers.get(news.HEADER, "")
        return news.read(self.provider, self._endpoint, body, header, self._clock.now())

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        forbid_inside_transaction("list_intents")
        params: PaymentIntentListParams = {"created": _between(since, until), "limit": limit, "expand": _EXPAND_LISTED}
        if after:
            params["starting_after"] = after
        page = await self._stripe.ask(self._intents.list_async(params))
        return Listed(data=[listed_of(one) for one in page.data], next=page.data[-1].id if page.has_more else "")

    async def list_news(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedNews]:
        """Events about intents: every change of money that the shop follows is told by one of them."""
        forbid_inside_transaction("list_news")
        params: EventListParams = {"created": _between(since, until), "limit": limit, "types": news.LISTED}
        if after:
            params["starting_after"] = after
        page = await self._stripe.ask(self._events.list_async(params))
        return Listed(
            data=[
                ListedNews(
                    news=news.message_of(self.provider, event.to_dict(), str(event).encode()),
                    created_at=datetime.fromtimestamp(event.created, UTC),
                )
                for event in page.data
            ],
            next=page.data[-1].id if page.has_more else "",
        )

    async def list_transactions(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        forbid_inside_transaction("list_transactions")
        return await self._list_transactions({"created": _between(since, until)}, after, limit)

    async def list_paid_out(
        self, payout_ref: str, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        forbid_inside_transaction("list_paid_out")
        listed = await self._list_transactions({"payout": payout_ref}, after, limit)
        # Stripe lists the payout's own movement among those that it consists of.
        return evolve(listed, data=[one for one in listed.data if one.source_ref != payout_ref])

    async def find_transaction(self, ref: str) -> BalanceTransaction | None:
        forbid_inside_transaction("find_transaction")
        try:
            return transaction_of(
                await self._stripe.ask(self._transactions.retrieve_async(ref, {"expand": ["source"]}))
            )
        except PaymentNotFound:
            return None

    async def list_payouts(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[Payout]:
        forbid_inside_transaction("list_payouts")
        params: PayoutListParams = {"created": _between(since, until), "limit": limit}
        if after:
            params["starting_after"] = after
        page = await self._stripe.ask(self._payouts.list_async(params))
        return Listed(data=[payout_of(one) for one in page.data], next=page.data[-1].id if page.has_more else "")

    async def _list_transactions(
        self, which: BalanceTransactionListParams, after: str, limit: int
    ) -> Listed[BalanceTransaction]:
        params: BalanceTransactionListParams = {**which, "limit": limit, "expand": _EXPAND_SOURCE}
        if after:
            params["starting_after"] = after
        page = await self._stripe.ask(self._transactions.list_async(params))
        return Listed(data=[transaction_of(one) for one in page.data], next=page.data[-1].id if page.has_more else "")

    async def close(self) -> None:
        await self._stripe.close()

    async def _bring_about(
        self, wanted: frozenset[AttemptStatus], possible: frozenset[AttemptStatus], ref: str, key: str, act: Act
    ) -> IntentState:
        """Acts; when Stripe refuses, what matters is how the intent stands."""
        try:
            return state_of(await self._stripe.ask(act(key)))
        except PaymentRefused:
            state = await self.fetch(ref)
            if state.status in wanted:
                return state
            if state.status not in possible:
                raise
        # Stripe repeats its first answer to a key for a day, a refusal too, though the intent has moved on
        # since. Neither action can happen twice to an intent, so another key is safe.
        return state_of(await self._stripe.ask(act(f"{key}:{state.status}")))


def open_stripe_payments(options: Options) -> StripePaymentGateway:
    """Stripe as the SHOP_STRIPE_… variables say. Raises StripeNotSetUp."""
    return StripePaymentGateway(account_of(options), options.machine_clock)


def _between(since: datetime, until: datetime) -> EventListParamsCreated:
    """Stripe counts in whole seconds: from the first that is not before `since`."""
    return {"gte": math.ceil(since.timestamp()), "lt": math.ceil(until.timestamp())}


def _intent_params(request: IntentRequest) -> PaymentIntentCreateParams:
    """The intent to ask for. The same request gives the same parameters: Stripe compares them under one key."""
    if request.amount.minor <= 0:
        raise Invalid("An intent needs an amount above zero.")
    params: PaymentIntentCreateParams = {
        "amount": to_stripe(request.amount),
        "currency": request.amount.currency.lower(),
        "capture_method": "manual",
        "metadata": {"order_id": str(request.order_id), "attempt_id": str(request.attempt_id)},
        "expand": _EXPAND,
    }
    if request.method == "stripe_card":
        params["allowed_payment_method_types"] = ["card"]
        if request.save and request.customer_ref:
            params["customer"] = request.customer_ref
            # The bank is told now that the shop may charge the card later, while its owner is away.
            params["setup_future_usage"] = "off_session"
    elif request.method == "stripe_direct":
        # What cannot authorise is taken by Stripe as soon as it is paid; a card can, and is not offered this way.
        params["capture_method"] = "automatic_async"
        params["excluded_payment_method_types"] = ["card"]
    elif request.method.startswith(SAVED_METHOD) and (request.customer_ref or not request.confirm):
        params["allowed_payment_method_types"] = ["card"]
        if request.customer_ref:
            params["customer"] = request.customer_ref
    elif request.method != "stripe":
        # For “stripe” nothing is said: Stripe then offers what the owner switched on and what can authorise.
        raise PaymentMethodUnknown(f"Stripe is not set up for the method “{request.method[:40]}”.")
    if request.email:
        params["receipt_email"] = request.email
    return params
