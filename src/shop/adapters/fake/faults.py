"""What can go wrong between the shop and a payment provider, made to happen on purpose and repeatably."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from shop.application.ports.network import forbid_inside_transaction
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
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeState, IntentState, RefundState, RiskState

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Fault(StrEnum):
    """One thing that goes wrong with one call."""

    TIMEOUT_BEFORE = "timeout_before"
    """No answer, and nothing happened."""
    TIMEOUT_AFTER = "timeout_after"
    """No answer, though it happened."""
    ERROR = "error"
    """The provider says that it has trouble; nothing happened."""
    SLOW = "slow"
    """It works, but the question and the answer each take their time."""


class Random(Protocol):
    """As much of `random.Random` as is needed to draw faults."""

    def random(self) -> float:
        """A number from 0 up to but not including 1."""


class FaultPlan(Protocol):
    """Decides what happens to each call."""

    def fault_for(self, call: str) -> Fault | None:
        """What goes wrong with this call of the gateway (`capture`, …); None: nothing."""


class ScriptedFaults:
    """Faults in a given order for each kind of call, one per call; None lets a call through."""

    def __init__(self, script: Mapping[str, Iterable[Fault | None]]) -> None:
        self._script = {call: deque(faults) for call, faults in script.items()}

    def fault_for(self, call: str) -> Fault | None:
        waiting = self._script.get(call)
        return waiting.popleft() if waiting else None

    @property
    def left(self) -> int:
        """How many entries were not used yet."""
        return sum(len(faults) for faults in self._script.values())


class RandomFaults:
    """Each fault with its own chance, from a seeded source; `heal()` ends them all."""

    def __init__(self, random: Random, chances: Mapping[Fault, float]) -> None:
        if sum(chances.values()) > 1 or any(chance < 0 for chance in chances.values()):
            raise ValueError("The chances of all faults must be from 0 to 1 together.")
        self._random = random
        self._chances = dict(chances)

    def fault_for(self, call: str) -> Fault | None:
        drawn = self._random.random()
        for fault, chance in self._chances.items():
            if drawn < chance:
                return fault
            drawn -= chance
        return None

    def heal(self) -> None:
        self._chances.clear()


class FaultyGateway:
    """Any gateway behind a bad line. It waits only by the function that it is given: time may be virtual."""

    def __init__(
        self,
        gateway: PaymentGateway,
        plan: FaultPlan,
        sleep: Sleep,
        *,
        slow_seconds: float = 5.0,
        timeout_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self.provider = gateway.provider
        self._gateway = gateway
        self._plan = plan
        self._sleep = sleep
        self._slow_seconds = slow_seconds
        self._timeout_seconds = timeout_seconds

    async def methods(self) -> list[PaymentMethod]:
        return await self._gateway.methods()

    async def create_intent(self, request: IntentRequest) -> IntentState:
        return await self.through("create_intent", lambda: self._gateway.create_intent(request))

    async def fetch(self, provider_ref: str) -> IntentState:
        return await self.through("fetch", lambda: self._gateway.fetch(provider_ref))

    async def confirm(
        self, provider_ref: str, attempt_id: AttemptId, method: str, customer_ref: str = "", try_ref: str = ""
    ) -> IntentState:
        return await self.through(
            "confirm", lambda: self._gateway.confirm(provider_ref, attempt_id, method, customer_ref, try_ref)
        )

    async def capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        return await self.through("capture", lambda: self._gateway.capture(provider_ref, attempt_id, amount))

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        return await self.through("cancel", lambda: self._gateway.cancel(provider_ref, attempt_id))

    async def refund(self, request: RefundRequest) -> RefundState:
        return await self.through("refund", lambda: self._gateway.refund(request))

    async def disputes(self, provider_ref: str) -> tuple[DisputeState, ...]:
        return await self.through("disputes", lambda: self._gateway.disputes(provider_ref))

    async def risk(self, provider_ref: str) -> RiskState:
        return await self.through("risk", lambda: self._gateway.risk(provider_ref))

    async def answer_dispute(self, answer: DisputeAnswer) -> DisputeState:
        return await self.through("answer_dispute", lambda: self._gateway.answer_dispute(answer))

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        return self._gateway.read_news(body, headers)

    async def close(self) -> None:
        await self._gateway.close()

    async def through(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` answers, with what goes wrong with this call: also for calls that are no gateway's."""
        forbid_inside_transaction(call)
        fault = self._plan.fault_for(call)
        if fault is Fault.ERROR:
            raise PaymentProviderUnavailable("The payment provider has an internal error.")
        if fault is Fault.SLOW:
            await self._sleep(self._slow_seconds / 2)
        if fault is Fault.TIMEOUT_BEFORE:
            await self._time_out(call)
        answer = await ask()
        if fault is Fault.TIMEOUT_AFTER:
            await self._time_out(call)
        if fault is Fault.SLOW:
            await self._sleep(self._slow_seconds / 2)
        return answer

    async def _time_out(self, call: str) -> None:
        await self._sleep(self._timeout_seconds)
        raise PaymentProviderUnavailable(f"The payment provider did not answer {call} in time.")
