"""Whatever prevention missed, a reconciliation finds: defects are planted by hand, past every use case."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.memory.copies import copied
from shop.application.commands.balance import BookBalance
from shop.application.commands.reconciliation import FindingNeedsPeople, FindingUnknown, RepairFinding
from shop.application.findings import HEALING, REPAIRABLE, FindingKind
from shop.application.ports.payments import IntentRequest
from shop.application.ports.records import LISTED_MAX, Listed, ListedIntent
from shop.application.ports.views import FindingView, ReconciliationView
from shop.application.queries.reconciliation import Reconcile
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import PaymentStatus
from shop.domain.payments import AttemptStatus
from shop.entrypoints.worker.schedule import reconcile_recent, reconcile_week
from tests.application.providers import Away, at_rest, faulty
from tests.application.test_subscriptions import days, offer, subscribe
from tests.scale import rounds
from tests.shops import START, SettableClock, SmallShop, eur, open_small_shop

DEFECTS = 100


async def told(small: SmallShop, *, since: timedelta | None = None) -> ReconciliationView:
    begin = small.clock.now() - since if since else START - timedelta(days=1)
    return await small.shop.ask(Reconcile(since=begin, until=small.clock.now(), limit=1000))


async def ids(small: SmallShop) -> list[str]:
    return sorted(finding.id for finding in (await told(small)).findings)


async def sold(orders: int, *, apart: timedelta = timedelta(0)) -> tuple[SmallShop, list[OrderId]]:
    """A shop that sold: most paid at once, some declined. All its messages came, it is at rest, and fees are booked."""
    small = await open_small_shop()
    variant = await small.product(stock=orders + 10)
    placed = []
    for number in range(orders):
        method = "fake_card_declined" if number % 50 == 49 else "fake_card"
        placed.append(await small.buy((variant, 1), method=method))
        small.clock.forward(apart)
        if number % 100 == 99:
            await settled(small)
    await settled(small)
    small.clock.forward(timedelta(hours=1))
    await small.sweep()
    await settled(small)
    small.clock.forward(timedelta(hours=1))
    await balanced(small)
    return small, placed


async def balanced(small: SmallShop) -> int:
    """What the worker does every few minutes: fees and payouts are booked."""
    return await small.shop.execute(BookBalance(since=START - timedelta(days=1), until=small.clock.now()))


async def settled(small: SmallShop) -> None:
    await small.post_news()
    while await small.deliver():
        pass


def paid_intents(small: SmallShop) -> list[BookedIntent]:
    return [intent for intent in small.books.intents.values() if intent.captured]


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_no_false_alarm_on_clean_orders() -> None:
    orders = rounds(1_000, in_full=100_000)
    small, _ = await sold(orders, apart=timedelta(seconds=26))
    small.clock.forward(timedelta(days=1))
    await balanced(small)
    small.clock.forward(timedelta(days=1))
    await balanced(small)
    report = await told(small)
    assert report.findings == []
    assert (report.intents, report.payments) == (orders, orders)
    assert report.payouts
    assert report.transactions == len(paid_intents(small)) + report.payouts
    assert report.messages
    assert report.clean
    assert report.compared


Plant = Callable[[SmallShop, list[OrderId]], Iterable[str]]


def f86_an_entry_of_the_ledger_is_gone(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        order_id = small.tables.payments[small.tables.payment_by_ref["fake", intent.ref]].order_id
        entry, *fees = small.tables.entries_by_order[order_id]
        small.tables.entries_by_order[order_id] = tuple(fees)
        del small.tables.booked[entry.provider, entry.provider_ref, entry.kind]
        yield f"ledger_differs:{intent.ref}"


def f86_an_order_is_gone(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        payment = small.tables.payments[small.tables.payment_by_ref["fake", intent.ref]]
        del small.tables.orders[payment.order_id]
        yield f"charge_unmatched:{intent.ref}"


def f86_a_message_is_gone(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for provider, ref in list(small.tables.inbox_by_ref)[:DEFECTS]:
        del small.tables.inbox_by_ref[provider, ref]
        yield f"message_missing:{ref}"


def f87_money_is_taken_in_the_dashboard(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    small.clock.at -= timedelta(hours=1)
    refs = [small.provider.charged_elsewhere(1000 + number).provider_ref for number in range(DEFECTS)]
    small.clock.at += timedelta(hours=1)
    return [f"charge_unmatched:{ref}" for ref in refs]


def f88_what_is_on_hand_is_edited(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for number, (place, level) in enumerate(list(small.tables.levels.items())):
        small.tables.levels[place] = evolve(level, on_hand=level.on_hand + 1 + number % 7)
        yield f"stock_differs:{place[0]}@{place[1]}"


def f88_a_reservation_is_edited(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    reservations = small.tables.reservations
    touched: dict[str, None] = {}
    for key, reservation in list(reservations.items()):
        if reservation.state is ReservationState.ALLOCATED:
            reservations[key] = evolve(reservation, quantity=reservation.quantity + 1)
            touched[f"reserved_differs:{reservation.variant_id}@{reservation.location_id}"] = None
    return touched


def another_sum_went_back(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        small.provider.refunds_elsewhere(intent.ref, 1)
        yield f"amount_differs:{intent.ref}"


def another_currency_was_taken(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        small.books.alter(evolve(intent, currency="USD"))
        yield f"currency_differs:{intent.ref}"


def another_state_is_ours(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        payment = small.tables.payments[small.tables.payment_by_ref["fake", intent.ref]]
        payment.attempts = tuple(evolve(attempt, status=AttemptStatus.AUTHORIZED) for attempt in payment.attempts)
        yield f"state_differs:{intent.ref}"


def the_provider_has_forgotten(small: SmallShop, placed: list[OrderId]) -> Iterable[str]:
    for intent in paid_intents(small)[:DEFECTS]:
        del small.books._intents[intent.ref]
        small.books._calendar = [entry for entry in small.books._calendar if entry[1] != intent.ref]
        yield f"payment_unmatched:{intent.ref}"


MONEY_PLANTS: tuple[Plant, ...] = (
    f86_an_entry_of_the_ledger_is_gone,
    f86_an_order_is_gone,
    f86_a_message_is_gone,
    f87_money_is_taken_in_the_dashboard,
    another_sum_went_back,
    another_currency_was_taken,
    another_state_is_ours,
    the_provider_has_forgotten,
)


@pytest.mark.parametrize("plant", MONEY_PLANTS, ids=lambda plant: plant.__name__)
async def test_f86_f87_a_hundred_defects_are_all_found_and_nothing_else(plant: Plant) -> None:
    small, placed = await sold(DEFECTS + 10)
    assert await ids(small) == []
    planted = sorted(plant(small, placed))
    assert len(planted) == DEFECTS
    assert await ids(small) == planted


@pytest.mark.parametrize("plant", [f88_what_is_on_hand_is_edited, f88_a_reservation_is_edited])
async def test_f88_stock_that_was_edited_is_found(plant: Plant) -> None:
    small = await open_small_shop()
    variants = [await small.product(f"thing-{number}", stock=3) for number in range(DEFECTS)]
    for variant in variants:
        await small.buy((variant, 1))
    await settled(small)
    small.clock.forward(timedelta(hours=1))
    await balanced(small)
    assert await ids(small) == []
    planted = sorted(plant(small, []))
    assert len(planted) == DEFECTS
    assert await ids(small) == planted


async def test_f88_a_movement_that_is_gone_is_found() -> None:
    small, _ = await sold(3)
    [level] = small.tables.levels.values()
    small.tables.movements.pop(0)
    assert await ids(small) == [f"stock_differs:{level.variant_id}@{level.location_id}"]


async def test_f90_after_four_days_without_messages_everything_is_healed() -> None:
    """The endpoint is off and nobody sweeps: shoppers pass their challenges, and the shop hears nothing."""
    small = await open_small_shop()
    variant = await small.product(stock=50)
    placed = [await small.buy((variant, 1), method="fake_card_3ds") for _ in range(20)]
    for order_id in placed[:15]:
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    for order_id in placed[15:]:
        small.provider.shopper_fails((await small.payment(order_id)).attempt.provider_ref)
    small.provider.take_news()  # posted to nobody
    small.clock.forward(timedelta(days=4))
    report = await told(small)
    kinds = [finding.kind for finding in report.findings]
    assert kinds.count("state_differs") == 20
    assert kinds.count("message_missing") == 40
    assert all(finding.healing for finding in report.findings)

    assert await reconcile_week(small.shop) == 60
    await settled(small)
    for order_id in placed[:15]:
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
    await small.settle_down()
    await balanced(small)
    assert (await told(small)).clean
    assert await reconcile_week(small.shop) == 0
    await at_rest(small)


class TestRepairs:
    async def test_what_the_provider_knows_better_is_asked_again(self) -> None:
        small, placed = await sold(2)
        [first, _] = paid_intents(small)
        small.provider.refunds_elsewhere(first.ref, 500)
        [finding] = (await told(small)).findings
        assert (finding.kind, finding.order_id) == ("amount_differs", placed[0])
        await repaired(small, finding)
        assert (await small.payment(placed[0])).refunded.minor == 500
        assert (await told(small)).clean

    @pytest.mark.parametrize(("column", "by"), [("captured", -100), ("captured", 100), ("refunded", 100)])
    async def test_what_somebody_changed_in_the_database_is_for_people(
        self, column: str, by: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        small, placed = await sold(2)
        [first, _] = paid_intents(small)
        payments = small.tables.payments
        [found] = [payment for payment in payments.values() if payment.order_id == placed[0]]
        altered = copied(found)
        setattr(altered, column, getattr(found, column) + eur(by))
        payments[found.id] = altered
        findings = (await told(small)).findings
        assert [finding.kind for finding in findings] == ["amount_differs", "ledger_differs"]
        with pytest.raises(FindingNeedsPeople):
            await repaired(small, findings[0])
        assert small.books.intents[first.ref].refunded == 0
        await reconcile_week(small.shop)
        said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert any(f"of {first.ref} does not follow" in line for line in said)

    async def test_a_missing_entry_is_booked(self) -> None:
        small, placed = await sold(2)
        before = await small.entries(placed[0])
        f = f86_an_entry_of_the_ledger_is_gone
        assert len(list(f(small, placed))) == 2
        for finding in (await told(small)).findings:
            assert finding.ours is not None
            assert finding.ours.minor == 0
            await repaired(small, finding)
        after = await small.entries(placed[0])
        assert sorted((e.kind, e.provider_ref, str(e.postings)) for e in after) == sorted(
            (e.kind, e.provider_ref, str(e.postings)) for e in before
        )
        await at_rest(small)
        assert (await told(small)).clean

    async def test_a_missing_refund_is_booked(self) -> None:
        small, placed = await sold(1)
        [intent] = paid_intents(small)
        small.provider.refunds_elsewhere(intent.ref, 500)
        await small.pay(placed[0], refresh=True)
        capture, fee, refund = await small.entries(placed[0])
        small.tables.entries_by_order[placed[0]] = (capture, fee)
        del small.tables.booked[refund.provider, refund.provider_ref, refund.kind]
        small.clock.forward(timedelta(hours=1))
        [finding] = (await told(small)).findings
        await repaired(small, finding)
        again = (await small.entries(placed[0]))[2]
        assert (again.provider_ref, again.postings) == (refund.provider_ref, refund.postings)

    async def test_an_entry_too_much_is_for_people(self) -> None:
        small, placed = await sold(1)
        entry, fee = await small.entries(placed[0])
        small.tables.entries_by_order[placed[0]] = (entry, fee, evolve(entry, provider_ref="pi_twice"))
        [finding] = (await told(small)).findings
        with pytest.raises(FindingNeedsPeople, match="too much"):
            await repaired(small, finding)

    async def test_an_unbalanced_entry_is_found(self) -> None:
        small, placed = await sold(1)
        entry, _ = small.tables.entries_by_order[placed[0]]
        object.__setattr__(entry, "postings", entry.postings[:-1])
        assert (await ids(small))[0].startswith("ledger_unbalanced:")

    async def test_a_level_follows_its_movements(self) -> None:
        small, _ = await sold(3)
        [level] = small.tables.levels.values()
        list(f88_what_is_on_hand_is_edited(small, []))
        [finding] = (await told(small)).findings
        await repaired(small, finding)
        assert (await small.level(level.variant_id)).on_hand == level.on_hand
        assert (await told(small)).clean
        with pytest.raises(FindingUnknown):
            await repaired(small, finding)

    async def test_a_missing_message_comes_in_once(self) -> None:
        small, placed = await sold(1)
        [ref, *_] = f86_a_message_is_gone(small, placed)
        for _ in range(2):
            await small.shop.execute(RepairFinding(finding=ref))
        assert ref not in await ids(small)

    async def test_what_was_charged_elsewhere_is_for_people(self) -> None:
        small, placed = await sold(1)
        [first, *_] = f87_money_is_taken_in_the_dashboard(small, placed)
        with pytest.raises(FindingNeedsPeople, match="not taken for an order"):
            await small.shop.execute(RepairFinding(finding=first))

    async def test_money_for_an_order_that_lost_track_of_it_is_its_payment(self) -> None:
        """The process died between the provider's answer and our note of it, and no worker came by."""
        small = await open_small_shop()
        order_id = await small.place(await small.cart((await small.product(), 1)))
        attempt = (await small.payment(order_id)).attempt
        asked = IntentRequest(
            attempt_id=attempt.id,
            order_id=order_id,
            amount=attempt.amount,
            method=attempt.method,
            email="ada@example.com",
        )
        await small.provider.create_intent(asked)
        small.clock.forward(timedelta(minutes=11))
        shop = small.with_ports(gateway=Hinting(small.books, small.clock, "whsec", hint=str(order_id)))
        [finding] = (await told(shop)).findings
        assert finding.kind == "charge_unmatched"
        await repaired(shop, finding)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        assert (await told(shop)).clean
        lost = small.with_ports(gateway=Hinting(small.books, small.clock, "whsec", hint=str(order_id)))
        with pytest.raises(FindingNeedsPeople, match="paid otherwise"):
            await lost.shop.execute(RepairFinding(finding=finding.id))

    @pytest.mark.parametrize("kind", sorted(set(FindingKind) - REPAIRABLE))
    async def test_kinds_that_only_people_can_decide(self, kind: str) -> None:
        small = await open_small_shop()
        with pytest.raises(FindingNeedsPeople):
            await small.shop.execute(RepairFinding(finding=f"{kind}:pi_1"))

    @pytest.mark.parametrize("name", ["", "nonsense", "state_differs", "nonsense:pi_1", "state_differs:pi_unknown"])
    async def test_what_was_never_found_is_not_repaired(self, name: str) -> None:
        small = await open_small_shop()
        with pytest.raises(FindingUnknown):
            await small.shop.execute(RepairFinding(finding=name))

    async def test_a_message_that_the_provider_does_not_list_is_not_found(self) -> None:
        small = await open_small_shop()
        with pytest.raises(FindingUnknown):
            await small.shop.execute(RepairFinding(finding="message_missing:evt_1"))


