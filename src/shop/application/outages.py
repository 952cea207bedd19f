"""What the shop does while its payment provider is away: it stops asking for a moment, and asks again with one call.

Somebody who waits for a provider that does not answer keeps a request, and its shopper, waiting too; and a provider
that is overloaded does not recover while everybody repeats everything. So calls are counted: when most of the latest
failed the circuit opens and calls are refused at once, as if the provider had not answered. After a rest one call is
let through; if it is answered the circuit closes. Nothing is lost by that: what was not done is taken up by the
worker, with the same keys. Retries within one call are the adapter's (Stripe's library: two, with jitter, under one
idempotency key), and there are none on top of them, for retries of retries are what a storm is made of.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from attrs import define, field, frozen, validators

from shop.application.ports.clock import Clock
from shop.application.ports.payments import (
    CALL_TIMEOUT_SECONDS,
    DisputeAnswer,
    IntentRequest,
    PaymentGateway,
    PaymentMethod,
    PaymentProviderUnavailable,
    ProviderNews,
    RefundRequest,
)
from shop.application.ports.saved_methods import MethodSetup, SavedMethods
from shop.application.ports.subscriptions import BillingRequest, BillingState, InvoiceCharge, SubscriptionBilling
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import AttemptId, WalletId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeState, IntentState, RefundState, RiskState, SavedMethod

DEADLINE_SECONDS = 2 * CALL_TIMEOUT_SECONDS + 5
"""For adapters that keep no time of their own; those that do may ask twice within one call."""

T = TypeVar("T")


class ProviderResting(PaymentProviderUnavailable):
    """The provider failed so often just now that it was not asked at all: certainly nothing happened."""


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@frozen(kw_only=True)
class CircuitRules:
    """When to stop asking. `share` of the calls of the last `window_seconds` failed, and there were `calls_min`."""

    window_seconds: float = field(default=30.0, validator=validators.gt(0))
    calls_min: int = field(default=10, validator=validators.ge(1))
    calls_max: int = field(default=200, validator=validators.ge(1))
    share: float = field(default=0.5, validator=[validators.gt(0), validators.le(1)])
    rest_seconds: float = field(default=10.0, validator=validators.gt(0))


@define
class CircuitBreaker:
    """Counts how calls end, and says whether another may be made. It has no clock: every question brings the time."""

    rules: CircuitRules = field(factory=CircuitRules)
    _ended: deque[tuple[float, bool]] = field(factory=deque, init=False)
    _opened_at: float | None = field(default=None, init=False)
    _trial_until: float = field(default=float("-inf"), init=False)

    def state(self, now: float) -> CircuitState:
        if self._opened_at is None:
            return CircuitState.CLOSED
        # Before it opened: the clock was put back since.
        resting = 0 <= now - self._opened_at < self.rules.rest_seconds
        return CircuitState.OPEN if resting else CircuitState.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. After the rest that is one call, until it ends or its deadline has passed."""
        state = self.state(now)
        if state is CircuitState.CLOSED:
            return True
        if state is CircuitState.OPEN or now < self._trial_until:
            return False
        self._trial_until = now + DEADLINE_SECONDS
        return True

    def note(self, now: float, *, answered: bool) -> None:
        """A call ended: the provider answered, if only to refuse, or it did not.

        While the circuit is open only the trial counts: what was begun before the rest says nothing new.
        """
        state = self.state(now)
        if state is CircuitState.OPEN:
            return
        if state is CircuitState.HALF_OPEN:
            self._ended.clear()
            self._trial_until = float("-inf")
            self._opened_at = None if answered else now
            return
        self._ended.append((now, answered))
        while len(self._ended) > self.rules.calls_max or self._ended[0][0] <= now - self.rules.window_seconds:
            self._ended.popleft()
        if answered or len(self._ended) < self.rules.calls_min:
            return
        failed = sum(not well for _, well in self._ended)
        if failed >= self.rules.share * len(self._ended):
            self._opened_at = now

    def forgo(self) -> None:
        """A call was called off before it ended: somebody else may be the trial."""
        self._trial_until = float("-inf")


