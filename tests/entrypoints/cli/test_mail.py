"""`shop mail`: what a mailbox keeps, and where there is none."""

import pytest

from shop.application.ports.notifications import Notification
from shop.application.shop import Shop
from tests.entrypoints.cli.conftest import Terminal


def write(terminal: Terminal, *numbers: int) -> None:
    async def send(shop: Shop) -> None:
        for number in numbers:
            await shop.ports.notifier.send(
                Notification(
                    to="ada@example.com",
                    subject=f"Hello {number}",
                    text=f"Open https://shop.test/verify?token={number}",
                    html="<p>Open it.</p>",
                    kind="verify_email",
                    id=f"evt_{number}",
                )
            )

    terminal.shop(send)


def test_the_latest_mail_is_listed_and_shown(terminal: Terminal) -> None:
    write(terminal, 1, 2, 3)
    listed = terminal.type("mail", "list").json["data"]
    assert [mail["subject"] for mail in listed] == ["Hello 3", "Hello 2", "Hello 1"]
    assert listed[0]["to"] == "ada@example.com"
    assert len(terminal.type("mail", "list", "--limit", "2").json["data"]) == 2
    assert "token" not in terminal.type("mail", "list").out
    newest = terminal.type("mail", "show").json
    assert newest["text"] == "Open https://shop.test/verify?token=3"
    assert (newest["kind"], newest["html"]) == ("verify_email", "<p>Open it.</p>")
    assert terminal.type("mail", "show", "3").json["subject"] == "Hello 1"


def test_a_mail_that_is_not_there_is_told(terminal: Terminal) -> None:
    assert terminal.type("mail", "list").json["data"] == []
    typed = terminal.type("mail", "show")
    assert (typed.code, "no mail number 1" in typed.err) == (3, True)


def test_where_mail_is_sent_none_is_kept(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_MAIL", "smtp")
    monkeypatch.setenv("SHOP_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("SHOP_MAIL_FROM", "shop@example.com")
    typed = terminal.type("mail", "list")
    assert typed.code == 2
    assert "SHOP_MAIL=mailbox" in typed.err


def test_people_see_a_table_and_the_text_itself(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    write(terminal, 1)
    monkeypatch.setattr("shop.entrypoints.cli.output.for_people", lambda _as_json: True)
    monkeypatch.setattr("shop.entrypoints.cli.mail.for_people", lambda _as_json: True)
    listed = terminal.type("mail", "list").out
    assert "ada@example.com" in listed
    assert "token" not in listed
    shown = terminal.type("mail", "show")
    assert shown.out == "Open https://shop.test/verify?token=1\n"
    assert "Subject: Hello 1" in shown.err
