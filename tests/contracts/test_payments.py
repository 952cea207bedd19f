"""The promises of payment gateways, kept by the fake provider over each of its books."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from shop.adapters.contracts.payments import GatewayUnderTest, MovableClock, PaymentGatewayContract
from shop.adapters.fake.books import Books, MemoryBooks, SqliteBooks
from shop.adapters.fake.faults import FaultyGateway, RandomFaults
from shop.adapters.fake.news import HEADER, sign
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.ports.payments import PaymentGateway
from shop.domain.payments import IntentState

SECRET = "whsec_of_the_fake"


async def _nothing(_state: IntentState) -> None:
    """The method decides by itself."""


async def _no_time(_seconds: float) -> None:
    """Waits for nothing."""


@asynccontextmanager
async def opened(books: Books, *, faulty: bool = False) -> AsyncIterator[GatewayUnderTest]:
    """The fake over these books, as the contract wants it."""
    clock = MovableClock()
    fake = FakePaymentGateway(books, clock, SECRET)
    gateway: PaymentGateway = FaultyGateway(fake, _NoFaults, _no_time) if faulty else fake

    async def pay(state: IntentState) -> None:
        if state.client_secret:
            fake.shopper_confirms(state.provider_ref)

    def news(ref: str) -> bytes:
        return next(told.body for told in reversed(fake.take_news()) if told.object_ref == ref)

    def signed(body: bytes, at: datetime, secret: str | None) -> dict[str, str]:
        return {HEADER: sign(body, secret or SECRET, at)}

    yield GatewayUnderTest(
        gateway=gateway,
        clock=clock,
        method="fake_card",
        declined_method="fake_card_declined",
        challenged_method="fake_card_3ds",
        server_method="fake_card",
        server_declined_method="fake_card_declined",
        pay=pay,
        decline=_nothing,
        challenge=_nothing,
        unknown_ref="pi_fake_unknown",
        news=news,
        sign=signed,
    )
    await gateway.close()


class _Never:
    def random(self) -> float:
        return 0.5


_NoFaults = RandomFaults(_Never(), {})


class TestFakeOverMemory(PaymentGatewayContract):
    def open(self) -> AbstractAsyncContextManager[GatewayUnderTest]:
        return opened(MemoryBooks())


class TestFakeOverSqlite(PaymentGatewayContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "provider.db"

    def open(self) -> AbstractAsyncContextManager[GatewayUnderTest]:
        return opened(SqliteBooks(self.path))


class TestFakeBehindALineWithoutFaults(PaymentGatewayContract):
    def open(self) -> AbstractAsyncContextManager[GatewayUnderTest]:
        return opened(MemoryBooks(), faulty=True)


def test_a_contract_leaves_out_only_tests_that_exist() -> None:
    with pytest.raises(TypeError, match="test_of_a_misspelt_name"):
        type(
            "Careless",
            (PaymentGatewayContract,),
            {"leaves_out": {"test_of_a_misspelt_name": "it is misspelt"}},
        )
