"""The promises of saved ways to pay, kept by the fake provider and by Stripe's adapter."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.saved_methods import SavedMethodsContract, SavedMethodsUnderTest
from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.saved_methods import FakeSavedMethods
from shop.adapters.fake.wallet_books import MemoryWalletBooks, SqliteWalletBooks, WalletBooks
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.stripe.saved_methods import StripeSavedMethods
from shop.application.ports.payments import ProviderNews
from shop.application.ports.saved_methods import MethodSetup
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, sign
from tests.stripe_wallet_stub import StripeWalletStub


@asynccontextmanager
async def fake_over(books: WalletBooks) -> AsyncIterator[SavedMethodsUnderTest]:
    clock = MovableClock()
    gateway = FakePaymentGateway(MemoryBooks(), clock, "whsec", wallets=books)
    saved = FakeSavedMethods(books, clock)

    def detached() -> ProviderNews:
        message = [news for news in saved.take_news() if news.event_type == "payment_method.detached"][-1]
        return gateway.read_news(message.body, gateway.signed_headers(message.body))

    yield SavedMethodsUnderTest(
        saved_methods=saved,
        gateway=gateway,
        clock=clock,
        method="fake_card",
        declined_method="fake_card_declined",
        finish=lambda *_: None,
        pay=lambda _: None,
        plain_declined="fake_card_declined",
        decline=lambda _: None,
        detached_news=detached,
    )
    await gateway.close()
    await saved.close()


class TestFakeOverMemory(SavedMethodsContract):
    def open_subject(self) -> AbstractAsyncContextManager[SavedMethodsUnderTest]:
        return fake_over(MemoryWalletBooks())


class TestFakeOverSqlite(SavedMethodsContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "wallets.db"

    def open_subject(self) -> AbstractAsyncContextManager[SavedMethodsUnderTest]:
        return fake_over(SqliteWalletBooks(str(self.path)))


@asynccontextmanager
async def stripe() -> AsyncIterator[SavedMethodsUnderTest]:
    """Stripe's customers against a stub with Stripe's semantics: Stripe itself is not at hand."""
    clock = MovableClock()
    async with StripeWalletStub() as stub:
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway, saved = StripePaymentGateway(account, clock), StripeSavedMethods(account)

        def finish(setup: MethodSetup, declined: bool) -> None:
            stub.browser_saves(setup.client_secret, "chargeDeclined" if declined else "visa")

        def detached() -> ProviderNews:
            body = json.dumps(stub.events[-1]).encode()
            headers = {"stripe-signature": sign(body, WEBHOOK_SECRET, clock.now())}
            return gateway.read_news(body, headers)

        yield SavedMethodsUnderTest(
            saved_methods=saved,
            gateway=gateway,
            clock=clock,
            method="stripe_card",
            declined_method="stripe_card",
            finish=finish,
            pay=lambda state: stub.browser_confirms(state.client_secret, "pm_card_visa"),
            plain_declined="stripe_card",
            decline=lambda ref: stub.browser_confirms(str(stub.intent(ref)["client_secret"]), "pm_card_chargeDeclined"),
            detached_news=detached,
        )
        await saved.close()
        await gateway.close()


class TestStripe(SavedMethodsContract):
    def open_subject(self) -> AbstractAsyncContextManager[SavedMethodsUnderTest]:
        return stripe()
