"""What the shop says to people, by mail or otherwise.

- An address, a name or a subject cannot smuggle in a header: line breaks in them are refused.
- Handing over is not delivering: a notification may come late, twice or never; nothing but its reader relies on it.
"""

import re
from datetime import datetime
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Invalid, Unavailable

CALL_TIMEOUT_SECONDS = 20.0
SUBJECT_MAX = 200
TEXT_MAX = 100_000
_NAME, _ID = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII), re.compile(r"[\x21-\x7e]{1,200}")


class NotifierUnavailable(Unavailable):
    """Nobody takes the notification at the moment."""

    title = "The notification could not be handed over"


class NotificationRefused(Invalid):
    """This notification can never be sent, such as one with a line break in its address."""

    title = "This cannot be sent"


@frozen(kw_only=True)
class Notification:
    """One message to one person. Its text may hold secrets such as a link that signs in, so it is never shown in logs.

    `kind` says what it is about, such as `verify_email`; `id` is the same whenever the same message is sent again.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    kind: str
    id: str

    def __attrs_post_init__(self) -> None:
        """Raises NotificationRefused. Every adapter may rely on it."""
        if checked_email(self.to) != self.to:
            raise NotificationRefused("A recipient is one bare e-mail address.")
        if not 0 < len(self.subject) <= SUBJECT_MAX or not self.subject.isprintable():
            raise NotificationRefused(f"A subject is one line of at most {SUBJECT_MAX} characters.")
        if len(self.text) > TEXT_MAX or len(self.html) > TEXT_MAX or "\0" in self.text + self.html:
            raise NotificationRefused(f"A text has at most {TEXT_MAX} characters and no zero byte.")
        if not _NAME.fullmatch(self.kind) or not _ID.fullmatch(self.id):
            raise NotificationRefused("A kind is such as verify_email; an id is 1 to 200 visible ASCII characters.")


@frozen(kw_only=True)
class SentNotification:
    """A notification that a mailbox keeps, and when it came there."""

    notification: Notification
    at: datetime


class Notifier(Protocol):
    """Hands notifications over. Not inside a transaction."""

    async def send(self, notification: Notification) -> None:
        """Hands it over. Raises NotifierUnavailable (try again later), NotificationRefused (do not)."""

    async def forget(self, email: str) -> int:
        """Drops what is kept of this person's notifications, and says how many; 0 where nothing is kept."""

    async def close(self) -> None:
        """Lets go of connections."""


@runtime_checkable
class Mailbox(Protocol):
    """A notifier that keeps what it was given, for a demo and for tests."""

    async def sent(self, limit: int) -> list[SentNotification]:
        """The latest ones, newest first; the same notification sent twice is there once."""
