"""A payment gateway that plays Stripe, its states, its idempotency and its messages; nobody's money moves."""

import hashlib
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from attrs import evolve, frozen

from shop.adapters.fake import news
from shop.adapters.fake.books import BookedIntent, Books, MemoryBooks, SqliteBooks
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import IntentRequest, PaymentMethod, PaymentRefused, ProviderNews
from shop.application.ports.records import LISTED_MAX, Listed, ListedIntent, ListedNews
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId, encode_suffix
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, NextAction, PaymentMethodUnknown, PaymentNotFound

METHODS = (
    PaymentMethod(code="fake_card", name="Fake card", confirms_in="server"),
    PaymentMethod(code="fake_card_declined", name="Fake card that is declined", confirms_in="server"),
    PaymentMethod(code="fake_card_3ds", name="Fake card with a 3-D Secure challenge", confirms_in="server"),
)
# How an intent begins with each method, and what is announced of it.
_BEGINNINGS = {
    "fake_card": (AttemptStatus.AUTHORIZED, ""),
    "fake_card_declined": (AttemptStatus.FAILED, "card_declined"),
    "fake_card_3ds": (AttemptStatus.REQUIRES_ACTION, ""),
}
_EVENTS = {
    AttemptStatus.AUTHORIZED: "payment_intent.amount_capturable_updated",
    AttemptStatus.CAPTURED: "payment_intent.succeeded",
    AttemptStatus.FAILED: "payment_intent.payment_failed",
    AttemptStatus.REQUIRES_ACTION: "payment_intent.requires_action",
    AttemptStatus.CANCELLED: "payment_intent.canceled",
}
_CHALLENGE_FAILED = "payment_intent_authentication_failure"


@frozen
class _Change:
    """The state that an action led to, and the event to announce; no event: nothing changed.

    What is not final is no answer to be repeated: the same request again means the next step.
    """

    intent: BookedIntent
    event: str = ""
    final: bool = True


