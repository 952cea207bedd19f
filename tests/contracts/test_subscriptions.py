"""The promises of billing, kept by the fake provider's."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.subscriptions import BillingUnderTest, SubscriptionBillingContract
from shop.adapters.fake.billing_books import BillingBooks, MemoryBillingBooks, SqliteBillingBooks
from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.subscriptions import FakeSubscriptionBilling


@asynccontextmanager
async def fake_over(books: BillingBooks) -> AsyncIterator[BillingUnderTest]:
    clock = MovableClock()
    gateway = FakePaymentGateway(MemoryBooks(), clock, "whsec")
    billing = FakeSubscriptionBilling(gateway, books, clock)
    yield BillingUnderTest(
        billing=billing,
        gateway=gateway,
        clock=clock,
        method="fake_card",
        declined_method="fake_card_declined",
        unknown_ref="sub_fake_unknown",
    )
    await billing.close()


class TestFakeOverMemory(SubscriptionBillingContract):
    def open_subject(self) -> AbstractAsyncContextManager[BillingUnderTest]:
        return fake_over(MemoryBillingBooks())


class TestFakeOverSqlite(SubscriptionBillingContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "billing.db"

    def open_subject(self) -> AbstractAsyncContextManager[BillingUnderTest]:
        return fake_over(SqliteBillingBooks(str(self.path)))
