"""An order moves along its arrows only, in three states side by side; what has ended stays ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shop.domain.carts import CART_ARROWS
from shop.domain.catalog import PRODUCT_ARROWS
from shop.domain.inventory import RESERVATION_ARROWS
from shop.domain.kernel.errors import Invalid
from shop.domain.orders import (
    CONTEST_ARROWS,
    FULFILMENT_ARROWS,
    HOLDING_FLAGS,
    ORDER_ARROWS,
    PAYMENT_ARROWS,
    FulfilmentStatus,
    OrderAtRisk,
    OrderCancelled,
    OrderCannotMove,
    OrderConfirmed,
    OrderCreated,
    OrderFlag,
    OrderHeld,
    OrderNotCancellable,
    OrderStatus,
    PaymentStatus,
)
from shop.domain.payments import ATTEMPT_ARROWS
from tests.domain.samples import NOW, an_order, eur, later
from tests.scale import rounds

TABLES: dict[str, Mapping[Any, frozenset[Any]]] = {
    "order": ORDER_ARROWS,
    "payment": {state: ends | CONTEST_ARROWS.get(state, frozenset()) for state, ends in PAYMENT_ARROWS.items()},
    "fulfilment": FULFILMENT_ARROWS,
    "attempt": ATTEMPT_ARROWS,
    "reservation": RESERVATION_ARROWS,
    "cart": CART_ARROWS,
    "product": PRODUCT_ARROWS,
}
ENDS: dict[str, set[str]] = {
    "order": {"completed", "cancelled"},
    "payment": set(),  # a dispute may begin whenever money was taken, and an appeal may turn a loss
    "fulfilment": {"returned"},
    "attempt": {"captured", "cancelled"},
    "reservation": {"released", "fulfilled"},
    "cart": {"ordered", "expired"},
    "product": set(),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_in_its_table_and_can_be_reached(name: str) -> None:
    table = TABLES[name]
    kind = type(next(iter(table)))
    assert issubclass(kind, StrEnum)
    assert set(table) == set(kind)
    assert set().union(*table.values()) <= set(kind)
    first = next(iter(kind))
    reached, todo = {first}, [first]
    while todo:
        fresh = table[todo.pop()] - reached
        reached |= fresh
        todo += fresh
    assert reached == set(kind)


@pytest.mark.parametrize("name", TABLES)
def test_no_arrow_leads_nowhere_or_out_of_an_end(name: str) -> None:
    table = TABLES[name]
    assert all(state not in targets for state, targets in table.items())
    assert {str(state) for state, targets in table.items() if not targets} == ENDS[name]


@pytest.mark.parametrize("state", PaymentStatus)
@pytest.mark.parametrize("target", PaymentStatus)
def test_f38_f39_late_news_of_a_payment_move_nothing_back(state: PaymentStatus, target: PaymentStatus) -> None:
    order = an_order(payment_status=state)
    moved = order.move_payment(target, later())
    assert moved == (target in PAYMENT_ARROWS[state])
    assert order.payment_status is (target if moved else state)
    assert order.updated_at == (later() if moved else NOW)


def test_a_placed_order_says_so_once() -> None:
    order = an_order()
    [event] = order.take_events()
    assert isinstance(event, OrderCreated)
    assert (event.subject, event.cart_id, event.total) == (order.id, order.cart_id, order.total)
    assert (order.placed_at, order.updated_at, order.number) == (NOW, NOW, None)


def test_metadata_of_an_order_has_limits() -> None:
    with pytest.raises(Invalid):
        an_order(metadata={"": ""})


def test_a_confirmed_order_no_longer_runs_out_and_forgets_why_it_was_held() -> None:
    order = an_order()
    order.put_on_hold("payment_mismatch", later())
    order.put_on_hold("again", later())
    assert (order.status, order.hold_reason) == (OrderStatus.ON_HOLD, "payment_mismatch")
    order.confirm(later(2))
    order.confirm(later(3))
    assert (order.hold_reason, order.hold_expires_at, order.updated_at) == ("", None, later(2))
    assert [type(event) for event in order.take_events()] == [OrderCreated, OrderHeld, OrderConfirmed]


def test_f46_an_order_that_costs_nothing_is_paid_without_a_provider() -> None:
    order = an_order(total=eur(0))
    order.waive_payment(later())
    assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert [type(event) for event in order.take_events()] == [OrderCreated, OrderConfirmed]


def test_f15_an_order_is_overdue_from_the_moment_its_hold_ends_unless_it_is_extended() -> None:
    order = an_order(hold_expires_at=later(15))
    assert not order.is_overdue(later(14.9))
    assert order.is_overdue(later(15))
    order.wait_until(later(60), later(14))
    assert (order.is_overdue(later(15)), order.is_overdue(later(60))) == (False, True)
    order.confirm(later(20))
    order.wait_until(later(90), later(21))
    assert order.hold_expires_at is None
    assert not order.is_overdue(later(60))


def test_cancelling_twice_is_once() -> None:
    order = an_order()
    order.take_events()
    order.cancel("expired", later())
    order.check_cancellable()
    order.cancel("other", later(2))
    [event] = order.take_events()
    assert isinstance(event, OrderCancelled)
    assert (order.cancel_reason, order.cancelled_at, order.hold_expires_at) == ("expired", later(), None)


@pytest.mark.parametrize(
    "state",
    [
        {"status": OrderStatus.COMPLETED},
        {"fulfilment_status": FulfilmentStatus.PARTIALLY_FULFILLED},
        {"fulfilment_status": FulfilmentStatus.DELIVERED},
        {"payment_status": PaymentStatus.PAID},
        {"payment_status": PaymentStatus.PARTIALLY_REFUNDED},
        {"payment_status": PaymentStatus.MISMATCH},
        {"payment_status": PaymentStatus.DISPUTED},
    ],
    ids=str,
)
def test_an_order_that_left_or_was_paid_is_not_cancelled(state: dict[str, Any]) -> None:
    order = an_order(**state)
    with pytest.raises(OrderNotCancellable):
        order.cancel("changed my mind", later())
    assert order.status is state.get("status", OrderStatus.PENDING)


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - {"paid", "partially_refunded", "mismatch", "disputed"}))
def test_without_money_taken_an_order_can_be_called_off(status: PaymentStatus) -> None:
    order = an_order(payment_status=status)
    order.cancel("expired", later())
    assert order.status is OrderStatus.CANCELLED


class LifeOfAnOrder(RuleBasedStateMachine):
    """Anything may be asked of an order at any time; after each step it stands where an arrow leads."""

    def __init__(self) -> None:
        super().__init__()
        self.order = an_order()
        self.seen = (self.order.status, self.order.payment_status)
        self.events = [type(event) for event in self.order.take_events()]

    @rule()
    def confirm(self) -> None:
        self.ask(lambda: self.order.confirm(later()), OrderStatus.CONFIRMED)

    @rule(reason=st.sampled_from(["risk", "payment_mismatch"]))
    def hold(self, reason: str) -> None:
        self.ask(lambda: self.order.put_on_hold(reason, later()), OrderStatus.ON_HOLD)

    @rule()
    def cancel(self) -> None:
        self.ask(lambda: self.order.cancel("expired", later()), OrderStatus.CANCELLED)

    @rule(status=st.sampled_from(PaymentStatus))
    def news_of_the_payment(self, status: PaymentStatus) -> None:
        self.order.move_payment(status, later())

    @rule(status=st.sampled_from(PaymentStatus))
    def a_dispute_moves(self, status: PaymentStatus) -> None:
        before = self.order.payment_status
        moved = self.order.contest_payment(status, later())
        assert moved == (status in CONTEST_ARROWS.get(before, frozenset()))

    @rule(status=st.sampled_from(FulfilmentStatus))
    def goods_move(self, status: FulfilmentStatus) -> None:
        if status in FULFILMENT_ARROWS[self.order.fulfilment_status]:
            self.order.fulfilment_status = status

    def ask(self, action: Any, target: OrderStatus) -> None:
        before = self.order.status
        try:
            action()
        except (OrderCannotMove, OrderNotCancellable):
            assert self.order.status is before
        else:
            assert self.order.status is target
        fresh = self.order.take_events()
        assert len(fresh) == (self.order.status is not before)
        self.events += [type(event) for event in fresh]

    @invariant()
    def only_arrows_were_followed(self) -> None:
        status, payment_status = self.seen
        assert self.order.status is status or self.order.status in ORDER_ARROWS[status]
        assert self.order.payment_status in {payment_status, *TABLES["payment"][payment_status]}
        self.seen = (self.order.status, self.order.payment_status)

    @invariant()
    def what_ended_is_told_once(self) -> None:
        assert self.events.count(OrderCreated) == 1
        assert self.events.count(OrderCancelled) == (self.order.status is OrderStatus.CANCELLED)
        assert (self.order.cancelled_at is not None) == (self.order.status is OrderStatus.CANCELLED)


TestLifeOfAnOrder = pytest.mark.prove(LifeOfAnOrder.TestCase)
TestLifeOfAnOrder.settings = settings(max_examples=rounds(50, in_full=2_000), stateful_step_count=30)


def test_flags_hold_what_should_not_be_sent() -> None:
    order = an_order()
    order.take_events()
    assert [order.flag(OrderFlag.INQUIRY, True, later()), order.fulfilment_on_hold] == [True, False]
    assert order.take_events() == []
    for flag in HOLDING_FLAGS:
        ups = [order.flag(flag, True, later()) for _ in range(2)]
        assert [*ups, order.fulfilment_on_hold] == [True, False, True]
        told = [event for event in order.take_events() if isinstance(event, OrderAtRisk)]
        assert [event.risk for event in told] == ([] if flag is OrderFlag.DISPUTE else [flag])
        assert [order.flag(flag, False, later()), order.fulfilment_on_hold] == [True, False]
    assert order.flags == {OrderFlag.INQUIRY}
