"""What every payment gateway promises, as tests: subclass `PaymentGatewayContract` and say how to open yours.

    class TestMyGateway(PaymentGatewayContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield GatewayUnderTest(...)

pytest is all that is needed. Each test runs in an event loop of its own, on a gateway opened for it.
"""

from shop.adapters.contracts.payments.balance import BalancePromises
from shop.adapters.contracts.payments.disputes import DisputePromises
from shop.adapters.contracts.payments.intents import IntentPromises
from shop.adapters.contracts.payments.money import MoneyPromises
from shop.adapters.contracts.payments.news import NewsPromises
from shop.adapters.contracts.payments.records import RecordPromises
from shop.adapters.contracts.payments.refunds import RefundPromises
from shop.adapters.contracts.payments.subject import GatewayUnderTest, MovableClock

__all__ = ["GatewayUnderTest", "MovableClock", "PaymentGatewayContract"]


class PaymentGatewayContract(
    IntentPromises, MoneyPromises, RefundPromises, DisputePromises, NewsPromises, RecordPromises, BalancePromises
):
    """The promises of `shop.application.ports.payments.PaymentGateway`."""
