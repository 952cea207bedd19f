"""`shop payments stats` and `shop payments payouts`, and fees that somebody took out of the books."""

from tests.entrypoints.cli.conftest import Terminal
from tests.entrypoints.cli.test_commands import ordered
from tests.entrypoints.cli.test_reconciliation import edited


def test_how_payments_went(terminal: Terminal) -> None:
    ordered(terminal)
    ordered(terminal, "fake_card_declined")
    terminal.type("clock", "advance", "1h")
    found = terminal.type("payments", "stats").json
    assert (found["attempts"], found["succeeded"], found["declined"], found["currency"]) == (2, 1, 1, "EUR")
    assert terminal.type("payments", "stats", "--currency", "usd", "--since", "1d").json["attempts"] == 0
    assert terminal.type("payments", "stats", "--currency", "XXQ").code == 2
    [declined] = terminal.type("payments", "list", "--declined", "card_declined", "--provider", "fake").json["data"]
    assert declined["status"] == "cancelled"  # moving the clock did what was due: nobody paid in time


def test_fees_and_payouts_that_somebody_deleted(terminal: Terminal) -> None:
    ordered(terminal)
    terminal.type("clock", "advance", "25h")
    terminal.type("payments", "payouts")  # the fake provider pays out when it is asked
    terminal.type("clock", "advance", "1h")  # which books them
    [payout] = terminal.type("payments", "payouts", "--since", "3d").json["data"]
    assert (payout["booked"], payout["status"]) == (True, "in_transit")
    of_balance = "(SELECT id FROM ledger_entries WHERE kind <> 'capture')"
    edited(
        terminal,
        "DROP TRIGGER ledger_entries_no_delete",
        "DROP TRIGGER ledger_postings_no_delete",
        f"DELETE FROM ledger_postings WHERE entry_id IN {of_balance}",
        "DELETE FROM ledger_entries WHERE kind <> 'capture'",
    )
    [payout] = terminal.type("payments", "payouts", "--since", "3d").json["data"]
    assert not payout["booked"]
    report = terminal.type("reconcile", "--since", "3d")
    assert report.code == 1
    found = {finding["kind"]: finding for finding in report.json["findings"]}
    assert {"fee_missing", "payout_missing"} <= found.keys()
    dry = terminal.type("reconcile", "--repair", found["fee_missing"]["id"])
    assert "book the fee" in dry.err
    for kind in ("fee_missing", "payout_missing"):
        assert terminal.type("reconcile", "--repair", found[kind]["id"], "--yes").code == 0
    [payout] = terminal.type("payments", "payouts", "--since", "3d").json["data"]
    assert payout["booked"]
    left = {finding["kind"] for finding in terminal.type("reconcile", "--since", "3d").json["findings"]}
    assert not {"fee_missing", "payout_missing", "payout_unexplained"} & left


def test_healing_books_fees(terminal: Terminal) -> None:
    ordered(terminal)
    terminal.type("clock", "advance", "1h")
    healed = terminal.type("reconcile", "--since", "1d", "--heal").json
    kinds = {finding["kind"] for finding in healed["findings"]}
    assert "fee_missing" not in kinds
    edited(
        terminal,
        "DROP TRIGGER ledger_postings_no_update",
        "UPDATE ledger_postings SET amount_minor = amount_minor * 2 WHERE entry_id IN"
        " (SELECT id FROM ledger_entries WHERE kind = 'fee')",
    )
    found = terminal.type("reconcile", "--since", "1d").json["findings"]
    [differs] = [finding for finding in found if finding["kind"] == "fee_differs"]
    assert differs["ours"]["amount"] == 2 * differs["theirs"]["amount"]
    assert terminal.type("reconcile", "--repair", differs["id"], "--yes").code == 0
    found = terminal.type("reconcile", "--since", "1d").json["findings"]
    assert "fee_differs" not in {finding["kind"] for finding in found}
