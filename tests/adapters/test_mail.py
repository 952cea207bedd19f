"""What only our mail can get wrong: the folder that others could read, and the server that says no."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.mail.mailbox import KEPT_MAX, FolderMailbox, open_mailbox
from shop.adapters.mail.smtp import MailServer, SmtpNotifier, mail_server, open_smtp_notifier
from shop.adapters.memory.notifications import MemoryNotifier
from shop.adapters.system import SystemClock, SystemIds
from shop.application.ports.notifications import (
    TEXT_MAX,
    Notification,
    NotificationRefused,
    NotifierUnavailable,
)
from shop.application.ports.options import Options
from shop.domain.kernel.errors import Invalid
from tests.certificates import self_signed
from tests.mail_server import MailServerInside, running_mail_server
from tests.shops import START, SettableClock

SENDER = "Tea & Co <shop@example.com>"


def notification(number: int = 1, *, text: str = "Hello", to: str = "ada@example.com") -> Notification:
    return Notification(to=to, subject="Hello", text=text, kind="verify_email", id=f"evt_{number}")


@pytest.fixture
def server() -> Iterator[MailServerInside]:
    with running_mail_server() as server:
        yield server


def smtp(server: MailServerInside, **options: float) -> SmtpNotifier:
    return SmtpNotifier(MailServer("127.0.0.1", server.port), SENDER, SettableClock(), **options)


async def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "mail"
    await FolderMailbox(folder, SettableClock()).send(notification())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o077 for path in folder.iterdir()] == [0]


async def test_a_folder_that_others_can_read_gets_no_mail(tmp_path: Path) -> None:
    """In a shared place somebody may have made it first."""
    tmp_path.chmod(0o755)
    with pytest.raises(NotifierUnavailable, match="only this user"):
        await FolderMailbox(tmp_path, SettableClock()).send(notification())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(NotifierUnavailable):
        await FolderMailbox(tmp_path / "link", SettableClock()).send(notification())
    assert list(elsewhere.iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotifierUnavailable, match="cannot be written"):
        await FolderMailbox(tmp_path / "file" / "mail", SettableClock()).send(notification())


async def test_what_somebody_else_put_into_the_folder_is_passed_over(tmp_path: Path) -> None:
    mailbox = FolderMailbox(tmp_path / "mail", SettableClock())
    assert await mailbox.sent(10) == []
    await mailbox.send(notification())
    (tmp_path / "mail" / "odd.eml").write_bytes(b"\xff\xfe\0 no mail at all")
    (tmp_path / "mail" / "notes.txt").write_text("not mail")
    assert [sent.notification.id for sent in await mailbox.sent(10)] == ["evt_1"]
    assert await mailbox.forget("ada@example.com") == 1
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == ["notes.txt", "odd.eml"]


async def test_mail_is_of_the_time_of_the_shops_clock(tmp_path: Path) -> None:
    clock = SettableClock()
    mailbox = FolderMailbox(tmp_path / "mail", clock)
    clock.forward(timedelta(days=400, microseconds=123456))
    await mailbox.send(notification(1))
    clock.forward(-timedelta(days=300))
    await mailbox.send(notification(2))
    found = [(sent.notification.id, sent.at) for sent in await mailbox.sent(10)]
    assert found == [
        ("evt_1", START + timedelta(days=400, microseconds=123456)),
        ("evt_2", START + timedelta(days=100, microseconds=123456)),
    ]


async def test_two_processes_at_once_leave_each_mail_once(tmp_path: Path) -> None:
    boxes = [FolderMailbox(tmp_path / "mail", SettableClock()) for _ in range(4)]
    await asyncio.gather(*(box.send(notification(number)) for box in boxes for number in range(10)))
    assert len(await boxes[0].sent(100)) == 10
    assert not list((tmp_path / "mail").glob("*.draft"))


async def test_only_so_many_are_kept() -> None:
    clock = SettableClock()
    mailbox = MemoryNotifier(clock)
    for number in range(KEPT_MAX + 5):
        await mailbox.send(notification(number))
    assert len(await mailbox.sent(KEPT_MAX * 2)) == KEPT_MAX
    assert (await mailbox.sent(1))[0].notification.id == f"evt_{KEPT_MAX + 4}"


async def test_only_so_many_are_kept_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.adapters.mail.mailbox.KEPT_MAX", 3)
    clock = SettableClock()
    mailbox = FolderMailbox(tmp_path / "mail", clock)
    for number in range(6):
        clock.forward(timedelta(seconds=1))
        await mailbox.send(notification(number))
    assert [sent.notification.id for sent in await mailbox.sent(10)] == ["evt_5", "evt_4", "evt_3"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "x" * 201},
        {"text": "x" * (TEXT_MAX + 1)},
        {"text": "a\0b"},
        {"html": "x" * (TEXT_MAX + 1)},
        {"to": " ada@example.com"},
        {"to": "ada"},
        {"kind": "Verify"},
        {"kind": ""},
        {"kind": "x" * 41},
        {"id": ""},
        {"id": "a b"},
        {"id": "x" * 201},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_what_can_never_be_sent_is_no_notification(changes: dict[str, str]) -> None:
    known = {"to": "ada@example.com", "subject": "Hello", "text": "", "html": "", "kind": "welcome", "id": "evt_1"}
    with pytest.raises(Invalid):
        Notification(**{**known, **changes})


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_subject_says_it_is_one_line_or_refused(subject: str, to: str) -> None:
    try:
        made = Notification(to=to, subject=subject, text="", kind="welcome", id="evt_1")
    except Invalid:
        return
    assert len(f"{made.to}\n{made.subject}".splitlines()) == 2


@pytest.mark.integration
async def test_the_mail_says_who_when_and_that_no_person_wrote_it(server: MailServerInside) -> None:
    notifier = smtp(server)
    await notifier.send(notification(7))
    await notifier.send(notification(7))
    first, again = server.messages()
    assert first["From"] == SENDER
    assert first["To"] == "ada@example.com"
    assert first["Date"].datetime == START
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"].endswith("@example.com>")
    assert "evt_7" not in first.as_string()
    assert [envelope.mail_from for envelope in server.envelopes] == ["shop@example.com"] * 2


@pytest.mark.integration
@pytest.mark.parametrize(
    ("recipient", "mail", "raised"),
    [
        ("550 no such user ada@example.com", "", NotificationRefused),
        ("450 mailbox busy ada@example.com", "", NotifierUnavailable),
        ("", "554 looks like spam", NotificationRefused),
        ("", "451 try again later", NotifierUnavailable),
    ],
)
async def test_for_good_and_for_now_are_two_things(
    server: MailServerInside, recipient: str, mail: str, raised: type[Exception]
) -> None:
    server.refuses_recipient, server.refuses_mail = recipient, mail
    with pytest.raises(raised) as caught:
        await smtp(server).send(notification())
    assert "ada" not in str(caught.value)
    server.refuses_recipient = server.refuses_mail = ""
    await smtp(server).send(notification())
    assert len(server.envelopes) == 1


async def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(NotifierUnavailable):
        await SmtpNotifier(MailServer("127.0.0.1", 9), SENDER, SettableClock()).send(notification())


@pytest.mark.integration
async def test_nobody_waits_for_a_server_that_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        notifier = SmtpNotifier(
            MailServer("127.0.0.1", silent.getsockname()[1]), SENDER, SettableClock(), timeout_seconds=0.3
        )
        started = time.monotonic()
        with pytest.raises(NotifierUnavailable):
            await notifier.send(notification())
        assert time.monotonic() - started < 5


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
async def test_who_has_an_account_signs_in() -> None:
    seen: list[tuple[bytes, bytes]] = []

    def check(*given: object) -> AuthResult:
        login = given[-1]
        assert isinstance(login, LoginPassword)
        seen.append((login.login, login.password))
        right = login.password == b"p@ss:w/rd"
        return AuthResult(success=right, handled=right)  # else the server says nothing, and is waited for

    with running_mail_server(authenticator=check, auth_required=True, auth_require_tls=False) as server:
        url = f"smtp://shop%40example.com:p%40ss%3Aw%2Frd@127.0.0.1:{server.port}"
        await SmtpNotifier(mail_server(url), SENDER, SettableClock()).send(notification())
        assert seen == [(b"shop@example.com", b"p@ss:w/rd")]
        wrong = url.replace("rd@", "rong@")
        with pytest.raises(NotifierUnavailable):
            await SmtpNotifier(mail_server(wrong), SENDER, SettableClock()).send(notification())
        assert len(server.envelopes) == 1


def test_a_password_never_goes_in_the_clear() -> None:
    """Encrypted from the first byte, or before anything is said; without a password wherever the server can."""
    assert mail_server("smtps://u:p@mail.example").start_tls is False
    assert mail_server("smtps://u:p@mail.example").tls
    assert mail_server("smtp://u:p@mail.example").start_tls is True
    assert mail_server("smtp://mail.example").start_tls is None
    for here in ("127.0.0.1", "[::1]", "localhost"):
        assert mail_server(f"smtp://u:p@{here}:25").start_tls is None


@pytest.mark.integration
async def test_a_server_that_cannot_encrypt_gets_no_password(
    server: MailServerInside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server in the middle would say that it cannot."""
    monkeypatch.setattr("shop.adapters.mail.smtp._is_here", lambda _host: False)
    with pytest.raises((NotifierUnavailable, NotificationRefused)):
        await SmtpNotifier(MailServer("127.0.0.1", server.port, "u", "p"), SENDER, SettableClock()).send(notification())
    assert server.envelopes == []


