"""What only the fake provider does: its messages, its challenge, its shared books, its faults."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.payments.subject import new_refund
from shop.adapters.fake import books as books_module
from shop.adapters.fake.billing_books import (
    BillingBooks,
    BookedSubscription,
    MemoryBillingBooks,
    SqliteBillingBooks,
)
from shop.adapters.fake.books import Books, MemoryBooks, SqliteBooks
from shop.adapters.fake.faults import Fault, FaultPlan, FaultyGateway, RandomFaults, ScriptedFaults
from shop.adapters.fake.news import HEADER, sign
from shop.adapters.fake.payments import FakePaymentGateway, open_fake_payments
from shop.adapters.system import SystemIds
from shop.application.ports.options import Options
from shop.application.ports.payments import (
    IntentRequest,
    PaymentProviderUnavailable,
    PaymentRefused,
    SignatureRejected,
)
from shop.domain.kernel.identifiers import AttemptId, OrderId
from shop.domain.kernel.money import Money
from shop.domain.payments import AUTHORIZATION_EXPIRED, AttemptStatus, PaymentMethodUnknown, PaymentNotFound

ROOT = Path(__file__).parents[2]
ORDER = OrderId(UUID(int=7))


def request(method: str = "fake_card", attempt: AttemptId | None = None) -> IntentRequest:
    return IntentRequest(
        attempt_id=attempt or AttemptId(uuid4()), order_id=ORDER, amount=Money(1999, "EUR"), method=method
    )


@pytest.fixture(params=["memory", "sqlite"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Books:
    return MemoryBooks() if request.param == "memory" else SqliteBooks(tmp_path / "provider.db")


@pytest.fixture
def gateway(books: Books) -> "FakePaymentGateway":
    return FakePaymentGateway(books, MovableClock(), "whsec_test")


def told(gateway: FakePaymentGateway) -> list[str]:
    return [news.event_type for news in gateway.take_news()]


async def test_what_was_announced_batch_by_batch_is_on_record_in_order(
    gateway: FakePaymentGateway, books: Books
) -> None:
    announced = []
    for _ in range(3):
        await gateway.create_intent(request())
        announced += told(gateway)
    found = books.told(0, 2**40, 0, 10)
    assert [announcement.type for _, announcement in found] == announced
    assert [number for number, _ in found] == [1, 2, 3]


async def test_every_change_is_announced_once_in_order(gateway: FakePaymentGateway) -> None:
    asked = request()
    state = await gateway.create_intent(asked)
    for _ in range(2):
        await gateway.create_intent(asked)
        await gateway.capture(state.provider_ref, asked.attempt_id)
        await gateway.cancel(state.provider_ref, asked.attempt_id)
    await gateway.refund(new_refund(state.provider_ref, 1))
    await gateway.refund(new_refund(state.provider_ref, 2))
    news = gateway.take_news()
    assert [told.event_type for told in news] == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "charge.refunded",
        "charge.refunded",
    ]
    assert len({told.event_ref for told in news}) == 4
    assert {told.object_ref for told in news} == {state.provider_ref}
    assert json.loads(news[-1].body)["data"]["object"]["amount_refunded"] == 3
    assert gateway.take_news() == []
    await gateway.close()


async def test_declines_challenges_and_cancellations_are_announced(gateway: FakePaymentGateway) -> None:
    await gateway.create_intent(request("fake_card_declined"))
    challenged = request("fake_card_3ds")
    state = await gateway.create_intent(challenged)
    await gateway.cancel(state.provider_ref, challenged.attempt_id)
    assert told(gateway) == [
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    ]
    await gateway.close()


async def test_news_can_be_taken_in_portions(gateway: FakePaymentGateway) -> None:
    for _ in range(5):
        await gateway.create_intent(request())
    assert [len(gateway.take_news(limit=2)) for _ in range(4)] == [2, 2, 1, 0]
    await gateway.close()


async def test_news_that_nobody_takes_are_forgotten_in_the_end(books: Books) -> None:
    at = MovableClock()
    gateway = FakePaymentGateway(books, at, "whsec_test")
    for _ in range(books_module.EVENTS_KEPT + 1000):
        await gateway.create_intent(request())
    kept = gateway.take_news(limit=10**6)
    assert books_module.EVENTS_KEPT <= len(kept) < books_module.EVENTS_KEPT + 1000
    await gateway.close()


@pytest.mark.parametrize("on_file", [False, True])
def test_no_number_of_what_is_told_of_subscriptions_comes_twice(tmp_path: Path, on_file: bool) -> None:
    billing: BillingBooks = SqliteBillingBooks(str(tmp_path / "books.db")) if on_file else MemoryBillingBooks()
    told = []
    for portion in (1, 3, 2):
        with billing.writing():
            for number in range(portion):
                billing.put(BookedSubscription(ref="sub_1", method="fake_card"), f"customer.subscription.{number}")
        told += billing.take_news()
        assert billing.take_news() == []
    billing.close()
    assert [(number, word.rpartition(".")[2]) for number, _, word in told] == list(enumerate("001201", start=1))


async def test_the_challenge_is_passed_by_confirming(gateway: FakePaymentGateway) -> None:
    asked = request("fake_card_3ds")
    state = await gateway.create_intent(asked)
    assert state.status is AttemptStatus.REQUIRES_ACTION
    for _ in range(2):
        state = await gateway.confirm(state.provider_ref, asked.attempt_id, "fake_card_3ds")
        assert state.status is AttemptStatus.AUTHORIZED
    assert told(gateway) == ["payment_intent.requires_action", "payment_intent.amount_capturable_updated"]
    await gateway.close()


async def test_after_a_decline_a_challenge_may_be_tried(gateway: FakePaymentGateway) -> None:
    asked = request("fake_card_declined")
    ref = (await gateway.create_intent(asked)).provider_ref
    first = await gateway.confirm(ref, asked.attempt_id, "fake_card_3ds")
    assert first.status is AttemptStatus.REQUIRES_ACTION
    second = await gateway.confirm(ref, asked.attempt_id, "fake_card_3ds")
    assert second.status is AttemptStatus.AUTHORIZED
    await gateway.close()


async def test_the_shopper_may_fail_the_challenge_behind_our_back(gateway: FakePaymentGateway) -> None:
    ref = (await gateway.create_intent(request("fake_card_3ds"))).provider_ref
    failed = gateway.shopper_fails(ref)
    assert (failed.status, failed.failure_code) == (
        AttemptStatus.FAILED,
        "payment_intent_authentication_failure",
    )
    assert await gateway.fetch(ref) == failed
    with pytest.raises(PaymentRefused):
        gateway.shopper_fails(ref)
    with pytest.raises(PaymentNotFound):
        gateway.shopper_confirms("pi_fake_nobody")
    await gateway.close()


async def test_unknown_methods_are_named(gateway: FakePaymentGateway) -> None:
    with pytest.raises(PaymentMethodUnknown, match="card_of_clubs"):
        await gateway.create_intent(request("card_of_clubs"))
    asked = request()
    ref = (await gateway.create_intent(asked)).provider_ref
    with pytest.raises(PaymentMethodUnknown, match="card_of_clubs"):
        await gateway.confirm(ref, asked.attempt_id, "card_of_clubs")
    await gateway.close()


async def test_the_intent_is_named_after_the_attempt() -> None:
    attempt = AttemptId(UUID(int=0x0123_4567_89AB_7DEF_8123_4567_89AB_CDEF))
    states = [
        await FakePaymentGateway(MemoryBooks(), MovableClock(), "whsec_test").create_intent(request(attempt=attempt))
        for _ in range(2)
    ]
    assert states[0] == states[1]
    assert states[0].provider_ref == f"pi_fake_{str(attempt).removeprefix('att_')}"


async def test_what_was_posted_is_read() -> None:
    clock = MovableClock()
    gateway = FakePaymentGateway(MemoryBooks(), clock, "whsec_test")
    await gateway.create_intent(request())
    [posted] = gateway.take_news()
    headers = gateway.signed_headers(posted.body)
    clock.at += timedelta(minutes=4)
    news = gateway.read_news(posted.body, headers)
    assert (news.event_ref, news.event_type, news.object_ref) == (
        posted.event_ref,
        posted.event_type,
        posted.object_ref,
    )
    clock.at += timedelta(minutes=2)
    with pytest.raises(SignatureRejected):
        gateway.read_news(posted.body, headers)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"{}", b'{"id":1,"type":2,"data":{}}', b"[" * 100_000])
def test_s65_signed_nonsense_is_rejected(body: bytes) -> None:
    clock = MovableClock()
    gateway = FakePaymentGateway(MemoryBooks(), clock, "whsec_test")
    with pytest.raises(SignatureRejected):
        gateway.read_news(body, {HEADER: sign(body, "whsec_test", clock.now())})


# Opened by the shop's settings.


def options(file: Path | str, clock: MovableClock) -> Options:
    variables = {"SHOP_FAKE_PAYMENTS_FILE": str(file), "SHOP_SECRET_KEY": "a secret key of thirty-two letters"}
    return Options(environment=variables, clock=clock, ids=SystemIds())


async def test_two_shops_with_one_file_and_one_secret_key_are_one_shop(tmp_path: Path) -> None:
    clock = MovableClock()
    first, second = (open_fake_payments(options(tmp_path / "provider.db", clock)) for _ in range(2))
    state = await first.create_intent(request())
    assert await second.fetch(state.provider_ref) == state
    [posted] = first.take_news()
    assert second.read_news(posted.body, first.signed_headers(posted.body)).object_ref == state.provider_ref
    for gateway in (first, second):
        await gateway.close()


async def test_without_a_file_each_shop_has_a_provider_of_its_own() -> None:
    first, second = (open_fake_payments(options("", MovableClock())) for _ in range(2))
    state = await first.create_intent(request())
    with pytest.raises(PaymentNotFound):
        await second.fetch(state.provider_ref)


# Time.


async def test_f40_what_lapsed_is_told_once_and_stays_so(books: Books) -> None:
    clock = MovableClock()
    gateway = FakePaymentGateway(books, clock, "whsec_test")
    asked = request()
    ref = (await gateway.create_intent(asked)).provider_ref
    told(gateway)
    clock.at += timedelta(days=7) - timedelta(seconds=1)
    assert (await gateway.fetch(ref)).status is AttemptStatus.AUTHORIZED
    clock.at += timedelta(seconds=1)
    [listed] = (await gateway.list_intents(clock.at - timedelta(days=9), clock.at)).data
    assert listed.state.status is AttemptStatus.CANCELLED
    for _ in range(2):
        assert (await gateway.fetch(ref)).failure_code == AUTHORIZATION_EXPIRED
    assert told(gateway) == ["payment_intent.canceled"]
    replayed = await gateway.create_intent(asked)  # the first answer to its key, as it was then
    assert (replayed.status, replayed.expires_at) == (AttemptStatus.AUTHORIZED, clock.at)


async def test_f47_a_debit_is_decided_by_the_bank_and_once(gateway: FakePaymentGateway) -> None:
    for paid, status, event in (
        (True, AttemptStatus.CAPTURED, "payment_intent.succeeded"),
        (False, AttemptStatus.FAILED, "payment_intent.payment_failed"),
    ):
        state = await gateway.create_intent(request("fake_debit"))
        assert (state.status, state.expires_at) == (AttemptStatus.PROCESSING, None)
        assert gateway.bank_debits(state.provider_ref, paid=paid).status is status
        assert told(gateway) == ["payment_intent.processing", event]
        with pytest.raises(PaymentRefused):
            gateway.bank_debits(state.provider_ref, paid=paid)


async def test_books_of_older_versions_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "provider.db"
    gateway = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
    ref = (await gateway.create_intent(request())).provider_ref
    await gateway.close()
    old = json.dumps([ref, "fake_card", 1999, "EUR", "authorized", 0, [], "", 1])
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE intents SET record = ?", (old,))
    again = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
    state = await again.fetch(ref)
    assert (state.status, state.expires_at) == (AttemptStatus.AUTHORIZED, None)
    await again.close()


# Shared books.


def _pays(path: str, attempt: UUID, barrier: object) -> None:
    async def story() -> None:
        gateway = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
        asked = request(attempt=AttemptId(attempt))
        barrier.wait(30)  # type: ignore[attr-defined]
        state = await gateway.create_intent(asked)
        await gateway.capture(state.provider_ref, asked.attempt_id)
        for number in range(50):
            await gateway.create_intent(request(attempt=AttemptId(UUID(int=attempt.int + number))))
        await gateway.close()

    asyncio.run(story())


@pytest.mark.integration
async def test_two_processes_share_one_provider(tmp_path: Path) -> None:
    """Both open the file at once, and pay the same attempt at once: one intent, one capture."""
    path, attempt = tmp_path / "provider.db", uuid4()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    shops = [context.Process(target=_pays, args=(str(path), attempt, barrier)) for _ in range(2)]
    for shop in shops:
        shop.start()
    for shop in shops:
        shop.join(60)
    assert [shop.exitcode for shop in shops] == [0, 0]
    gateway = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
    news = gateway.take_news()
    assert len(news) == 51
    assert [told.event_type for told in news].count("payment_intent.succeeded") == 1
    await gateway.close()


_SHOP_THAT_IS_KILLED = """
import asyncio, sys
from tests.adapters.test_fake_payments import *