class Hinting(FakePaymentGateway):
    """A provider that was told for which order each intent is, as Stripe is."""

    def __init__(self, books: MemoryBooks, clock: SettableClock, secret: str, *, hint: str) -> None:
        super().__init__(books, clock, secret)
        self._hint = hint

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        page = await super().list_intents(since, until, after=after, limit=limit)
        return evolve(page, data=[evolve(one, order_hint=self._hint) for one in page.data])


async def repaired(small: SmallShop, finding: FindingView) -> None:
    assert finding.repair == f"shop reconcile --repair {finding.id}"
    await small.shop.execute(RepairFinding(finding=finding.id))


async def test_what_was_touched_just_now_is_left_to_those_who_are_at_it() -> None:
    small = await open_small_shop()
    variant = await small.product(stock=5)
    order_id = await small.buy((variant, 1), method="fake_card_3ds")
    small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    small.clock.forward(timedelta(minutes=9))
    assert (await told(small)).clean
    small.clock.forward(timedelta(minutes=2))
    assert [finding.kind for finding in (await told(small)).findings] == ["state_differs"]


@pytest.mark.parametrize("method", ["fake_card", "fake_card_declined"])
async def test_orders_of_subscriptions_are_no_false_alarm(method: str) -> None:
    small = await open_small_shop()
    await subscribe(small, await offer(small), method)
    await days(small, 100)
    small.clock.forward(timedelta(hours=1))
    await balanced(small)
    report = await told(small)
    assert report.findings == []
    assert report.intents
    assert report.payments == report.intents


