"""Who is there in a world."""

import random
from collections.abc import Coroutine
from typing import Any

from shop.domain.payments import AttemptStatus
from tests.simulation.actors import Caller, Cashier, Provider, Regular, Shopper, Staff, Subscriber
from tests.simulation.banks import Bank, acts_of_the_treasurer
from tests.simulation.savers import Saver
from tests.simulation.world import World


def everybody(world: World) -> list[Coroutine[Any, Any, None]]:
    """All who act in this world."""
    provider, bank = Provider(world), Bank(world, random.Random(f"banks:{world.chances.seed}"))

    def hear(ref: str, status: AttemptStatus) -> None:
        provider.hears(ref, status)
        bank.hears(ref, status)

    world.heard_by_provider = hear
    chances = world.chances
    acting: list[Caller] = [
        *(Shopper(f"shopper {n + 1}", world) for n in range(chances.shoppers)),
        *(Subscriber(f"subscriber {n + 1}", world, n) for n in range(len(world.subscriptions))),
        *(Regular(f"regular {n + 1}", world, number=n) for n in range(chances.regulars)),
        *(Saver(f"saver {n + 1}", world, number=n) for n in range(chances.savers)),
        Staff("staff", world),
        *([Cashier("cashier", world)] if chances.captures else []),
    ]
    return [*(caller.act() for caller in acting), *acts_of_the_treasurer(world)]
