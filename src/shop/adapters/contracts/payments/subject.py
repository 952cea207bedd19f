"""The gateway that a contract test is about, and how each test gets one."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from attrs import frozen

from shop.application.ports.payments import IntentRequest, PaymentGateway, RefundRequest, Simulation
from shop.domain.kernel.identifiers import AttemptId, OrderId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import IntentState

STORY_SECONDS = 60.0
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class MovableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


Shopper = Callable[[IntentState], Awaitable[None]]
Bank = Callable[[str, Simulation], Awaitable[None]]


@frozen(kw_only=True)
class GatewayUnderTest:
    """A gateway with all that a test needs around it.

    `clock` is the one that the gateway was given. `pay`, `decline` and `challenge` do what the shopper does
    after the intent was made with `method`, `declined_method` or `challenged_method`: nothing, where the
    method itself decides. `server_method` and `server_declined_method` can be confirmed without the shopper.
    `news` gives a message of the provider about an intent, not signed; `sign` the headers that go with these
    bytes at this moment, made with the provider's secret or, when told, with another one. `lapse` lets the time pass in
    which what this intent authorised could be captured; None where no test can. `bank` does to an intent what buyers,
    banks and reviewers do. `pay_out` makes the provider pay out what it holds, where a test can bring that about.
    `refuse` brings the provider to refuse for good to make the intent of this request, where a test can.
    """

    gateway: PaymentGateway
    clock: MovableClock
    method: str
    declined_method: str
    challenged_method: str
    server_method: str
    server_declined_method: str
    pay: Shopper
    decline: Shopper
    challenge: Shopper
    unknown_ref: str
    bank: Bank
    news: Callable[[str], bytes]
    sign: Callable[[bytes, datetime, str | None], dict[str, str]]
    declined_code: str = "card_declined"
    lapse: Callable[[str], Awaitable[None]] | None = None
    pay_out: Callable[[], Awaitable[None]] | None = None
    refuse: Callable[[IntentRequest], None] | None = None


class GatewayPromises:
    """What each part of the contract stands on: opening the gateway, and what cannot be run against it."""

    leaves_out: ClassVar[Mapping[str, str]] = {}
    """Tests that cannot be run against this provider, by name, each with the reason."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if unknown := [name for name in cls.leaves_out if not hasattr(cls, name)]:
            raise TypeError(f"{cls.__name__} leaves out tests that do not exist: {', '.join(unknown)}.")

    def open(self) -> AbstractAsyncContextManager[GatewayUnderTest]:
        """A gateway to a provider that nobody else uses, closed at the end."""
        raise NotImplementedError


Story = Callable[[Any, GatewayUnderTest], Awaitable[None]]


def alone(story: Story) -> Callable[[Any], None]:
    """Makes a test of a story: in an event loop of its own, on a gateway opened for it, and not for ever."""

    @functools.wraps(story)
    def test(contract: "GatewayPromises") -> None:
        if reason := contract.leaves_out.get(story.__name__):
            pytest.skip(reason)

        async def play() -> None:
            async with asyncio.timeout(STORY_SECONDS), contract.open() as subject:
                await story(contract, subject)

        asyncio.run(play())

    # pytest reads what a test needs from its signature: this one needs only itself.
    test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    )
    return test


def new_request(subject: GatewayUnderTest, minor: int = 1999, currency: str = "EUR", method: str = "") -> IntentRequest:
    return IntentRequest(
        attempt_id=AttemptId(uuid4()),
        order_id=OrderId(uuid4()),
        amount=Money(minor, currency),
        method=method or subject.method,
    )


async def authorized(subject: GatewayUnderTest, request: IntentRequest) -> IntentState:
    state = await subject.gateway.create_intent(request)
    await subject.pay(state)
    return await subject.gateway.fetch(state.provider_ref)


async def captured(subject: GatewayUnderTest, request: IntentRequest) -> IntentState:
    state = await authorized(subject, request)
    return await subject.gateway.capture(state.provider_ref, request.attempt_id)


def new_refund(ref: str, minor: int, currency: str = "EUR") -> RefundRequest:
    return RefundRequest(refund_id=RefundId(uuid4()), provider_ref=ref, amount=Money(minor, currency))