class FakePaymentGateway:
    """The fake provider over its books. Gateways over the same books are the same provider."""

    def __init__(self, books: Books, clock: Clock, webhook_secret: str, provider: str = "fake") -> None:
        self.provider = provider
        self._books = books
        self._clock = clock
        self._secret = webhook_secret

    async def methods(self) -> list[PaymentMethod]:
        return list(METHODS)

    async def create_intent(self, request: IntentRequest) -> IntentState:
        forbid_inside_transaction("create_intent")
        if request.method not in _BEGINNINGS:
            raise PaymentMethodUnknown(f"The fake provider has no method “{request.method[:40]}”.")
        if request.amount.minor <= 0:
            raise Invalid("An intent needs an amount above zero.")
        asked = (
            f"{request.order_id.uuid}|{request.amount.minor}|{request.amount.currency}|{request.method}|{request.email}"
        )
        return self._once(str(request.attempt_id), asked, lambda: self._begin(request))

    async def fetch(self, provider_ref: str) -> IntentState:
        forbid_inside_transaction("fetch")
        return self._state(self._known(provider_ref))

    async def confirm(self, provider_ref: str, attempt_id: AttemptId, method: str) -> IntentState:
        """Passes the challenge of a method that has one; with another method, begins again with that one."""
        forbid_inside_transaction("confirm")
        if method not in _BEGINNINGS:
            raise PaymentMethodUnknown(f"The fake provider has no method “{method[:40]}”.")
        return self._once(
            f"{attempt_id}:confirm:{method}",
            provider_ref,
            lambda: _confirmed(self._known(provider_ref), method),
        )

    async def capture(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        forbid_inside_transaction("capture")
        return self._once(f"{attempt_id}:capture", provider_ref, lambda: _captured(self._known(provider_ref)))

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        forbid_inside_transaction("cancel")
        return self._once(f"{attempt_id}:cancel", provider_ref, lambda: _cancelled(self._known(provider_ref)))

    async def refund(self, provider_ref: str, attempt_id: AttemptId, amount: Money, sequence: str) -> IntentState:
        forbid_inside_transaction("refund")
        if amount.minor <= 0:
            raise Invalid("A refund needs an amount above zero.")
        return self._once(
            f"{attempt_id}:refund:{sequence}",
            f"{provider_ref}|{amount.minor}|{amount.currency}",
            lambda: _refunded(self._known(provider_ref), amount),
        )

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        return news.read(self.provider, body, headers.get(news.HEADER, ""), self._secret, self._clock.now())

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        forbid_inside_transaction("list_intents")
        second, _, ref = after.partition(":")
        behind = (int(second), ref) if second else (-1, "")
        found = self._books.made(_second(since), _second(until), behind, limit)
        return Listed(
            data=[ListedIntent(state=self._state(intent), created_at=_moment_of(at)) for at, intent in found],
            next=f"{found[-1][0]}:{found[-1][1].ref}" if len(found) == limit else "",
        )

    async def list_news(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedNews]:
        """What was handed out to be posted; what nobody took yet is still on its way."""
        forbid_inside_transaction("list_news")
        found = self._books.told(_second(since), _second(until), int(after or 0), limit)
        messages = [(news.written(told), told.at) for _, told in found]
        return Listed(
            data=[ListedNews(news=m.as_received(self.provider), created_at=_moment_of(at)) for m, at in messages],
            next=str(found[-1][0]) if len(found) == limit else "",
        )

    async def close(self) -> None:
        self._books.close()

    # What the provider and the shopper do without asking the shop.

    def take_news(self, limit: int = 1000) -> list[news.OutgoingNews]:
        """The messages that wait to be posted to the shop, oldest first; each is handed out once."""
        return [news.written(announcement) for announcement in self._books.take_events(limit)]

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """The headers that go with these bytes when they are posted now."""
        return {news.HEADER: news.sign(body, self._secret, self._clock.now())}

    def shopper_confirms(self, provider_ref: str) -> IntentState:
        """The shopper passes the challenge in the browser; the shop hears of it by message only."""
        return self._happens(provider_ref, lambda intent: _confirmed(intent, intent.method))

    def shopper_fails(self, provider_ref: str) -> IntentState:
        """The shopper fails the challenge in the browser; the shop hears of it by message only."""
        return self._happens(provider_ref, _challenge_failed)

    def charged_elsewhere(self, minor: int, currency: str = "EUR") -> IntentState:
        """The owner takes money in the provider's dashboard: the shop has no part in it, and no order."""
        name = hashlib.sha256(f"{self._clock.now()}|{minor}|{currency}".encode()).hexdigest()[:24]
        charged = BookedIntent(
            ref=f"pi_fake_elsewhere_{name}",
            method="fake_card",
            minor=minor,
            currency=currency,
            status=AttemptStatus.CAPTURED,
            captured=minor,
            events=1,
        )
        with self._books.writing():
            self._books.keep(charged, event=_EVENTS[AttemptStatus.CAPTURED], at=self._moment())
        return self._state(charged)

    def _happens(self, provider_ref: str, action: Callable[[BookedIntent], _Change]) -> IntentState:
        with self._books.writing():
            change = action(self._known(provider_ref))
            self._books.keep(change.intent, event=change.event, at=self._moment())
        return self._state(change.intent)

    def _once(self, key: str, asked: str, action: Callable[[], _Change]) -> IntentState:
        """The answer to this key: of earlier when there is one, else what the action makes now."""
        with self._books.writing():
            before = self._books.answer(key)
            if before is None:
                change = action()
                if not change.final:
                    key = ""
                self._books.keep(change.intent, event=change.event, at=self._moment(), key=key, asked=asked)
                return self._state(change.intent)
        if before.asked != asked:
            raise PaymentRefused("This idempotency key belongs to another request.")
        return self._state(before.intent)

    def _moment(self) -> int:
        return int(self._clock.now().timestamp())

    def _begin(self, request: IntentRequest) -> _Change:
        status, failure_code = _BEGINNINGS[request.method]
        intent = BookedIntent(
            ref=f"pi_fake_{encode_suffix(request.attempt_id.uuid)}",
            method=request.method,
            minor=request.amount.minor,
            currency=request.amount.currency,
            status=status,
            failure_code=failure_code,
            events=1,
        )
        return _Change(intent, _EVENTS[status])

    def _known(self, provider_ref: str) -> BookedIntent:
        intent = self._books.intent(provider_ref)
        if intent is None:
            raise PaymentNotFound(f"The fake provider has no intent “{provider_ref[:80]}”.")
        return intent

    def _state(self, intent: BookedIntent) -> IntentState:
        waits = intent.status is AttemptStatus.REQUIRES_ACTION
        return IntentState(
            provider_ref=intent.ref,
            status=intent.status,
            amount=Money(intent.minor, intent.currency),
            captured=Money(intent.captured, intent.currency),
            refunded=Money(intent.refunded, intent.currency),
            failure_code=intent.failure_code,
            next_action=NextAction(kind="confirm_in_browser") if waits else None,
            client_secret=self._client_secret(intent.ref) if waits else "",
        )

    def _client_secret(self, ref: str) -> str:
        return f"{ref}_secret_{hashlib.sha256(f'{self._secret}|{ref}'.encode()).hexdigest()[:24]}"


def open_fake_payments(options: Options) -> FakePaymentGateway:
    """The fake provider; its books are in the file of SHOP_FAKE_PAYMENTS_FILE, or in memory when that is empty."""
    path = options.get("SHOP_FAKE_PAYMENTS_FILE")
    # All processes of a shop share its secret key, so they believe each other's messages and nobody else's.
    secret = hashlib.sha256(f"fake payments|{options.get('SHOP_SECRET_KEY')}".encode()).hexdigest()
    return FakePaymentGateway(SqliteBooks(path) if path else MemoryBooks(), options.clock, secret)


def _second(moment: datetime) -> int:
    """The first whole second that is not before this moment."""
    return math.ceil(moment.timestamp())


def _moment_of(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _moved(intent: BookedIntent, status: AttemptStatus, captured: int = 0, failure_code: str = "") -> _Change:
    changed = evolve(intent, status=status, captured=captured, failure_code=failure_code, events=intent.events + 1)
    return _Change(changed, _EVENTS[status])


def _confirmed(intent: BookedIntent, method: str) -> _Change:
    if intent.status is AttemptStatus.CANCELLED:
        _refuse(intent, "confirmed")
    if intent.status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED):
        return _Change(intent)
    if intent.status is AttemptStatus.REQUIRES_ACTION and intent.method == method:
        return _moved(intent, AttemptStatus.AUTHORIZED)
    status, failure_code = _BEGINNINGS[method]
    begun = _moved(evolve(intent, method=method), status, failure_code=failure_code)
    return evolve(begun, final=status is not AttemptStatus.REQUIRES_ACTION)


def _challenge_failed(intent: BookedIntent) -> _Change:
    if intent.status is not AttemptStatus.REQUIRES_ACTION:
        _refuse(intent, "challenged")
    return _moved(intent, AttemptStatus.FAILED, failure_code=_CHALLENGE_FAILED)


def _captured(intent: BookedIntent) -> _Change:
    if intent.status is AttemptStatus.CAPTURED:
        return _Change(intent)
    if intent.status is not AttemptStatus.AUTHORIZED:
        _refuse(intent, "captured")
    return _moved(intent, AttemptStatus.CAPTURED, captured=intent.minor)


def _cancelled(intent: BookedIntent) -> _Change:
    if intent.status in (AttemptStatus.CAPTURED, AttemptStatus.CANCELLED):
        return _Change(intent)
    return _moved(intent, AttemptStatus.CANCELLED)


def _refunded(intent: BookedIntent, amount: Money) -> _Change:
    if amount.currency != intent.currency:
        raise Invalid(f"The payment was made in {intent.currency}; it cannot go back in {amount.currency}.")
    left = intent.captured - intent.refunded
    if amount.minor > left:
        raise PaymentRefused(f"{left} minor units are left to refund; {amount.minor} were asked for.")
    changed = evolve(intent, refunded=intent.refunded + amount.minor, events=intent.events + 1)
    return _Change(changed, "charge.refunded")


def _refuse(intent: BookedIntent, what: str) -> NoReturn:
    raise PaymentRefused(f"An intent that is {intent.status} cannot be {what}.")
