"""Providers that make trouble, and how the money of an order stands."""

from collections.abc import Callable
from datetime import timedelta

from attrs import evolve

from shop.adapters.fake.faults import Fault, FaultPlan, FaultyGateway
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.ports.paging import PageRequest
from shop.application.ports.payments import (
    IntentRequest,
    PaymentGateway,
    RefundRequest,
)
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import OrderId
from shop.domain.kernel.money import Money
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, IntentState, RefundState, RefundStatus
from tests.invariants import Watch
from tests.shops import SmallShop


async def at_rest(small: SmallShop) -> None:
    await small.settle_down()
    await Watch(small.storage, lambda: small.books.intents).look(small.context(), at_rest=True)


async def sweep_for(small: SmallShop, time: timedelta, every: timedelta = timedelta(hours=1)) -> None:
    """Lets time pass, with the worker at its work."""
    end = small.clock.at + time
    while small.clock.at < end:
        small.clock.forward(every)
        await small.sweep()
        await small.deliver()


async def events_of(small: SmallShop, order_id: OrderId) -> list[str]:
    page = await small.storage.outbox.events(PageRequest(limit=100))
    about = {str(order_id), str((await small.payment(order_id)).id)}
    return sorted(event.type for event in page.data if event.subject_id in about)


async def states(small: SmallShop, order_id: OrderId) -> tuple[OrderStatus, PaymentStatus, AttemptStatus]:
    order, payment = await small.order(order_id), await small.payment(order_id)
    return order.status, order.payment_status, payment.status


PAID = (OrderStatus.CONFIRMED, PaymentStatus.PAID, AttemptStatus.CAPTURED)
CALLED_OFF = (OrderStatus.CANCELLED, PaymentStatus.VOIDED, AttemptStatus.CANCELLED)


class Away:
    """Trouble with every call until it is over."""

    over = False

    def fault_for(self, call: str) -> Fault | None:
        return None if self.over else Fault.ERROR


def faulty(faults: FaultPlan) -> Callable[[FakePaymentGateway], PaymentGateway]:
    async def sleep(seconds: float) -> None:
        """Virtual: nobody waits."""

    return lambda provider: FaultyGateway(provider, faults, sleep)


class Refusing:
    """A provider that will not make any intent."""

    def __init__(self, provider: PaymentGateway, refusal: type[ShopError]) -> None:
        self._provider, self._refusal = provider, refusal
        self.provider = provider.provider
        self.methods, self.fetch, self.confirm = provider.methods, provider.fetch, provider.confirm
        self.capture, self.cancel, self.refund = provider.capture, provider.cancel, provider.refund
        self.disputes, self.risk, self.answer_dispute = provider.disputes, provider.risk, provider.answer_dispute
        self.read_news, self.close = provider.read_news, provider.close

    async def create_intent(self, request: IntentRequest) -> IntentState:
        raise self._refusal("The amount is below the least that is taken.")


class Choosy(Refusing):
    """A provider that will not make intents of one method."""

    def __init__(self, provider: PaymentGateway, refusal: type[ShopError], method: str) -> None:
        super().__init__(provider, refusal)
        self._method = method

    async def create_intent(self, request: IntentRequest) -> IntentState:
        if request.method == self._method:
            raise self._refusal("Payments by this method are not set up.")
        return await self._provider.create_intent(request)


class SlowRefunds(Refusing):
    """A provider that takes refunds on, and is not done with them yet."""

    def __init__(self, provider: FakePaymentGateway, refunds: list[Money]) -> None:
        super().__init__(provider, Invalid)
        self._refunds = refunds
        provider.refunds_begin = RefundStatus.PENDING
        self.refund = self._take_on

    async def create_intent(self, request: IntentRequest) -> IntentState:
        return await self._provider.create_intent(request)

    async def _take_on(self, request: RefundRequest) -> RefundState:
        self._refunds.append(request.amount)
        return await self._provider.refund(request)


async def mismatched(small: SmallShop, *, captured: int = 0, currency: str = "EUR", authorized: int = 0) -> OrderId:
    """An order whose intent the provider says is of another sum than it was made for."""
    order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
    [intent] = small.books.intents.values()
    status = AttemptStatus.CAPTURED if captured else AttemptStatus.AUTHORIZED
    minor = captured or authorized
    small.books.alter(evolve(intent, status=status, captured=captured, minor=minor, currency=currency))
    return order_id
