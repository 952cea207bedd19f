"""Mail through a server, by aiosmtplib: a connection for each, encrypted wherever the server can."""

import asyncio
from email.errors import MessageError
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiosmtplib
from attrs import field, frozen

from shop.adapters.mail.messages import message_of
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.notifications import (
    CALL_TIMEOUT_SECONDS,
    Notification,
    NotificationRefused,
    NotifierUnavailable,
)
from shop.application.ports.options import Options
from shop.domain.kernel.errors import Invalid

_PERMANENT = 500


@frozen
class MailServer:
    """Where mail goes, and as whom. `tls`: encrypted from the first byte."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False

    @property
    def start_tls(self) -> bool | None:
        """Whether to encrypt before anything is said: must, may, or not; a password never goes in the clear."""
        if self.tls:
            return False
        return True if self.user and not _is_here(self.host) else None


class SmtpNotifier:
    """Nothing is kept here: what was handed over is with the mail server."""

    def __init__(
        self, server: MailServer, sender: str, clock: Clock, *, timeout_seconds: float = CALL_TIMEOUT_SECONDS
    ) -> None:
        self._server, self._sender, self._clock, self._timeout = server, sender, clock, timeout_seconds

    async def send(self, notification: Notification) -> None:
        forbid_inside_transaction("Notifier.send")
        message = message_of(notification, self._sender, self._clock.now())
        server = self._server
        try:
            async with asyncio.timeout(self._timeout):
                await aiosmtplib.send(
                    message,
                    sender=parseaddr(self._sender)[1],
                    recipients=[notification.to],
                    hostname=server.host,
                    port=server.port,
                    username=server.user or None,
                    password=server.password or None,
                    use_tls=server.tls,
                    start_tls=server.start_tls,
                    local_hostname="localhost",
                    timeout=self._timeout,
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _refusal([one.code for one in refused.recipients]) from None
        except aiosmtplib.SMTPDataError as refused:
            raise _refusal([refused.code]) from None
        except (aiosmtplib.SMTPNotSupported, MessageError, UnicodeError) as wrong:
            raise NotificationRefused("The mail server cannot take a mail like this.") from wrong
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as wrong:
            raise NotifierUnavailable(f"The mail server does not take mail: {type(wrong).__name__}.") from wrong

    async def forget(self, email: str) -> int:
        return 0

    async def close(self) -> None:
        """Nothing to let go of."""


def _refusal(codes: list[int]) -> NotificationRefused | NotifierUnavailable:
    # What a server says of a mailbox may name its owner: only the number is told on.
    said = ", ".join(map(str, codes))
    if codes and min(codes) >= _PERMANENT:
        return NotificationRefused(f"The mail server refused the recipient or the mail for good ({said}).")
    return NotifierUnavailable(f"The mail server did not take the mail this time ({said}).")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def mail_server(url: str) -> MailServer:
    """The server of `smtp(s)://user:password@host:port`. Raises Invalid."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise Invalid("SHOP_SMTP_URL is such as smtps://user:password@mail.example.com:465.")
    tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
    )


def open_smtp_notifier(options: Options) -> SmtpNotifier:
    """Reads SHOP_SMTP_URL and SHOP_MAIL_FROM."""
    sender = options.get("SHOP_MAIL_FROM")
    if "@" not in parseaddr(sender)[1]:
        raise Invalid("SHOP_MAIL_FROM says who the mail is from, such as: Tea & Co <shop@example.com>.")
    return SmtpNotifier(mail_server(options.get("SHOP_SMTP_URL")), sender, options.clock)
