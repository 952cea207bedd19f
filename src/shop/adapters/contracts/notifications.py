"""What every notifier promises, as tests: subclass `NotifierContract` and run pytest.

    class TestMyNotifier(NotifierContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield NotifierUnderTest(notifier=..., received=...)

pytest is all that is needed.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.network import enter_transaction, leave_transaction
from shop.application.ports.notifications import Mailbox, Notification, Notifier
from shop.domain.kernel.errors import Invalid

_TEXT = "Dear Ada,\n\nopen this: https://shop.test/verify?token=" + "x" * 1200 + "\n.\n..\nFrom here on: Grüße, 茶 🍵"
_HTML = "<p>Dear Ada, <a href='https://shop.test/verify?token=1&amp;x=2'>open this</a>. Grüße, 茶 🍵</p>"


@frozen(kw_only=True)
class NotifierUnderTest:
    """A notifier, and what asks the place where its notifications end up: all of them, oldest first."""

    notifier: Notifier
    received: Callable[[], Awaitable[list[Notification]]]


def _notification(number: int = 1, **changes: Any) -> Notification:
    known = {
        "to": "ada@example.com",
        "subject": "Grüße, Ada: 茶",
        "text": _TEXT,
        "html": _HTML,
        "kind": "verify_email",
        "id": f"evt_{number}:mail",
    }
    return Notification(**{**known, **changes})


class NotifierContract:
    """The promises of `shop.application.ports.notifications.Notifier`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[NotifierUnderTest]:
        """A notifier that has sent nothing, closed at the end."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[NotifierUnderTest]:
        return self.open()

    def arrives(self, sent: Notification, came: Notification) -> bool:
        """Whether what came is what was sent, as far as the way keeps it."""
        return (came.to, came.subject, came.text, came.html) == (sent.to, sent.subject, sent.text, sent.html)

    @alone
    async def test_what_is_sent_arrives(self, subject: NotifierUnderTest) -> None:
        sent = [
            _notification(1),
            _notification(2, html=""),
            _notification(3, to="o'brien+shop=tea@mail.example.co.uk", subject="x" * 200),
            _notification(4, text="", html=""),
            _notification(5, text="\n\nx\n\n", html="<b>\n</b>\n"),
        ]
        for notification in sent:
            await subject.notifier.send(notification)
        received = await subject.received()
        assert len(received) == len(sent)
        for one, came in zip(sent, received, strict=True):
            assert self.arrives(one, came)

    @alone
    async def test_nothing_smuggles_in_a_header_or_another_recipient(self, subject: NotifierUnderTest) -> None:
        for broken in ("\r\nBcc: eve@evil.test", "\nBcc: eve@evil.test", "\rX: y", "\0", "\u2028x", "\x0bx", "\x85x"):
            with pytest.raises(Invalid):
                await subject.notifier.send(_notification(to=f"ada@example.com{broken}"))
            with pytest.raises(Invalid):
                await subject.notifier.send(_notification(to=f"ada{broken}@example.com"))
            with pytest.raises(Invalid):
                await subject.notifier.send(_notification(subject=f"Hello{broken}"))
            with pytest.raises(Invalid):
                await subject.notifier.send(_notification(id=f"evt_1{broken}"))
        for two in ("ada@example.com, eve@evil.test", "eve@evil.test ada@example.com", "Ada <ada@example.com>"):
            with pytest.raises(Invalid):
                await subject.notifier.send(_notification(to=two))
        assert await subject.received() == []

    @alone
    async def test_the_end_of_a_mail_is_not_for_its_text_to_say(self, subject: NotifierUnderTest) -> None:
        for number, end in enumerate(("\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n")):
            text = f"before{end}MAIL FROM:<eve@evil.test>{end}behind"
            await subject.notifier.send(_notification(number, text=text, html=""))
        received = await subject.received()
        assert len(received) == 5
        for came in received:
            assert came.text.splitlines()[0] == "before"
            assert came.text.splitlines()[-1] == "behind"

    @alone
    async def test_it_is_not_done_inside_a_transaction(self, subject: NotifierUnderTest) -> None:
        token = enter_transaction()
        try:
            with pytest.raises(RuntimeError, match="transaction"):
                await subject.notifier.send(_notification())
        finally:
            leave_transaction(token)

    @alone
    async def test_what_is_kept_of_a_person_can_be_dropped(self, subject: NotifierUnderTest) -> None:
        notifier = subject.notifier
        for number, to in enumerate(("ada@example.com", "eve@example.com", "Ada@Example.COM")):
            await notifier.send(_notification(number, to=to))
        kept = isinstance(notifier, Mailbox)
        assert await notifier.forget("ADA@example.com") == (2 if kept else 0)
        if kept:
            assert [came.to for came in await subject.received()] == ["eve@example.com"]
        assert await notifier.forget("nobody@example.com") == 0

    @alone
    async def test_a_mailbox_shows_the_latest_first_and_each_once(self, subject: NotifierUnderTest) -> None:
        mailbox = subject.notifier
        if not isinstance(mailbox, Mailbox):
            return
        assert await mailbox.sent(10) == []
        for number in (1, 2, 3, 2):
            await subject.notifier.send(_notification(number, kind="reset_password"))
        assert [sent.notification.id for sent in await mailbox.sent(10)] == ["evt_3:mail", "evt_2:mail", "evt_1:mail"]
        assert [sent.notification.id for sent in await mailbox.sent(2)] == ["evt_3:mail", "evt_2:mail"]
        first, second, third = (sent.at for sent in await mailbox.sent(10))
        assert first >= second >= third
        assert all(sent.notification.kind == "reset_password" for sent in await mailbox.sent(10))
        assert "token" not in repr(await mailbox.sent(1))
