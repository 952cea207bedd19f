"""A real mail server on this machine, for tests: aiosmtpd in a thread of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from attrs import define, field

from shop.application.ports.notifications import Notification


@define
class MailServerInside:
    """What came in, and what the server says instead of taking it."""

    port: int = 0
    envelopes: list[Envelope] = field(factory=list)
    logins: list[str] = field(factory=list)
    refuses_recipient: str = ""
    refuses_mail: str = ""

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refuses_recipient:
            return self.refuses_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.refuses_mail:
            return self.refuses_mail
        self.envelopes.append(envelope)
        return "250 OK"

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(cast(bytes, envelope.content), policy=default) for envelope in self.envelopes]

    def notifications(self) -> list[Notification]:
        """As their readers see them; of the kind and id a mail says nothing."""
        return [
            Notification(
                to=str(envelope.rcpt_tos[0]),
                subject=str(message["Subject"]),
                text=_part(message, "plain"),
                html=_part(message, "html"),
                kind="unknown",
                id="unknown",
            )
            for envelope, message in zip(self.envelopes, self.messages(), strict=True)
        ]


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n").removesuffix("\n")


@contextmanager
def running_mail_server(**options: Any) -> Iterator[MailServerInside]:
    """The server, until the block ends. Options go to aiosmtpd."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inside = MailServerInside(port=port)
    controller = Controller(inside, hostname="127.0.0.1", port=port, ready_timeout=30, **options)
    controller.start()
    try:
        yield inside
    finally:
        controller.stop()
