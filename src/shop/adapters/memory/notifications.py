"""Notifications that nobody gets: kept in the process, for programs and tests."""

from collections import OrderedDict

from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.notifications import Notification, SentNotification
from shop.application.ports.options import Options
from shop.domain.kernel.email import email_key

KEPT_MAX = 1000


class MemoryNotifier:
    """The latest thousand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, SentNotification] = OrderedDict()

    async def send(self, notification: Notification) -> None:
        forbid_inside_transaction("Notifier.send")
        if notification.id not in self._kept:
            self._kept[notification.id] = SentNotification(notification=notification, at=self._clock.now())
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    async def sent(self, limit: int) -> list[SentNotification]:
        return list(reversed(self._kept.values()))[:limit]

    async def forget(self, email: str) -> int:
        of_theirs = [id for id, sent in self._kept.items() if email_key(sent.notification.to) == email_key(email)]
        for id in of_theirs:
            del self._kept[id]
        return len(of_theirs)

    async def close(self) -> None:
        """Nothing to let go of."""


def open_memory_notifier(options: Options) -> MemoryNotifier:
    return MemoryNotifier(options.clock)