async def story():
    gateway = FakePaymentGateway(SqliteBooks(sys.argv[1]), MovableClock(), "whsec_test")
    while True:
        asked = request()
        state = await gateway.create_intent(asked)
        await gateway.capture(state.provider_ref, asked.attempt_id)
        print(state.provider_ref, flush=True)

asyncio.run(story())
"""


@pytest.mark.integration
async def test_killing_the_shop_takes_nothing_from_the_provider(tmp_path: Path) -> None:
    path = tmp_path / "provider.db"
    command = [sys.executable, "-c", _SHOP_THAT_IS_KILLED, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as shop:
        assert shop.stdout is not None
        paid = [shop.stdout.readline().strip() for _ in range(20)]
        os.kill(shop.pid, signal.SIGKILL)
        paid += [line.strip() for line in shop.stdout if line.endswith("\n")]
    gateway = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
    assert len(paid) >= 20
    for ref in paid:
        assert (await gateway.fetch(ref)).status is AttemptStatus.CAPTURED
    await gateway.close()


async def test_busy_books_are_a_provider_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books_module, "_BUSY_SECONDS", 0.01)
    busy, waiting = SqliteBooks(tmp_path / "provider.db"), SqliteBooks(tmp_path / "provider.db")
    gateway = FakePaymentGateway(waiting, MovableClock(), "whsec_test")
    await gateway.create_intent(request())
    with busy.writing(), pytest.raises(PaymentProviderUnavailable):
        await gateway.create_intent(request())
    await gateway.create_intent(request())
    busy.close()
    await gateway.close()


async def test_books_that_cannot_be_opened_are_a_provider_that_does_not_answer(tmp_path: Path) -> None:
    gateway = FakePaymentGateway(SqliteBooks(tmp_path / "no" / "folder.db"), MovableClock(), "whsec_test")
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.fetch("pi_fake_1")
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.create_intent(request())
    await gateway.close()


async def test_a_file_that_holds_no_books_is_a_provider_that_does_not_answer(tmp_path: Path) -> None:
    path = tmp_path / "provider.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE VIEW intents AS SELECT 1")
        other.commit()
    gateway = FakePaymentGateway(SqliteBooks(path), MovableClock(), "whsec_test")
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.create_intent(request())
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.fetch("pi_fake_1")
    await gateway.close()


async def test_confirming_what_needs_no_confirmation_changes_nothing(gateway: FakePaymentGateway) -> None:
    asked = request()
    state = await gateway.create_intent(asked)
    assert await gateway.confirm(state.provider_ref, asked.attempt_id, "fake_card_declined") == state
    assert told(gateway) == ["payment_intent.amount_capturable_updated"]
    await gateway.close()


async def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    books = SqliteBooks(tmp_path / "provider.db")
    gateway = FakePaymentGateway(books, MovableClock(), "whsec_test")
    asked = request("fake_card_3ds")
    state = await gateway.create_intent(asked)
    with pytest.raises(PaymentRefused):
        await gateway.capture(state.provider_ref, asked.attempt_id)
    assert (await gateway.fetch(state.provider_ref)) == state
    assert books.answer(f"{asked.attempt_id}:capture") is None
    await gateway.close()


# Faults.


class Line:
    """A gateway behind a faulty line, and how long one waited on it."""

    def __init__(self, plan: FaultPlan) -> None:
        self.waited: list[float] = []
        self.provider = FakePaymentGateway(MemoryBooks(), MovableClock(), "whsec_test")
        self.gateway = FaultyGateway(self.provider, plan, self._sleep, slow_seconds=4, timeout_seconds=15)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.mark.parametrize(
    ("fault", "happened", "waited"),
    [(Fault.TIMEOUT_BEFORE, False, [15]), (Fault.TIMEOUT_AFTER, True, [15]), (Fault.ERROR, False, [])],
)
async def test_after_a_fault_the_same_request_ends_well(fault: Fault, happened: bool, waited: list[float]) -> None:
    line = Line(ScriptedFaults({"create_intent": [fault]}))
    asked = request()
    with pytest.raises(PaymentProviderUnavailable):
        await line.gateway.create_intent(asked)
    assert line.waited == waited
    assert bool(line.provider.take_news()) is happened
    state = await line.gateway.create_intent(asked)
    assert state.status is AttemptStatus.AUTHORIZED


async def test_a_slow_call_works() -> None:
    plan = ScriptedFaults({"capture": [None, Fault.SLOW]})
    line = Line(plan)
    asked = request()
    state = await line.gateway.create_intent(asked)
    assert plan.left == 2
    for expected in ([], [2.0, 2.0]):
        captured = await line.gateway.capture(state.provider_ref, asked.attempt_id)
        assert captured.status is AttemptStatus.CAPTURED
        assert line.waited == expected
    assert plan.left == 0
    assert await line.gateway.methods() == await line.provider.methods()


def test_seeded_faults_repeat_and_come_as_often_as_asked() -> None:
    chances = {Fault.ERROR: 0.2, Fault.TIMEOUT_AFTER: 0.1}
    drawn = [
        [plan.fault_for("capture") for _ in range(2000)]
        for plan in (RandomFaults(random.Random(5), chances) for _ in range(2))
    ]
    assert drawn[0] == drawn[1]
    assert 300 < drawn[0].count(Fault.ERROR) < 500
    assert 140 < drawn[0].count(Fault.TIMEOUT_AFTER) < 260
    assert drawn[0].count(None) > 1200


def test_faults_end_when_the_line_heals() -> None:
    plan = RandomFaults(random.Random(5), {Fault.ERROR: 1.0})
    assert plan.fault_for("fetch") is Fault.ERROR
    plan.heal()
    assert plan.fault_for("fetch") is None


@pytest.mark.parametrize("chances", [{Fault.ERROR: 0.7, Fault.SLOW: 0.7}, {Fault.ERROR: -0.1}])
def test_chances_are_chances(chances: dict[Fault, float]) -> None:
    with pytest.raises(ValueError, match="chances"):
        RandomFaults(random.Random(5), chances)


def test_the_time_of_a_message_is_the_clocks() -> None:
    clock = MovableClock(datetime(2031, 1, 2, tzinfo=UTC))
    gateway = FakePaymentGateway(MemoryBooks(), clock, "whsec_test")
    asyncio.run(gateway.create_intent(request()))
    [news] = gateway.take_news()
    assert json.loads(news.body)["created"] == int(clock.now().timestamp())
