"""What a transaction gathers, and the one step in which all of it is written or none."""

from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar

from attrs import define

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.application.auditing import Witness
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.aggregates import Aggregate, Event

A = TypeVar("A", bound=Aggregate)


class Rank(IntEnum):
    """The order in which things are written, the same in every storage: the stock comes last."""

    ANSWER = 1
    CART = 2
    ORDER = 3
    PAYMENT = 4
    SETTINGS = 5
    CATEGORY = 6
    PRODUCT = 7
    LEDGER = 8
    INBOX = 9
    EVENTS = 10
    STOCK = 11


@define
class _Step:
    rank: Rank
    write: Callable[[Journal], None]


class Writes:
    """What is to be written when the transaction ends."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.events: list[Event] = []
        self.witness = Witness()
        self._steps: dict[object, _Step] = {}
        self._afterwards: list[Callable[[], None]] = []

    def add(self, rank: Rank, write: Callable[[Journal], None]) -> None:
        """Writes this too. `write` raises when a guard forbids it."""
        self._steps[object()] = _Step(rank, write)

    def save(self, rank: Rank, aggregate: A, key: object, put: Callable[[A, Journal], None]) -> None:
        """Writes the aggregate as it is now, its version one higher; saved again, only the last state counts.

        `put` checks guards, the version among them, while the copy it is given still has the version it was read with.
        """
        self.events += aggregate.take_events()
        self.witness.saves(key, aggregate)
        twin = copied(aggregate)

        def write(journal: Journal) -> None:
            put(twin, journal)
            twin.version += 1
            twin.remember_stored()
            self.after(lambda: _stored(aggregate, twin.version))

        self._steps[key] = _Step(rank, write)

    def discard(self, key: object) -> None:
        """What was to be saved under this key is not written after all."""
        self.witness.discards(key)
        self._steps.pop(key, None)

    def after(self, action: Callable[[], None]) -> None:
        """Does this once everything is written."""
        self._afterwards.append(action)

    def commit(self) -> None:
        """Writes everything, or raises and writes nothing."""
        journal = Journal()
        with journal.all_or_nothing():
            for step in sorted(self._steps.values(), key=lambda step: step.rank):
                step.write(journal)
        for action in self._afterwards:
            action()


def _stored(aggregate: Aggregate, version: int) -> None:
    aggregate.version = version
    aggregate.remember_stored()


def check_version(saved: Aggregate, stored: Aggregate | None) -> None:
    """Raises StaleAggregate unless what is stored is what was read: nothing for version 0."""
    if saved.version != (stored.version if stored is not None else 0):
        raise StaleAggregate(f"The {type(saved).__name__.lower()} has changed since it was read.")
