"""docs/reference/states.md, drawn from the transition tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from shop.domain.carts import CART_ARROWS
from shop.domain.catalog import PRODUCT_ARROWS
from shop.domain.identity.users import USER_ARROWS
from shop.domain.inventory import RESERVATION_ARROWS
from shop.domain.orders import CONTEST_ARROWS, FULFILMENT_ARROWS, ORDER_ARROWS, PAYMENT_ARROWS
from shop.domain.payments import ATTEMPT_ARROWS, DISPUTE_ARROWS, REFUND_ARROWS
from shop.domain.subscriptions.states import SUBSCRIPTION_ARROWS
from tools.pages.page import Page


class Life(NamedTuple):
    """A table to draw, with what a reader should know of it. The first state of its enumeration is where it begins."""

    title: str
    about: str
    arrows: Mapping[Any, frozenset[Any]]


LIVES = (
    Life(
        "Order: `status`",
        "The order as a whole. It is confirmed when its money is authorised or captured, and on hold when people "
        "have to look at it first.",
        ORDER_ARROWS,
    ),
    Life(
        "Order: `payment_status`",
        "Its money. A refund or a sum that differs is seen here, and never takes the order back. "
        "A refund that fails after it succeeded leads back to where the order was before it; disputes have arrows of "
        "their own.",
        PAYMENT_ARROWS,
    ),
    Life(
        "Order: `payment_status` in disputes",
        "What only a dispute does: it begins whenever money was taken, and ends in a loss or where the order was "
        "before it. A loss may be turned by an appeal.",
        CONTEST_ARROWS,
    ),
    Life("Order: `fulfilment_status`", "Its goods.", FULFILMENT_ARROWS),
    Life(
        "Payment attempt",
        "One try at taking the money, as the provider tells it. Until it is authorised it may go back and forth; "
        "from then on it only moves forward.",
        ATTEMPT_ARROWS,
    ),
    Life(
        "Refund",
        "Money on its way back. Above the shop's limit a second person agrees first; what succeeded may still fail, "
        "days later, and then the books take it back.",
        REFUND_ARROWS,
    ),
    Life(
        "Dispute",
        "As the provider tells it: an inquiry first, or a chargeback at once. What is lost may be won by an appeal.",
        DISPUTE_ARROWS,
    ),
    Life(
        "Reservation",
        "Units that are kept for an order: held until it is paid, then allocated until it is sent.",
        RESERVATION_ARROWS,
    ),
    Life(
        "Subscription",
        "Its payments decide: a period that cannot be paid is tried again after 1, 3, 5 and 7 days, and then the "
        "subscription ends or stays unpaid, as its plan says.",
        SUBSCRIPTION_ARROWS,
    ),
    Life("Cart", "A cart becomes at most one order.", CART_ARROWS),
    Life("User", "Whoever was erased does not come back.", USER_ARROWS),
    Life("Product", "Only active products are for sale. A product can come back from every state.", PRODUCT_ARROWS),
)
_ABOUT = """
Nothing in the shop changes its state except along these arrows: news that would lead anywhere else changes
nothing, and a request for it is refused. A state without an arrow out of it is an end.
"""


def diagram(arrows: Mapping[Any, frozenset[Any]]) -> str:
    """The table as a state diagram in Mermaid, in the order in which its states are declared."""
    kind: type[StrEnum] = type(next(iter(arrows)))
    states = [state for state in kind if state in arrows]
    lines = [f"    [*] --> {states[0]}"]
    for state in states:
        lines += [f"    {state} --> {target}" for target in states if target in arrows[state]]
        if not arrows[state]:
            lines.append(f"    {state} --> [*]")
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _body() -> str:
    return "\n".join(f"## {life.title}\n\n{life.about}\n\n{diagram(life.arrows)}\n" for life in LIVES)


STATES = Page("states.md", "States and what may follow them", _ABOUT, "the tables in `src/shop/domain`", _body)
