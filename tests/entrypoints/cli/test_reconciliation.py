"""`shop reconcile`, over a SQLite shop that somebody edits behind its back."""

import sqlite3

import pytest

from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.shop import Shop
from tests.entrypoints.cli.conftest import Terminal
from tests.entrypoints.cli.test_commands import ordered


def edited(terminal: Terminal, *statements: str) -> None:
    with sqlite3.connect(terminal.folder / "shop.sqlite3") as rows:
        for statement in statements:
            rows.execute(statement)
    rows.close()


def test_a_shop_whose_books_agree_ends_with_nothing(terminal: Terminal) -> None:
    ordered(terminal)
    ordered(terminal, "fake_card_declined")
    typed = terminal.type("reconcile", "--since", "1d")
    assert typed.code == 0
    assert typed.json["clean"]
    assert (typed.json["intents"], typed.json["payments"], typed.json["compared"]) == (2, 2, True)


def test_f88_what_is_on_hand_was_edited_by_sql(terminal: Terminal) -> None:
    ordered(terminal)
    edited(terminal, "UPDATE stock_levels SET on_hand = on_hand + 1 WHERE reserved > 0")
    typed = terminal.type("reconcile")
    [finding] = typed.json["findings"]
    assert typed.code == 1
    assert finding["kind"] == "stock_differs"
    dry = terminal.type("reconcile", "--repair", finding["id"])
    assert dry.code == 0
    assert "Nothing was done" in dry.err
    assert terminal.type("reconcile").code == 1
    assert terminal.type("reconcile", "--repair", finding["id"], "--yes").code == 0
    assert terminal.type("reconcile").code == 0
    assert terminal.type("reconcile", "--repair", finding["id"], "--yes").code == 3


def test_f86_rows_were_deleted_by_sql(terminal: Terminal) -> None:
    ordered(terminal)
    edited(
        terminal,
        "DROP TRIGGER ledger_entries_no_delete",
        "DROP TRIGGER ledger_postings_no_delete",
        "DELETE FROM ledger_postings",
        "DELETE FROM ledger_entries",
    )
    typed = terminal.type("reconcile")
    [finding] = typed.json["findings"]
    assert finding["kind"] == "ledger_differs"
    assert finding["provider_ref"].startswith("pi_fake_")
    assert finding["order_number"]
    assert terminal.type("reconcile", "--repair", finding["id"], "--yes").code == 0
    assert terminal.type("reconcile").json["clean"]


def test_f87_money_was_taken_in_the_dashboard(terminal: Terminal) -> None:
    async def charge(shop: Shop) -> str:
        assert isinstance(shop.ports.gateway, FakePaymentGateway)
        return shop.ports.gateway.charged_elsewhere(4200).provider_ref

    ref = terminal.shop(charge)
    assert terminal.type("reconcile").code == 0  # just now: its order may be about to come
    terminal.type("clock", "advance", "1d")
    [finding] = terminal.type("reconcile", "--since", "2d").json["findings"]
    assert (finding["id"], finding["theirs"]["amount"]) == (f"charge_unmatched:{ref}", 4200)
    assert terminal.type("reconcile", "--repair", finding["id"], "--yes").code == 4
    assert terminal.type("reconcile", "--repair", f"reserved_differs:{ref}").code == 4
    gauges = terminal.type("reconcile", "--since", "2d", "--metrics")
    assert gauges.code == 1
    assert 'shop_reconciliation_findings{kind="charge_unmatched"} 1' in gauges.out.splitlines()
    assert 'shop_reconciliation_compared{what="intents"} 1' in gauges.out.splitlines()


def test_what_heals_is_healed_by_a_word(terminal: Terminal) -> None:
    order_id = ordered(terminal, "fake_card_3ds")

    async def pass_challenge(shop: Shop) -> None:
        async with shop.ports.storage.uow(shop.context()) as tx:
            ref = (await tx.payments.of_order(order_id)).attempt.provider_ref
        assert isinstance(shop.ports.gateway, FakePaymentGateway)
        shop.ports.gateway.shopper_confirms(ref)

    terminal.shop(pass_challenge)
    edited(
        terminal,
        "UPDATE payments SET updated_at = '2026-01-01T00:00:00.000000Z'",
    )
    [finding] = terminal.type("reconcile").json["findings"]
    assert (finding["kind"], finding["healing"]) == ("state_differs", True)
    assert terminal.type("reconcile", "--heal").code == 0
    assert terminal.type("orders", "show", str(order_id)).json["payment_status"] == "paid"


@pytest.mark.parametrize(
    "words", [["--since", "soon"], ["--since", "2d", "--until", "3d"], ["--since", "9999d"], ["--since", "999999w"]]
)
def test_a_window_that_makes_no_sense_is_refused(terminal: Terminal, words: list[str]) -> None:
    assert terminal.type("reconcile", *words).code == 2


def test_people_are_told_in_words(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.entrypoints.cli.reconciliation.for_people", lambda _: True)
    ordered(terminal)
    assert "everything agrees" in terminal.type("reconcile").out
    edited(terminal, "UPDATE reservations SET quantity = quantity + 1")
    said = terminal.type("reconcile")
    assert said.code == 1
    assert "reserved_differs:" in said.out
    assert "docs/how-to/reconcile.md" in said.out
