"""A payment gateway that plays Stripe, its states, its idempotency and its messages; nobody's money moves."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve

from shop.adapters.fake import news
from shop.adapters.fake.acts import (
    BEGINNINGS,
    EVENTS,
    Change,
    asked_for,
    begun_again,
    cancelled,
    captured,
    challenge_failed,
    confirmed,
    debited,
    declined,
    lapsed,
    refund_became,
    refunded,
    refunded_elsewhere,
    succeeded,
)
from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.books import Books, MemoryBooks, SqliteBooks
from shop.adapters.fake.holdings import FakeBalance, behind, next_of, second
from shop.adapters.fake.methods import METHODS
from shop.adapters.fake.quarrels import answered, decided, disputed, escalated, reviewed, told_again, warned
from shop.adapters.fake.saving import with_card_saved
from shop.adapters.fake.told import dispute_states, intent_state, moment_of
from shop.adapters.fake.wallet_books import MemoryWalletBooks, SqliteWalletBooks, WalletBooks, code_of, is_saved
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import (
    METHOD_GONE,
    DisputeAnswer,
    IntentRequest,
    KeyReused,
    PaymentMethod,
    PaymentRefused,
    ProviderNews,
    RefundRequest,
    Simulation,
)
from shop.application.ports.records import LISTED_MAX, Listed, ListedIntent, ListedNews
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId, encode_suffix
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    AttemptStatus,
    DisputeNotFound,
    DisputeState,
    DisputeStatus,
    IntentState,
    PaymentMethodUnknown,
    PaymentNotFound,
    RefundState,
    RefundStatus,
    RiskState,
)

AUTHORIZED_FOR = timedelta(days=7)
"""How long the fake provider lets an authorisation stand, as most cards do."""


class FakePaymentGateway(FakeBalance):
    """The fake provider over its books. Gateways over the same books are the same provider."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        webhook_secret: str,
        provider: str = "fake",
        wallets: WalletBooks | None = None,
    ) -> None:
        super().__init__(books, clock)
        self.provider = provider
        self.wallets: WalletBooks = wallets if wallets is not None else MemoryWalletBooks()
        self._secret = webhook_secret
        self.refunds_begin = RefundStatus.SUCCEEDED
        self.authorized_for = AUTHORIZED_FOR
        self.refuses: Callable[[IntentRequest], bool] = lambda request: False
        """Which intents it will not make; for a key it must not change its mind."""

    async def methods(self) -> list[PaymentMethod]:
        return list(METHODS)

    async def create_intent(self, request: IntentRequest) -> IntentState:
        forbid_inside_transaction("create_intent")
        self._check(request.method)
        if request.amount.minor <= 0:
            raise Invalid("An intent needs an amount above zero.")
        if self.refuses(request):
            raise PaymentRefused("The fake provider does not make this intent.", reason="amount_too_small")
        made = self._kept_once(str(request.attempt_id), asked_for(request), lambda: self._begin(request))
        if request.confirm and not made.method and not self._known(made.ref).method:
            return await self.confirm(made.ref, request.attempt_id, request.method, request.customer_ref)
        return self._state(made)

    async def fetch(self, provider_ref: str) -> IntentState:
        forbid_inside_transaction("fetch")
        return self._state(self._aged(provider_ref))

    async def confirm(
        self, provider_ref: str, attempt_id: AttemptId, method: str, customer_ref: str = "", try_ref: str = ""
    ) -> IntentState:
        """Passes the challenge of a method that has one; with another method, begins again with that one."""
        forbid_inside_transaction("confirm")
        self._check(method)
        return self._once(
            f"{attempt_id}:confirm:{method}:{try_ref}" if try_ref else f"{attempt_id}:confirm:{method}",
            provider_ref,
            lambda: confirmed(self._known(provider_ref), method, self._beginning(method, customer_ref)),
        )

    async def capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        forbid_inside_transaction("capture")
        self._aged(provider_ref)
        key = f"{attempt_id}:capture" if amount is None else f"{attempt_id}:capture:{amount.minor}"
        return self._once(key, provider_ref, lambda: captured(self._known(provider_ref), amount))

    async def cancel(self, provider_ref: str, attempt_id: AttemptId) -> IntentState:
        forbid_inside_transaction("cancel")
        self._aged(provider_ref)
        return self._once(f"{attempt_id}:cancel", provider_ref, lambda: cancelled(self._known(provider_ref)))

    async def refund(self, request: RefundRequest) -> RefundState:
        forbid_inside_transaction("refund")
        if request.amount.minor <= 0:
            raise Invalid("A refund needs an amount above zero.")
        intent = self._kept_once(
            f"refund:{request.refund_id}",
            f"{request.provider_ref}|{request.amount.minor}|{request.amount.currency}",
            lambda: refunded(self._known(request.provider_ref), request, self.refunds_begin),
        )
        return next(r for r in self._state(intent).refunds if r.refund_id == request.refund_id)

    async def disputes(self, provider_ref: str) -> tuple[DisputeState, ...]:
        forbid_inside_transaction("disputes")
        intent = self._books.intent(provider_ref)
        return dispute_states(intent) if intent is not None else ()

    async def risk(self, provider_ref: str) -> RiskState:
        forbid_inside_transaction("risk")
        intent = self._known(provider_ref)
        gone = intent.captured and intent.refunded == intent.captured
        return RiskState(reviewed=intent.reviewed, warned=intent.warned and not intent.disputes and not gone)

    async def answer_dispute(self, answer: DisputeAnswer) -> DisputeState:
        forbid_inside_transaction("answer_dispute")
        ref = answer.provider_ref
        about = ref.removeprefix("dp_").rpartition("_")[0]
        if not ref.startswith("dp_") or self._books.intent(about) is None:
            raise DisputeNotFound(f"The fake provider has no dispute “{ref[:80]}”.")
        asked = hashlib.sha256(repr((ref, sorted(answer.evidence.items()), answer.submit)).encode()).hexdigest()
        intent = self._kept_once(
            f"evidence:{answer.key}", asked, lambda: answered(self._known(about), ref, submit=answer.submit)
        )
        return next(state for state in dispute_states(intent) if state.provider_ref == ref)

    def read_news(self, body: bytes, headers: dict[str, str]) -> ProviderNews:
        return news.read(self.provider, body, headers.get(news.HEADER, ""), self._secret, self._clock.now())

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        forbid_inside_transaction("list_intents")
        found = self._books.made(second(since), second(until), behind(after), limit)
        return Listed(
            data=[
                ListedIntent(state=self._state(self._aged(intent.ref)), created_at=moment_of(at))
                for at, intent in found
            ],
            next=next_of([(at, intent.ref) for at, intent in found], limit),
        )

    async def list_news(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedNews]:
        """What was handed out to be posted; what nobody took yet is still on its way."""
        forbid_inside_transaction("list_news")
        found = self._books.told(second(since), second(until), int(after or 0), limit)
        messages = [(news.written(told), told.at) for _, told in found]
        return Listed(
            data=[ListedNews(news=m.as_received(self.provider), created_at=moment_of(at)) for m, at in messages],
            next=str(found[-1][0]) if len(found) == limit else "",
        )

    async def close(self) -> None:
        self._books.close()
        self.wallets.close()

    # What the provider and the shopper do without asking the shop.

    def take_news(self, limit: int = 1000) -> list[news.OutgoingNews]:
        """The messages that wait to be posted to the shop, oldest first; each is handed out once."""
        return [news.written(announcement) for announcement in self._books.take_events(limit)]

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """The headers that go with these bytes when they are posted now."""
        return {news.HEADER: news.sign(body, self._secret, self._clock.now())}

    def shopper_confirms(self, provider_ref: str) -> IntentState:
        """The shopper passes the challenge in the browser; the shop hears of it by message only."""
        return self._happens(provider_ref, lambda intent: confirmed(intent, intent.method))

    def shopper_fails(self, provider_ref: str) -> IntentState:
        """The shopper fails the challenge in the browser; the shop hears of it by message only."""
        return self._happens(provider_ref, challenge_failed)

    def bank_debits(self, provider_ref: str, *, paid: bool) -> IntentState:
        """The shopper's bank decides about a debit that was under way for days."""
        return self._happens(provider_ref, lambda intent: debited(intent, paid=paid))

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
            self._books.keep(charged, event=EVENTS[AttemptStatus.CAPTURED], at=self._moment())
        return self._state(charged)

    def refunds_elsewhere(self, provider_ref: str, minor: int) -> IntentState:
        """Somebody gives money back from the provider's own pages."""
        return self._happens(provider_ref, lambda intent: refunded_elsewhere(intent, minor))

    def refund_becomes(
        self, provider_ref: str, refund_ref: str, status: RefundStatus, failure_code: str = ""
    ) -> IntentState:
        """A refund comes to its end, or fails though it had come to one."""
        return self._happens(provider_ref, lambda intent: refund_became(intent, refund_ref, status, failure_code))

    def disputes_open(
        self, provider_ref: str, status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE, minor: int = 0
    ) -> IntentState:
        """The buyer disputes the payment, all of it or so much; or the bank only inquires."""
        return self._happens(provider_ref, lambda intent: disputed(intent, status, self._moment(), minor))

    def dispute_escalates(self, provider_ref: str) -> IntentState:
        """An inquiry becomes a chargeback."""
        return self._happens(provider_ref, escalated)

    def dispute_ends(self, provider_ref: str, status: DisputeStatus) -> IntentState:
        """The bank decides; or a loss is turned by an appeal."""
        return self._happens(provider_ref, lambda intent: decided(intent, status))

    def fraud_is_feared(self, provider_ref: str) -> IntentState:
        """A bank sends an early warning of fraud."""
        return self._happens(provider_ref, warned)

    def review_changes(self, provider_ref: str, *, open: bool) -> IntentState:
        """Somebody at the provider begins or ends to review it."""
        return self._happens(provider_ref, lambda intent: reviewed(intent, open=open))

    def tells_again(self, provider_ref: str) -> IntentState:
        """A message that says how its disputes stand, though nothing changed."""
        return self._happens(provider_ref, told_again)

    async def simulate(self, provider_ref: str, what: Simulation) -> None:
        intent = self._known(provider_ref)
        acts: dict[Simulation, Callable[[BookedIntent], Change]] = {
            Simulation.SUCCEED: succeeded,
            Simulation.DECLINE: declined,
            Simulation.CHALLENGE: begun_again,
            Simulation.EXPIRE: cancelled,
            Simulation.REFUND: lambda i: refunded_elsewhere(i, i.left),
            Simulation.REFUND_FAILS: lambda i: refund_became(
                i, i.refunds[-1].ref if i.refunds else "", RefundStatus.FAILED, "declined"
            ),
            Simulation.INQUIRY: lambda i: disputed(i, DisputeStatus.WARNING_NEEDS_RESPONSE, self._moment()),
            Simulation.DISPUTE: lambda i: disputed(i, DisputeStatus.NEEDS_RESPONSE, self._moment()),
            Simulation.ESCALATE: escalated,
            Simulation.WIN: lambda i: decided(i, DisputeStatus.WON),
            Simulation.LOSE: lambda i: decided(i, DisputeStatus.LOST),
            Simulation.CLOSE_INQUIRY: lambda i: decided(i, DisputeStatus.WARNING_CLOSED),
            Simulation.FRAUD_WARNING: warned,
            Simulation.OPEN_REVIEW: lambda i: reviewed(i, open=True),
            Simulation.CLOSE_REVIEW: lambda i: reviewed(i, open=False),
        }
        self._happens(intent.ref, acts[what])

    def _happens(self, provider_ref: str, action: Callable[[BookedIntent], Change]) -> IntentState:
        with self._books.writing():
            change = self._dated(action(self._known(provider_ref)))
            self._books.keep(change.intent, event=change.event, at=self._moment())
        return self._state(change.intent)

    def _once(self, key: str, asked: str, action: Callable[[], Change]) -> IntentState:
        return self._state(self._kept_once(key, asked, action))

    def _kept_once(self, key: str, asked: str, action: Callable[[], Change]) -> BookedIntent:
        """The answer to this key: of earlier when there is one, else what the action makes now."""
        with self._books.writing():
            before = self._books.answer(key)
            if before is None:
                change = self._dated(action())
                if not change.final:
                    key = ""
                self._books.keep(change.intent, event=change.event, at=self._moment(), key=key, asked=asked)
                return change.intent
        if before.asked != asked:
            raise KeyReused("This idempotency key belongs to another request.")
        return before.intent

    def _begin(self, request: IntentRequest) -> Change:
        """Without a method it waits for one."""
        method, status, failure_code = "", AttemptStatus.REQUIRES_ACTION, ""
        if request.confirm:
            method = request.method
            status, failure_code = self._beginning(method, request.customer_ref)
        intent = BookedIntent(
            ref=f"pi_fake_{encode_suffix(request.attempt_id.uuid)}",
            method=method,
            minor=request.amount.minor,
            currency=request.amount.currency,
            status=status,
            failure_code=failure_code,
            events=1,
            saves_for=request.customer_ref if request.save else "",
        )
        return Change(intent, EVENTS[status])

    def _dated(self, change: Change) -> Change:
        """What is authorised lapses one day; what is not any more does not. A card that was to be saved is saved."""
        change = evolve(change, intent=with_card_saved(change.intent, self.wallets))
        if (change.intent.status is AttemptStatus.AUTHORIZED) is bool(change.intent.lapses_at):
            return change
        lapses_at = 0 if change.intent.lapses_at else self.lapses_at()
        return evolve(change, intent=evolve(change.intent, lapses_at=lapses_at))

    def lapses_at(self) -> int:
        """When what is authorised now will lapse, in seconds since 1970."""
        return self._moment() + int(self.authorized_for.total_seconds())

    def _aged(self, provider_ref: str) -> BookedIntent:
        """The intent as time has left it: an authorisation that nobody captured has lapsed."""
        intent = self._known(provider_ref)
        if not 0 < intent.lapses_at <= self._moment():
            return intent
        return self._of_time(provider_ref)

    def _of_time(self, provider_ref: str) -> BookedIntent:
        with self._books.writing():
            intent = self._known(provider_ref)
            if intent.status is AttemptStatus.AUTHORIZED:
                change = self._dated(lapsed(intent))
                self._books.keep(change.intent, event=change.event, at=self._moment())
                intent = change.intent
        return intent

    def _check(self, method: str) -> None:
        if code_of(method) not in BEGINNINGS:
            raise PaymentMethodUnknown(f"The fake provider has no method “{method[:40]}”.")

    def _beginning(self, method: str, customer_ref: str) -> tuple[AttemptStatus, str]:
        """How an intent begins with this method: with a saved one of somebody else it fails."""
        if is_saved(method):
            customer = self.wallets.get(customer_ref)
            if customer is None or not customer.has(method):
                return AttemptStatus.FAILED, METHOD_GONE
        return BEGINNINGS[code_of(method)]

    def _known(self, provider_ref: str) -> BookedIntent:
        intent = self._books.intent(provider_ref)
        if intent is None:
            raise PaymentNotFound(f"The fake provider has no intent “{provider_ref[:80]}”.")
        return intent

    def _state(self, intent: BookedIntent) -> IntentState:
        return intent_state(intent, self._client_secret(intent.ref))

    def _client_secret(self, ref: str) -> str:
        return f"{ref}_secret_{hashlib.sha256(f'{self._secret}|{ref}'.encode()).hexdigest()[:24]}"


def open_fake_payments(options: Options) -> FakePaymentGateway:
    """The fake provider; its books are in the file of SHOP_FAKE_PAYMENTS_FILE, or in memory when that is empty."""
    path = options.get("SHOP_FAKE_PAYMENTS_FILE")
    # All processes of a shop share its secret key, so they believe each other's messages and nobody else's.
    secret = hashlib.sha256(f"fake payments|{options.get('SHOP_SECRET_KEY')}".encode()).hexdigest()
    if not path:
        return FakePaymentGateway(MemoryBooks(), options.clock, secret)
    return FakePaymentGateway(SqliteBooks(path), options.clock, secret, wallets=SqliteWalletBooks(f"{path}.wallets"))
