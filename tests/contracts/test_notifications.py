"""The notifiers in memory, in a folder and through a mail server hold their promises."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from shop.adapters.contracts.notifications import NotifierContract, NotifierUnderTest
from shop.adapters.mail.mailbox import FolderMailbox
from shop.adapters.mail.smtp import MailServer, SmtpNotifier
from shop.adapters.memory.notifications import MemoryNotifier
from shop.application.ports.notifications import Mailbox, Notification
from tests.mail_server import running_mail_server
from tests.shops import SettableClock


class TickingClock(SettableClock):
    """A second later each time."""

    def now(self):  # type: ignore[no-untyped-def]
        self.forward(timedelta(seconds=1))
        return self.at


def under_test(notifier: MemoryNotifier | FolderMailbox) -> NotifierUnderTest:
    async def received() -> list[Notification]:
        return [sent.notification for sent in reversed(await notifier.sent(100))]

    assert isinstance(notifier, Mailbox)
    return NotifierUnderTest(notifier=notifier, received=received)


class TestMemoryNotifier(NotifierContract):
    """A list in the process."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[NotifierUnderTest]:
        yield under_test(MemoryNotifier(TickingClock()))


class TestFolderMailbox(NotifierContract):
    """A folder of its own."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[NotifierUnderTest]:
        with tempfile.TemporaryDirectory() as folder:
            yield under_test(FolderMailbox(Path(folder) / "mail", TickingClock()))


@pytest.mark.integration
class TestSmtpNotifier(NotifierContract):
    """Through a real server, as it took the mail in."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[NotifierUnderTest]:
        with running_mail_server() as server:

            async def received() -> list[Notification]:
                return await asyncio.to_thread(server.notifications)

            yield NotifierUnderTest(
                notifier=SmtpNotifier(MailServer("127.0.0.1", server.port), "Shop <shop@example.com>", TickingClock()),
                received=received,
            )
