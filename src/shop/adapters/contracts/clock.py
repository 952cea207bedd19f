"""What every clock and every source of ids promises, as tests: subclass `ClockContract` or `IdsContract`.

    class TestMyClock(ClockContract):
        @asynccontextmanager
        async def open(self):
            yield MyClock()

pytest is all that is needed.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, timedelta
from itertools import pairwise
from typing import ClassVar

from shop.adapters.contracts.stories import alone
from shop.application.ports.clock import Clock, Ids
from shop.domain.kernel.identifiers import CartId, OrderId


class ClockContract:
    """The promises of `shop.application.ports.clock.Clock`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[Clock]:
        """A clock."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[Clock]:
        return self.open()

    @alone
    async def test_it_tells_the_time_in_utc(self, subject: Clock) -> None:
        now = subject.now()
        assert now.tzinfo is UTC
        assert now.utcoffset() == timedelta(0)

    @alone
    async def test_it_does_not_go_back_while_one_looks(self, subject: Clock) -> None:
        moments = [subject.now() for _ in range(100)]
        assert moments == sorted(moments)


class IdsContract:
    """The promises of `shop.application.ports.clock.Ids`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[Ids]:
        """A source of ids."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[Ids]:
        return self.open()

    @alone
    async def test_ids_are_of_the_kind_that_was_asked_for(self, subject: Ids) -> None:
        assert type(subject.new(OrderId)) is OrderId
        assert OrderId.parse(str(subject.new(OrderId))).uuid.version == 7

    @alone
    async def test_later_ids_are_other_ids_and_sort_later(self, subject: Ids) -> None:
        made = [subject.new(kind).uuid for _ in range(500) for kind in (OrderId, CartId)]
        assert all(before < after for before, after in pairwise(made))