async def test_a_report_ends_at_its_limit_and_says_so() -> None:
    small, _ = await sold(10)
    list(another_sum_went_back(small, []))
    report = await small.shop.ask(Reconcile(since=START - timedelta(days=1), limit=3))
    assert (len(report.findings), report.truncated) == (3, True)


async def test_events_that_were_set_aside_are_told() -> None:
    small = await open_small_shop()
    await small.product()
    now = small.clock.now()
    for delivery in await small.storage.outbox.claim(now, now + timedelta(minutes=1), 10):
        await small.storage.outbox.set_aside(delivery, now, "no use")
    [finding] = (await told(small)).findings
    assert (finding.id, finding.repair) == ("events_set_aside:all", "shop events revive")
    await small.storage.outbox.revive(None, now)
    assert (await told(small)).clean


async def test_a_provider_without_lists_is_not_compared_with() -> None:
    small = await open_small_shop(faulty(Away()))
    report = await told(small)
    assert (report.compared, report.clean) == (False, True)
    assert await reconcile_recent(small.shop) == 0


async def test_windows_begin_before_they_end_and_are_not_endless() -> None:
    small = await open_small_shop()
    now = small.clock.now()
    for since, until in ((now, now), (now, now - timedelta(days=1)), (now - timedelta(days=401), now)):
        with pytest.raises(Invalid):
            await small.shop.ask(Reconcile(since=since, until=until))


async def test_what_only_people_can_decide_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    small, placed = await sold(1)
    [first, *_] = f87_money_is_taken_in_the_dashboard(small, placed)
    with caplog.at_level("ERROR", logger="shop.worker"):
        assert await reconcile_recent(small.shop) == 0
    assert first in caplog.text


def test_what_heals_by_itself_can_also_be_repaired_by_hand() -> None:
    assert HEALING < REPAIRABLE < set(FindingKind)
