"""`shop audit`: who did what, and whether somebody wrote past the shop."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.entrypoints.cli.conftest import Terminal


def written_past_the_shop(folder: Path, statement: str) -> None:
    """What somebody does who has the database's file: its walls first."""
    database = sqlite3.connect(folder / "shop.sqlite3")
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute(statement)
    database.commit()
    database.close()


def verified(terminal: Terminal, *words: str, code: int = 0) -> Any:
    typed = terminal.type("audit", "verify", *words)
    assert typed.code == code, typed.err
    return typed.json


def test_what_was_done_is_listed_sealed_and_as_it_was(terminal: Terminal) -> None:
    terminal.type("keys", "create", "--name", "tills", "--scopes", "orders:read")
    listed = terminal.type("audit", "tail", "--action", "CreateApiKey").json["data"]
    assert [entry["source"] for entry in listed] == ["cli"]
    assert {change["field"] for change in listed[0]["changes"]} == {"kind", "scopes", "fingerprint"}
    assert terminal.type("audit", "tail", "--subject", listed[0]["changes"][0]["subject_id"]).json["data"] == listed
    assert verified(terminal)["unsealed"] > 0
    assert "entries were sealed" in terminal.type("audit", "seal").err
    found = verified(terminal)
    assert (found["fine"], found["unsealed"], found["flaws"]) == (True, 0, [])
    assert found["anchor"].startswith(f"{found['sealed']}:")
    assert verified(terminal, "--anchor", found["anchor"])["fine"]


def test_s74_who_writes_past_the_shop_is_found_out(terminal: Terminal) -> None:
    terminal.type("keys", "create", "--name", "tills", "--scopes", "orders:read")
    terminal.type("audit", "seal")
    anchor = verified(terminal)["anchor"]
    database = sqlite3.connect(terminal.folder / "shop.sqlite3")
    for statement in ("UPDATE audit_entries SET actor_id = 'x'", "DELETE FROM audit_chain"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed or deleted"):
            database.execute(statement)
    database.close()
    written_past_the_shop(terminal.folder, "UPDATE audit_entries SET actor_id = 'key_of_somebody_else'")
    found = verified(terminal, code=1)
    assert not found["fine"]
    assert "is not what was sealed" in found["flaws"][0]["detail"]
    sick = {finding["check"]: finding for finding in terminal.type("doctor").json}["audit log"]
    assert (sick["verdict"], "shop audit verify" in sick["hint"]) == ("wrong", True)
    written_past_the_shop(terminal.folder, "DELETE FROM audit_chain")
    terminal.type("audit", "seal")
    assert verified(terminal)["fine"], "a chain that was made anew fits by itself"
    assert not verified(terminal, "--anchor", anchor, code=1)["fine"]


def test_an_anchor_that_is_none_is_refused(terminal: Terminal) -> None:
    typed = terminal.type("audit", "verify", "--anchor", "yesterday")
    assert (typed.code != 0, "POSITION:HASH" in typed.err) == (True, True)


def test_people_see_words(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.type("keys", "create", "--name", "tills", "--scopes", "orders:read")
    terminal.type("audit", "seal")
    for module in ("output", "audit"):
        monkeypatch.setattr(f"shop.entrypoints.cli.{module}.for_people", lambda _as_json: True)
    assert "CreateApiKey" in terminal.type("audit", "tail").out
    assert "as they were sealed" in terminal.type("audit", "verify").out
    written_past_the_shop(terminal.folder, "UPDATE audit_entries SET action = 'x'")
    sick = terminal.type("audit", "verify")
    assert (sick.code, "is not what was sealed" in sick.out) == (1, True)
