"""What a seed decides before a run begins: how big the shop is, and what goes wrong in it how often.

Each trouble is left out of about half the runs and drawn anew for the others, so that rare ones rule some of them.
"""

import random

from attrs import asdict, frozen

from shop.adapters.fake.faults import Fault


@frozen(kw_only=True)
class StorageTrouble:
    """Chances per read or commit. Times are in seconds."""

    read_fails: float = 0.0
    collision: float = 0.0
    fails_before_commit: float = 0.0
    answer_lost_after_commit: float = 0.0
    slow: float = 0.0
    latency: float = 0.02
    stall: float = 0.0
    """It stands still for longer than any lease; ten times as likely before it notes what became of a delivery."""


@frozen(kw_only=True)
class NewsTrouble:
    """What becomes of the provider's messages."""

    lost: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    hours_late: float = 72.0


@frozen(kw_only=True)
class Chances:
    """All that a seed decides beforehand. What it decides on the way (who runs next, who does what) is not in here."""

    seed: int
    processes: int
    shoppers: int
    visits: int
    staff: int
    products: int
    stock: int
    locations: int
    minutes: int
    think_seconds: float
    patience_seconds: float
    worker_pause_seconds: float
    clock_skew_seconds: float
    storage: StorageTrouble
    news: NewsTrouble
    provider: dict[Fault, float]
    provider_slow_seconds: float
    crashes_per_hour: float
    provider_acts: float
    """How often an intent is lapsed, captured, altered or delayed by the provider's own doing."""
    other_sums: bool
    subscribers: int
    """Each with a subscription whose first period ends in the middle of the storm."""
    disputes: float
    """How often the bank takes back, or asks about, what was taken."""
    captures: int = 0
    """How often staff capture or void; 0: the shop captures by itself."""
    authorized_hours: float = 168.0
    """How long an authorisation stands."""
    regulars: int = 0
    """Customers with a plan in the cart."""
    lets_go: bool = False
    """Whether stock is let go of while a bank takes its time."""
    refused: float = 0.0
    """How many intents the provider will not make, whoever asks however often."""
    savers: int = 0
    """Customers who may let their card be saved."""

    @property
    def lines(self) -> list[str]:
        """Each on a line, to be printed."""
        return [f"{name} = {value}" for name, value in asdict(self).items()]


CALM_STORAGE, CALM_NEWS = StorageTrouble(), NewsTrouble()


def chances_of(seed: int) -> Chances:
    """What this seed decides. The same every time, on every machine."""
    draw = random.Random(f"chances:{seed}")

    def trouble(most: float) -> float:
        return round(most * draw.random() ** 2, 4) if draw.random() < 0.5 else 0.0

    by_hand = random.Random(f"captures:{seed}")  # of its own: what the others draw stays as it is
    captures = by_hand.choice((0, 0, 0, 4, 12))
    return Chances(
        seed=seed,
        processes=draw.choice((1, 2, 2, 3)),
        shoppers=draw.randint(2, 5),
        visits=draw.choice((1, 1, 2)),
        staff=draw.randint(0, 8),
        products=draw.randint(1, 3),
        stock=draw.choice((1, 2, 3, 6, 12)),
        locations=draw.choice((1, 1, 2)),
        minutes=draw.choice((5, 10, 30)),
        think_seconds=draw.choice((0.0, 0.2, 2.0, 20.0)),
        patience_seconds=draw.choice((3.0, 20.0, 60.0)),
        worker_pause_seconds=draw.choice((2.0, 10.0, 30.0)),
        clock_skew_seconds=draw.choice((0.0, 0.0, 1.0, 120.0)),
        storage=StorageTrouble(
            read_fails=trouble(0.05),
            collision=trouble(0.4),
            fails_before_commit=trouble(0.2),
            answer_lost_after_commit=trouble(0.3),
            slow=trouble(1.0),
            latency=draw.choice((0.02, 0.5, 3.0)),
            stall=trouble(0.02),
        ),
        news=NewsTrouble(
            lost=trouble(1.0),
            repeated=trouble(1.0),
            late=trouble(1.0),
            hours_late=draw.choice((0.02, 0.5, 72.0)),
        ),
        provider={fault: trouble(0.24) for fault in Fault},
        provider_slow_seconds=draw.choice((1.0, 20.0, 60.0)),
        crashes_per_hour=trouble(60.0),
        provider_acts=min(trouble(2.0), 1.0),
        other_sums=draw.random() < 0.4,
        subscribers=draw.choice((0, 0, 1, 2)),
        captures=captures,
        lets_go=captures > 0 and random.Random(f"lets go:{seed}").random() < 0.5,
        authorized_hours=by_hand.choice((0.2, 2.0, 12.0, 48.0)) if captures else 168.0,
        disputes=trouble(0.5),
        regulars=random.Random(f"regulars:{seed}").choice((0, 0, 0, 0, 0, 2)),
        refused=random.Random(f"refused:{seed}").choice((0.0, 0.0, 0.0, 0.3, 0.7)),
        savers=random.Random(f"savers:{seed}").choice((0, 0, 0, 2)),
    )
