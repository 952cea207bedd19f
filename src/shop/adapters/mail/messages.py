"""Mail as Python's own library writes it, so that nothing in a text can be taken for a header or the end of it."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from hashlib import sha256

from shop.application.ports.notifications import Notification, NotificationRefused


def name_of(notification_id: str) -> str:
    """What stands for an id where only a few characters may: the same for the same id."""
    return sha256(notification_id.encode()).hexdigest()[:40]


def message_of(notification: Notification, sender: str, at: datetime) -> EmailMessage:
    """The mail. Sent again it has the same Message-ID, so that some readers show it once.

    Raises NotificationRefused when it cannot be written, such as for an address that no header can hold.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = sender
        local, _, domain = notification.to.rpartition("@")
        message["To"] = Address(username=local, domain=domain)
        message["Subject"] = notification.subject
    except (ValueError, IndexError) as wrong:
        raise NotificationRefused("The address or subject cannot stand in a mail.") from wrong
    message["Date"] = at
    message["Message-ID"] = f"<{name_of(notification.id)}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    # Nobody's “out of office” answers to this (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable: lines of any length, and no line of the text is one of the protocol.
    message.set_content(notification.text + "\n", cte="quoted-printable")
    if notification.html:
        message.add_alternative(notification.html + "\n", subtype="html", cte="quoted-printable")
    return message
