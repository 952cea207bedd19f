"""Every request that the adapters make to Stripe fits the parameters of the library's pinned version.

The whole contract is told against the stub, and each call of a service is looked at on its way.
"""

import ast
import asyncio
import inspect
from collections.abc import Callable
from functools import wraps
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from stripe import StripeClient
from stripe.params import PaymentIntentCreateParams, RefundCreateParams, SubscriptionUpdateParams

import shop.adapters.stripe
from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.stripe.saved_methods import StripeSavedMethods
from shop.adapters.stripe.subscriptions import StripeSubscriptionBilling
from shop.application.ports.payments import IntentRequest, RefundRequest
from shop.domain.kernel.identifiers import AttemptId, OrderId, RefundId
from shop.domain.kernel.money import Money
from tests.contracts import test_payments, test_saved_methods, test_subscriptions
from tests.stripe_shapes import flaws, shape_of
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub

ADAPTER = Path(shop.adapters.stripe.__file__).parent
SERVICES = (
    "payment_intents",
    "refunds",
    "disputes",
    "radar.early_fraud_warnings",
    "events",
    "balance_transactions",
    "payouts",
    "subscriptions",
    "products",
    "invoices",
    "invoice_items",
    "payment_methods",
    "customers",
    "customers.payment_methods",
    "setup_intents",
)


class Watched:
    """Calls of the library's services, and what of their parameters does not fit."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.flaws: list[str] = []

    def over(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(method)

        @wraps(method)
        def ask(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            self.asked.add(name)
            if "params" in signature.parameters:
                self.flaws += flaws(bound.arguments.get("params") or {}, shape_of(method), name)
            return method(*arguments, **named)

        return ask


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched, client = Watched(), StripeClient(SECRET_KEY)
    for service in SERVICES:
        kind = type(attrgetter(service)(client.v1))
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.endswith("_async") and not name.startswith("_"):
                monkeypatch.setattr(kind, name, watched.over(f"{kind.__name__}.{name}", method))
    return watched


def told(contract: Any) -> None:
    """Every story of a contract, one after the other."""
    for name, story in inspect.getmembers(contract, inspect.ismethod):
        if name.startswith("test_"):
            try:
                story()
            except pytest.skip.Exception:
                continue


def account(stub: StripeStub) -> StripeAccount:
    return StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)


def services_of(adapter: object) -> dict[str, str]:
    """Which service hides behind which private name."""
    hidden = {name: type(value).__name__ for name, value in vars(adapter).items()}
    return {name: kind for name, kind in hidden.items() if kind.endswith("Service")}


def calls_in(file: Path, services: dict[str, str]) -> set[str]:
    """The calls of services that stand in the text of an adapter."""
    return {
        f"{services[node.value.attr]}.{node.attr}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.endswith("_async")
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in services
    }


def test_every_request_has_the_shape_that_the_library_describes(watched: Watched) -> None:
    told(test_payments.TestStripe())
    told(test_subscriptions.TestStripe())
    told(test_saved_methods.TestStripe())
    asyncio.run(_many_refunds_and_fees())
    assert watched.flaws == []
    stub = StripeStub()
    stub._server = type("Server", (), {"sockets": [type("S", (), {"getsockname": lambda self: ("127.0.0.1", 1)})()]})()
    mine = account(stub)
    adapters = {
        "payments.py": StripePaymentGateway(mine, MovableClock()),
        "subscriptions.py": StripeSubscriptionBilling(mine),
        "saved_methods.py": StripeSavedMethods(mine),
    }
    written = {call for file, one in adapters.items() for call in calls_in(ADAPTER / file, services_of(one))}
    assert len(written) > 20
    assert written - watched.asked == set(), "no story makes these calls"


async def _many_refunds_and_fees() -> None:
    """What no story of the contract needs: a payment that goes back in more parts than come at once."""
    async with StripeStub() as stub:
        gateway = StripePaymentGateway(account(stub), MovableClock())
        request = IntentRequest(
            attempt_id=AttemptId(uuid4()),
            order_id=OrderId(uuid4()),
            amount=Money(2000, "EUR"),
            method="stripe_card",
            email="ada@example.com",
        )
        state = await gateway.create_intent(request)
        stub.browser_confirms(state.client_secret, "pm_card_visa")
        await gateway.capture(state.provider_ref, request.attempt_id)
        for _ in range(12):
            wish = RefundRequest(refund_id=RefundId(uuid4()), provider_ref=state.provider_ref, amount=Money(10, "EUR"))
            await gateway.refund(wish)
        assert len((await gateway.fetch(state.provider_ref)).refunds) == 12
        await gateway.close()


RIGHT: Any = {"amount": 5, "currency": "eur", "capture_method": "manual", "metadata": {"order_id": "1"}}


@pytest.mark.parametrize(
    ("params", "shape", "told"),
    [
        (RIGHT, PaymentIntentCreateParams, ""),
        ({**RIGHT, "capture": "manual"}, PaymentIntentCreateParams, ".capture does not exist"),
        ({"currency": "eur"}, PaymentIntentCreateParams, ".amount is missing"),
        ({**RIGHT, "capture_method": "later"}, PaymentIntentCreateParams, "is none of"),
        ({**RIGHT, "amount": "5"}, PaymentIntentCreateParams, "is no <class 'int'>"),
        ({**RIGHT, "amount": True}, PaymentIntentCreateParams, "is no <class 'int'>"),
        ({**RIGHT, "expand": "latest_charge"}, PaymentIntentCreateParams, "is no list"),
        ({**RIGHT, "automatic_payment_methods": {"enable": True}}, PaymentIntentCreateParams, "does not exist"),
        ({"payment_intent": "pi_1", "reason": "damaged"}, RefundCreateParams, "is none of"),
        ({"pause_collection": ""}, SubscriptionUpdateParams, ""),
        ({"pause_collection": {"behavior": "nap"}}, SubscriptionUpdateParams, "nap"),
    ],
)
def test_what_does_not_fit_is_noticed(params: Any, shape: Any, told: str) -> None:
    found = flaws(params, shape)
    assert bool(found) is bool(told)
    assert told in "; ".join(found)
