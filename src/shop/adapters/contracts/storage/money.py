"""Payments, sessions, the books and what providers told us: each kept once, and as it was."""

import pytest
from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import PaymentFilter, RefundFilter, TimeRange
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import (
    AttemptId,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    RefundId,
)
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.ledger import EntryKind, refund_postings
from shop.domain.payments import (
    AttemptStatus,
    InboxState,
    IntentState,
    NextAction,
    Payment,
    PaymentAttempt,
    PaymentNotFound,
    PaymentSessionNotFound,
    RefundLine,
    RefundNotFound,
    RefundState,
    RefundStatus,
)


class PaymentPromises(StoragePromises):
    """The promises of `PaymentRepository`, `PaymentSessionRepository` and `PaymentReader`."""

    @alone
    async def test_sessions_come_back_as_they_were(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        session.authorizes, session.saves = False, True
        await bench.save(cart, session)
        async with bench.transaction() as tx:
            assert state(await tx.payment_sessions.get(session.id)) == state(session)
            with pytest.raises(PaymentSessionNotFound):
                await tx.payment_sessions.get(bench.samples.new(PaymentSessionId))

    @alone
    async def test_payments_come_back_as_they_were(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        bare = state(payment)
        async with bench.transaction() as tx:
            assert state(await tx.payments.get(payment.id)) == bare
            assert state(await tx.payments.of_order(order.id)) == bare
        _follow(payment, "pi_1", AttemptStatus.CANCELLED)
        payment.attempts = (*payment.attempts, evolve(_attempt(bench, payment), saves=True))
        _follow(payment, "pi_2", AttemptStatus.REQUIRES_ACTION, action=NextAction(kind="redirect", url="https://x/"))
        payment.captured, payment.refunded, payment.refund_due = eur(5), Money(3, "USD"), True
        payment.refund_reserved, payment.looks, payment.look_at = Money(4, "USD"), 3, bench.later(90)
        payment.processed, payment.capture_due, payment.void_due, payment.expiry_told = True, eur(2), True, True
        await bench.save(payment)
        async with bench.transaction() as tx:
            found = await tx.payments.get(payment.id)
            assert state(found) == state(payment)
            assert found.attempt.next_action == NextAction(kind="redirect", url="https://x/")
            for ref in ("pi_1", "pi_2"):
                assert state(await tx.payments.find_by_provider_ref("fake", ref)) == state(payment)

    @alone
    async def test_unknown_payments_are_not_found(self, bench: Bench) -> None:
        await bench.paying()
        async with bench.transaction() as tx:
            with pytest.raises(PaymentNotFound):
                await tx.payments.get(bench.samples.new(PaymentId))
            with pytest.raises(PaymentNotFound):
                await tx.payments.of_order(bench.samples.new(OrderId))
            assert await tx.payments.find_by_provider_ref("fake", "pi_unknown") is None
            assert await tx.payments.find_by_provider_ref("fake", "") is None
            assert await tx.payments.find_by_provider_ref("other", "pi_1") is None

    @alone
    async def test_an_order_has_one_live_attempt(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        with pytest.raises(StaleAggregate):
            await bench.save(bench.samples.payment(order))
        payment.attempts = (*payment.attempts, _attempt(bench, payment))
        with pytest.raises(StaleAggregate):
            await bench.save(payment)
        async with bench.transaction() as tx:
            assert len((await tx.payments.of_order(order.id)).attempts) == 1

    @alone
    async def test_an_attempt_that_was_refused_is_given_up_for_another_in_one_write(self, bench: Bench) -> None:
        """Again and again: the one that was live and the one that is are never counted as two."""
        order, payment = await bench.paying()
        for number in range(3):
            _follow(payment, "", AttemptStatus.FAILED, failure_code=f"code_{number}")
            await bench.save(payment)
            ways = CapturePolicy.MANUAL, CapturePolicy.AUTOMATIC
            new, way = bench.samples.new(AttemptId), ways[number % 2]
            payment.begin_anew(new, f"way_{number}", bench.later(number), capture=way)
            await bench.save(payment)
        _follow(payment, "pi_1", AttemptStatus.REQUIRES_ACTION)
        await bench.save(payment)
        async with bench.transaction() as tx:
            found = await tx.payments.of_order(order.id)
        assert state(found) == state(payment)
        assert [(a.status, a.failure_code) for a in found.attempts[:-1]] == [
            (AttemptStatus.CANCELLED, f"code_{number}") for number in range(3)
        ]
        page = await bench.readers.payments.all(PaymentFilter(failure_code="code_2"), PageRequest(limit=10))
        assert [view.id for view in page.data] == [payment.id]

    @alone
    async def test_an_intent_pays_for_one_order(self, bench: Bench) -> None:
        (_, first), (_, second) = await bench.paying(), await bench.paying()
        _follow(first, "pi_1", AttemptStatus.PROCESSING)
        await bench.save(first)
        _follow(second, "pi_1", AttemptStatus.PROCESSING)
        with pytest.raises(StaleAggregate):
            await bench.save(second)

    @alone
    async def test_unfinished_payments_are_found_once_they_rest(self, bench: Bench) -> None:
        expected: list[tuple[float, OrderId]] = []
        for seconds, status in enumerate(AttemptStatus):
            order, payment = await bench.paying(at=bench.later(-100 + seconds))
            if status is not AttemptStatus.NEW:
                payment.attempts = (_with(payment, status),)
                await bench.save(payment)
            if status in (AttemptStatus.NEW, AttemptStatus.PROCESSING, AttemptStatus.AUTHORIZED):
                expected.append((seconds, order.id))
        _, put_off = await bench.paying(at=bench.later(-300))
        put_off.look_at = bench.later(1)
        await bench.save(put_off)
        order, owing = await bench.paying(at=bench.later(-200))
        owing.attempts, owing.captured, owing.refund_due = (_with(owing, AttemptStatus.CAPTURED),), owing.amount, True
        await bench.save(owing)
        await bench.paying(at=bench.now)
        ids = [order.id, *(order_id for _, order_id in sorted(expected))]
        async with bench.transaction() as tx:
            assert await tx.payments.unfinished(bench.now, bench.now, 10) == ids
            assert await tx.payments.unfinished(bench.now, bench.now, 2) == ids[:2]
            assert await tx.payments.unfinished(bench.later(-200), bench.now, 10) == []
            assert await tx.payments.unfinished(bench.now, bench.later(1), 1) == [put_off.order_id]

    @alone
    async def test_a_payment_is_shown_with_what_the_provider_said(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        _follow(payment, "pi_1", AttemptStatus.FAILED, failure_code="card_declined", secret="pi_1_secret")
        await bench.save(payment)
        early = bench.samples.message(object_ref="pi_1")
        late = bench.samples.message(object_ref="pi_1", at=bench.later(5), body=b"\xff", event_type="x")
        late.settle(InboxState.APPLIED, bench.later(6))
        elsewhere = bench.samples.message(object_ref="pi_1", provider="other")
        await bench.save(early, late, elsewhere, bench.samples.message(object_ref="pi_2"))
        view = await bench.readers.payments.one(payment.id)
        assert (view.order_id, view.provider, view.status) == (order.id, "fake", AttemptStatus.FAILED)
        assert (view.amount, view.captured, view.refunded) == (payment.amount, eur(0), eur(0))
        assert (view.refund_due, view.version, view.created_at) == (False, payment.version, bench.now)
        (attempt,) = view.attempts
        assert (attempt.id, attempt.provider_ref, attempt.failure_code) == (
            payment.attempt.id,
            "pi_1",
            "card_declined",
        )
        assert "secret" not in repr(view)
        shown = view.provider_messages or []
        assert [(m.event_ref, m.state) for m in shown] == [(late.event_ref, "applied"), (early.event_ref, "new")]
        assert (shown[0].body, shown[0].settled_at, shown[1].body) == ("[hidden]", bench.later(6), '{"é": 1}')
        with pytest.raises(PaymentNotFound):
            await bench.readers.payments.one(bench.samples.new(PaymentId))

    @alone
    async def test_the_buyer_sees_how_the_payment_stands(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        action = NextAction(kind="redirect", url="https://bank.example/")
        _follow(payment, "pi_1", AttemptStatus.REQUIRES_ACTION, action=action, secret="pi_1_secret")
        await bench.save(payment)
        shown = (await bench.readers.orders.order(order.id)).view.payment
        assert shown is not None
        assert (shown.id, shown.status) == (payment.id, AttemptStatus.REQUIRES_ACTION)
        assert (shown.next_action, shown.client_secret) == (action, "pi_1_secret")

    @alone
    async def test_each_filter_of_payments_narrows(self, bench: Bench) -> None:
        order, wanted = await bench.paying(provider="stripe", at=bench.later(60))
        _follow(wanted, "pi_1", AttemptStatus.FAILED, failure_code="card_declined")
        await bench.save(wanted)
        _, other = await bench.paying()
        for which in (
            PaymentFilter(statuses=frozenset({AttemptStatus.FAILED, AttemptStatus.CAPTURED})),
            PaymentFilter(provider="stripe"),
            PaymentFilter(order_id=order.id),
            PaymentFilter(failure_code="card_declined"),
            PaymentFilter(created_at=TimeRange(gt=bench.now)),
        ):
            assert await _ids(bench, which) == [wanted.id], which
        assert await _ids(bench, PaymentFilter(created_at=TimeRange(lte=bench.now))) == [other.id]
        assert await _ids(bench, PaymentFilter(provider="stripe", failure_code="other")) == []

    @alone
    async def test_a_session_knows_the_payment_of_its_carts_order(self, bench: Bench) -> None:
        cart, elsewhere = bench.samples.rich_cart(), bench.samples.cart()
        used, later = bench.samples.session(cart), bench.samples.session(cart)
        unused = bench.samples.session(elsewhere)
        order = bench.samples.order(cart, used)
        await bench.save(cart, elsewhere, used, later, unused)
        read = bench.readers.payments.session
        assert (await read(used.id)).payment is None
        await bench.save(order)
        without = await read(used.id)
        assert (without.order_id, without.payment) == (order.id, None)
        payment = bench.samples.payment(order)
        await bench.save(payment)
        found = await read(used.id)
        assert found.order_id == order.id
        assert (state(found.session), state(found.payment)) == (state(used), state(payment))
        assert found.owner_id == cart.owner_id is not None
        assert state((await read(later.id)).payment) == state(payment)
        nothing = await read(unused.id)
        assert (nothing.owner_id, nothing.payment) == (None, None)
        with pytest.raises(PaymentSessionNotFound):
            await read(bench.samples.new(PaymentSessionId))


class RefundPromises(StoragePromises):
    """The promises of `RefundRepository`."""

    @alone
    async def test_refunds_come_back_as_they_were(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        line = RefundLine(order_line_id=bench.samples.new(OrderLineId), quantity=2, amount=eur(7))
        parts = (Tender(kind=TenderKind.GIFT_CARD, amount=eur(2), reference="é"),)
        rich = bench.samples.refund(payment, note="é", lines=(line,), shipping=eur(3), restock=True, tenders=parts)
        bare = bench.samples.refund(payment, needs_approval=True, applied=False, at=bench.later(5))
        await bench.save(rich, bare)
        async with bench.transaction() as tx:
            assert state(await tx.refunds.get(rich.id)) == state(rich)
            assert [state(refund) for refund in await tx.refunds.of_payment(payment.id)] == [state(rich), state(bare)]
            assert await tx.refunds.of_payment(bench.samples.new(PaymentId)) == []
            with pytest.raises(RefundNotFound):
                await tx.refunds.get(bench.samples.new(RefundId))
        bare.approve("user_2", bench.later(6))
        failed = RefundState(
            provider_ref="re_1", status=RefundStatus.FAILED, amount=bare.amount, failure_code="declined"
        )
        bare.follow(failed, bench.later(7))
        await bench.save(bare)
        async with bench.transaction() as tx:
            assert state(await tx.refunds.get(bare.id)) == state(bare)

    @alone
    async def test_each_filter_of_refunds_narrows(self, bench: Bench) -> None:
        (_, payment), (_, other) = await bench.paying(), await bench.paying()
        wanted = bench.samples.refund(payment, needs_approval=True, at=bench.later(60))
        elsewhere = bench.samples.refund(other)
        await bench.save(wanted, elsewhere)
        for which in (
            RefundFilter(statuses=frozenset({RefundStatus.PENDING_APPROVAL, RefundStatus.FAILED})),
            RefundFilter(payment_id=payment.id),
            RefundFilter(order_id=payment.order_id),
            RefundFilter(created_at=TimeRange(gt=bench.now)),
        ):
            page = await bench.readers.payments.refunds(which, PageRequest(total=True))
            assert ([view.id for view in page.data], page.total) == ([wanted.id], 1), which
        both = await bench.readers.payments.refunds(RefundFilter(), PageRequest(limit=1))
        assert ([view.id for view in both.data], both.next is None) == ([wanted.id], False)
        rest = await bench.readers.payments.refunds(RefundFilter(), PageRequest(limit=1, after=both.next))
        assert [view.id for view in rest.data] == [elsewhere.id]
        assert (await bench.readers.payments.refund(wanted.id)) == both.data[0]
        with pytest.raises(RefundNotFound):
            await bench.readers.payments.refund(bench.samples.new(RefundId))

    @alone
    async def test_i5_a_refund_of_the_provider_is_one_refund(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        refunds = [bench.samples.refund(payment) for _ in range(2)]
        for refund in refunds:
            refund.provider_ref = "re_1"
        await bench.save(refunds[0])
        with pytest.raises(StaleAggregate):
            await bench.save(refunds[1])

    @alone
    async def test_f50_a_refund_is_written_once(self, bench: Bench) -> None:
        """Two who read the same payment cannot both promise what is left of it."""
        _, payment = await bench.paying()
        payment.captured = payment.amount
        await bench.save(payment)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.payments.get(payment.id)
                payment.reserve_refund(payment.amount, bench.now)
                await bench.save(payment, bench.samples.refund(payment))
                mine.reserve_refund(mine.amount, bench.now)
                slow.refunds.save(bench.samples.refund(mine))
                slow.payments.save(mine)
        async with bench.transaction() as tx:
            assert len(await tx.refunds.of_payment(payment.id)) == 1
            assert not (await tx.payments.get(payment.id)).refundable


class BookPromises(StoragePromises):
    """The promises of `Ledger` and `InboxRepository`."""

    @alone
    async def test_entries_come_back_in_the_order_of_booking(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        capture = bench.samples.entry(payment, at=bench.later(5))
        refund = bench.samples.entry(
            payment, kind=EntryKind.REFUND, postings=refund_postings("fake", eur(7), applied=True)
        )
        await bench.save(capture)
        await bench.save(refund)
        async with bench.transaction() as tx:
            assert await tx.ledger.of_order(order.id) == [capture, refund]
            assert await tx.ledger.of_order(bench.samples.new(OrderId)) == []

    @alone
    async def test_the_same_news_book_once(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        await bench.save(bench.samples.entry(payment))
        cart = bench.samples.cart()
        with pytest.raises(StaleAggregate):
            await bench.save(cart, bench.samples.entry(payment))
        await bench.save(bench.samples.entry(payment, provider_ref="pi_2"))
        async with bench.transaction() as tx:
            assert len(await tx.ledger.of_order(order.id)) == 2
        await bench.save(cart)


async def _ids(bench: Bench, which: PaymentFilter) -> list[PaymentId]:
    page = await bench.readers.payments.all(which, PageRequest(total=True))
    assert page.total == len(page.data)
    assert all(view.provider_messages is None for view in page.data)
    return [view.id for view in page.data]


def _follow(
    payment: Payment,
    ref: str,
    status: AttemptStatus,
    *,
    failure_code: str = "",
    action: NextAction | None = None,
    secret: str = "",
) -> None:
    zero = Money.zero(payment.amount.currency)
    news = IntentState(
        provider_ref=ref,
        status=status,
        amount=payment.amount,
        captured=zero,
        failure_code=failure_code,
        next_action=action,
        client_secret=secret,
    )
    payment.follow(news, payment.updated_at)


def _attempt(bench: Bench, payment: Payment) -> PaymentAttempt:
    return PaymentAttempt(
        id=bench.samples.new(AttemptId),
        method="fake_card_3ds",
        amount=payment.amount,
        brand="visa",
        created_at=bench.now,
        updated_at=bench.now,
    )


def _with(payment: Payment, status: AttemptStatus) -> PaymentAttempt:
    attempt = payment.attempt
    return PaymentAttempt(
        id=attempt.id,
        method=attempt.method,
        amount=attempt.amount,
        status=status,
        created_at=attempt.created_at,
        updated_at=attempt.updated_at,
    )
