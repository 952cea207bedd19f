"""A folder of mail that nobody gets: each is a file that any mail program opens."""

import asyncio
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from shop.adapters.mail.messages import message_of, name_of
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.notifications import Notification, NotifierUnavailable, SentNotification
from shop.application.ports.options import Options
from shop.domain.kernel.email import email_key
from shop.domain.kernel.errors import Invalid

SENDER = "Shop <shop@localhost>"
KEPT_MAX = 1000
_KIND, _ID = "X-Shop-Kind", "X-Shop-Notification"
_EPOCH = datetime.fromtimestamp(0, UTC)


class FolderMailbox:
    """The latest thousand. The folder is its owner's alone: what is in it signs people in."""

    def __init__(self, folder: Path, clock: Clock, sender: str = SENDER) -> None:
        self._folder, self._clock, self._sender = folder, clock, sender

    async def send(self, notification: Notification) -> None:
        forbid_inside_transaction("Notifier.send")
        at = self._clock.now()
        message = message_of(notification, self._sender, at)
        message[_KIND], message[_ID] = notification.kind, notification.id
        await asyncio.to_thread(self._keep, f"{name_of(notification.id)}.eml", message.as_bytes(), at)

    async def sent(self, limit: int) -> list[SentNotification]:
        return await asyncio.to_thread(self._latest, limit)

    async def forget(self, email: str) -> int:
        return await asyncio.to_thread(self._forget, email_key(email))

    async def close(self) -> None:
        """Nothing to let go of."""

    def _keep(self, name: str, mail: bytes, at: datetime) -> None:
        try:
            self._check_folder()
            if (self._folder / name).exists():
                return
            # Whole or not at all, and of the time of the shop's clock, which files are sorted by.
            handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
            with open(handle, "wb") as file:
                file.write(mail)
            nanoseconds = (at - _EPOCH) // timedelta(microseconds=1) * 1000
            os.utime(draft, ns=(nanoseconds, nanoseconds))
            Path(draft).replace(self._folder / name)
            for _, old in self._newest_first()[KEPT_MAX:]:
                old.unlink(missing_ok=True)
        except OSError as wrong:
            raise NotifierUnavailable(f"The mailbox cannot be written: {wrong.strerror}.") from wrong

    def _check_folder(self) -> None:
        """Makes it, or makes sure that nobody else reads it. Raises NotifierUnavailable."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise NotifierUnavailable(
                f"{self._folder} is not a folder that only this user can read.",
                hint=f"chmod 700 {self._folder}, or set SHOP_MAILBOX to another one.",
            )

    def _newest_first(self) -> list[tuple[int, Path]]:
        found = []
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                # Others may be clearing it at the same time.
                with suppress(FileNotFoundError):
                    if entry.name.endswith(".eml"):
                        found.append((entry.stat().st_mtime_ns, Path(entry.path)))
        return sorted(found, reverse=True)

    def _read(self) -> Iterator[tuple[Path, SentNotification]]:
        """All that there is, newest first. What somebody else put there is passed over."""
        for nanoseconds, path in self._newest_first():
            with suppress(FileNotFoundError, Invalid):
                at = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
                yield path, SentNotification(notification=_notification(path.read_bytes()), at=at)

    def _latest(self, limit: int) -> list[SentNotification]:
        return [sent for _, (_, sent) in zip(range(limit), self._read(), strict=False)]

    def _forget(self, key: str) -> int:
        of_theirs = [path for path, sent in self._read() if email_key(sent.notification.to) == key]
        for path in of_theirs:
            path.unlink(missing_ok=True)
        return len(of_theirs)


def _notification(mail: bytes) -> Notification:
    message = message_from_bytes(mail, policy=SMTP)
    return Notification(
        to=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        kind=str(message.get(_KIND, "")),
        id=str(message.get(_ID, "")),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n").removesuffix("\n")


def open_mailbox(options: Options) -> FolderMailbox:
    """Reads SHOP_MAILBOX, the folder, and SHOP_MAIL_FROM."""
    folder = options.get("SHOP_MAILBOX")
    if not folder:
        raise Invalid("SHOP_MAILBOX names the folder that SHOP_MAIL=mailbox puts mail into.")
    return FolderMailbox(Path(folder), options.clock, options.get("SHOP_MAIL_FROM", SENDER))
