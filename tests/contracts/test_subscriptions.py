"""The promises of billing, kept by the fake provider's and by Stripe's adapter."""

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
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.stripe.subscriptions import StripeSubscriptionBilling
from tests.stripe_billing_stub import SAVED, SAVED_DECLINED, StripeBillingStub
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET


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
        method_for_once="fake_debit",
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


@asynccontextmanager
async def stripe() -> AsyncIterator[BillingUnderTest]:
    """Stripe's billing against a stub with Stripe's semantics: Stripe itself is not at hand."""
    clock = MovableClock()
    async with StripeBillingStub() as stub:
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway, billing = StripePaymentGateway(account, clock), StripeSubscriptionBilling(account)
        yield BillingUnderTest(
            billing=billing,
            gateway=gateway,
            clock=clock,
            method=SAVED,
            declined_method=SAVED_DECLINED,
            method_for_once="card",
            unknown_ref="sub_unknown",
        )
        await billing.close()
        await gateway.close()


class TestStripe(SubscriptionBillingContract):
    def open_subject(self) -> AbstractAsyncContextManager[BillingUnderTest]:
        return stripe()