@pytest.mark.integration
async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: ssl.SSLContext) -> None:
    with running_mail_server(tls_context=certificate, require_starttls=True) as server:
        with pytest.raises(NotifierUnavailable):
            await smtp(server).send(notification())
        assert server.envelopes == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587)),
        ("smtps://mail.example", MailServer("mail.example", 465, tls=True)),
        ("smtp://u%20x:p@mail.example:2525/", MailServer("mail.example", 2525, "u x", "p")),
    ],
)
def test_addresses_of_servers(url: str, server: MailServer) -> None:
    assert mail_server(url) == server
    assert "p@" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail.example", "http://mail.example", "smtp://", "smtp://m:99999"),
        *("smtp://m/x", "smtp://m?x=1", "smtp://[", "smtp://m:x"),
    ],
)
def test_what_is_no_server_is_told(url: str) -> None:
    with pytest.raises(Invalid, match="SHOP_SMTP_URL"):
        mail_server(url)


@pytest.mark.parametrize(
    ("opened", "environment", "variable"),
    [
        (open_mailbox, {}, "SHOP_MAILBOX"),
        (open_smtp_notifier, {"SHOP_SMTP_URL": "smtp://m"}, "SHOP_MAIL_FROM"),
        (open_smtp_notifier, {"SHOP_SMTP_URL": "smtp://m", "SHOP_MAIL_FROM": "Tea & Co"}, "SHOP_MAIL_FROM"),
        (open_smtp_notifier, {"SHOP_MAIL_FROM": SENDER}, "SHOP_SMTP_URL"),
    ],
)
def test_what_is_missing_is_named(
    opened: Callable[[Options], object], environment: dict[str, str], variable: str
) -> None:
    with pytest.raises(Invalid, match=variable):
        opened(Options(environment=environment, clock=SystemClock(), ids=SystemIds()))


async def test_what_is_opened_sends(tmp_path: Path) -> None:
    environment = {"SHOP_MAILBOX": str(tmp_path / "mail"), "SHOP_MAIL_FROM": SENDER}
    mailbox = open_mailbox(Options(environment=environment, clock=SystemClock(), ids=SystemIds()))
    await mailbox.send(notification())
    [path] = (tmp_path / "mail").iterdir()
    assert b"From: Tea & Co <shop@example.com>" in path.read_bytes()


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate that was signed by itself."""
    return self_signed(tmp_path)