@define
class Guard:
    """Lets calls to a provider through while its circuit is closed, each with a deadline."""

    circuit: CircuitBreaker
    clock: Clock
    deadline_seconds: float = DEADLINE_SECONDS

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises what the call raises, ProviderResting, PaymentProviderUnavailable past the deadline."""
        if not self.circuit.admits(self._now()):
            raise ProviderResting("The payment provider failed too often just now; it is asked again in a moment.")
        try:
            async with asyncio.timeout(self.deadline_seconds):
                answer = await call()
        except TimeoutError as error:
            self.circuit.note(self._now(), answered=False)
            raise PaymentProviderUnavailable("The payment provider did not answer in time.") from error
        except ShopError as error:
            self.circuit.note(self._now(), answered=not isinstance(error, PaymentProviderUnavailable))
            raise
        except BaseException:
            self.circuit.forgo()
            raise
        self.circuit.note(self._now(), answered=True)
        return answer

    def _now(self) -> float:
        return self.clock.now().timestamp()


@define
class GuardedSavedMethods:
    """The provider's customers behind the circuit of its payments: it is one provider."""

    saved_methods: SavedMethods
    guard: Guard
    provider: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.provider = self.saved_methods.provider

    def names(self, method: str) -> bool:
        return self.saved_methods.names(method)

    async def open_customer(self, wallet_id: WalletId) -> str:
        return await self.guard.ask(lambda: self.saved_methods.open_customer(wallet_id))

    async def begin(self, customer_ref: str, method: str, key: str) -> MethodSetup:
        return await self.guard.ask(lambda: self.saved_methods.begin(customer_ref, method, key))

    async def saved(self, customer_ref: str) -> list[SavedMethod]:
        return await self.guard.ask(lambda: self.saved_methods.saved(customer_ref))

    async def detach(self, customer_ref: str, method_ref: str) -> None:
        await self.guard.ask(lambda: self.saved_methods.detach(customer_ref, method_ref))

    async def forget(self, customer_ref: str) -> None:
        await self.guard.ask(lambda: self.saved_methods.forget(customer_ref))

    def method_in(self, body: bytes) -> str:
        return self.saved_methods.method_in(body)

    async def close(self) -> None:
        await self.saved_methods.close()


@define
class GuardedBilling:
    """The provider's subscriptions behind the circuit of its payments: it is one provider.

    What takes several calls there has one deadline; repeated with its key it goes on where it was cut off.
    """

    billing: SubscriptionBilling
    guard: Guard
    provider: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.provider = self.billing.provider

    def takes(self, method: str) -> bool:
        return self.billing.takes(method)

    def least(self, currency: str) -> Money:
        return self.billing.least(currency)

    async def subscribe(self, request: BillingRequest) -> BillingState:
        return await self.guard.ask(lambda: self.billing.subscribe(request))

    async def fetch(self, provider_ref: str) -> BillingState:
        return await self.guard.ask(lambda: self.billing.fetch(provider_ref))

    async def charge(self, charge: InvoiceCharge) -> IntentState:
        return await self.guard.ask(lambda: self.billing.charge(charge))

    async def retry(self, charge: InvoiceCharge, key: str) -> IntentState:
        return await self.guard.ask(lambda: self.billing.retry(charge, key))

    async def void(self, charge: InvoiceCharge) -> IntentState:
        return await self.guard.ask(lambda: self.billing.void(charge))

    async def change(self, provider_ref: str, request: BillingRequest, *, key: str) -> None:
        await self.guard.ask(lambda: self.billing.change(provider_ref, request, key=key))

    async def pause(self, provider_ref: str) -> None:
        await self.guard.ask(lambda: self.billing.pause(provider_ref))

    async def resume(self, provider_ref: str) -> None:
        await self.guard.ask(lambda: self.billing.resume(provider_ref))

    async def cancel(self, provider_ref: str) -> None:
        await self.guard.ask(lambda: self.billing.cancel(provider_ref))

    async def close(self) -> None:
        await self.billing.close()


@define
class GuardedGateway:
    """Any gateway behind a circuit breaker, each call with a deadline."""

    gateway: PaymentGateway
    guard: Guard
    provider: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.provider = self.gateway.provider

    async def methods(self) -> list[PaymentMethod]:
        return await self.gateway.methods()

    async def create_intent(self, request: IntentRequest) -> IntentState:
        return await self.guard.ask(lambda: self.gateway.create_intent(request))

    async def fetch(self, provider_ref: str) -> IntentState:
        return await self.guard.ask(lambda: self.gateway.fetch(provider_ref))

    async def confirm(
        self, provider_ref: str, attempt_id: AttemptId, method: str, customer_ref: str = "", try_ref: str = ""
    ) -> IntentState:
        return await self.guard.ask(
            lambda: self.gateway.confirm(provider_ref, attempt_id, method, customer_ref, try_ref)
        )

    async def capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        return await self.guard.ask(lambda: self.gateway.capture(provider_ref, attempt_id, amount))

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        return await self.guard.ask(lambda: self.gateway.cancel(provider_ref, attempt_id))

    async def refund(self, request: RefundRequest) -> RefundState:
        return await self.guard.ask(lambda: self.gateway.refund(request))

    async def disputes(self, provider_ref: str) -> tuple[DisputeState, ...]:
        return await self.guard.ask(lambda: self.gateway.disputes(provider_ref))

    async def risk(self, provider_ref: str) -> RiskState:
        return await self.guard.ask(lambda: self.gateway.risk(provider_ref))

    async def answer_dispute(self, answer: DisputeAnswer) -> DisputeState:
        return await self.guard.ask(lambda: self.gateway.answer_dispute(answer))

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        return self.gateway.read_news(body, headers)

    async def close(self) -> None:
        await self.gateway.close()
