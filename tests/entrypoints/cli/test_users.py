"""`shop users`: people from the command line."""

import pytest

from shop.application.shop import Shop
from shop.domain.kernel.identifiers import SigningKeyId
from tests.entrypoints.cli.conftest import Terminal


def test_somebody_is_made_found_promoted_and_kept_out(terminal: Terminal) -> None:
    made = terminal.type("users", "create", "--email", "ada@example.com", "--name", "Ada").json
    assert terminal.type("users", "create", "--email", "ADA@example.com").code == 4
    assert terminal.type("users", "roles", made["id"], "--set", "support, analyst").code == 0
    (listed,) = terminal.type("users", "list", "--q", "ada").json["data"]
    assert (listed["id"], listed["roles"], listed["status"]) == (made["id"], ["analyst", "support"], "active")
    assert terminal.type("users", "roles", made["id"], "--set", "king").code == 3
    assert terminal.type("users", "suspend", made["id"]).code == 0
    assert terminal.type("users", "list").json["data"][0]["status"] == "suspended"
    assert terminal.type("users", "list", "--q", "bob").json["data"] == []


def test_the_token_of_the_first_run_is_printed_until_there_is_an_owner(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(terminal.type("users", "setup").json["token"]) >= 43
    made = terminal.type("users", "create", "--email", "ada@example.com").json
    monkeypatch.setattr("shop.entrypoints.cli.users.for_people", lambda as_json: not as_json)
    assert "/account/setup?token=" in terminal.type("users", "setup").out
    assert "mail" in terminal.type("users", "create", "--email", "bob@example.com").err
    assert terminal.type("users", "roles", made["id"], "--set", "owner").code == 0
    assert terminal.type("users", "setup").code != 0


def test_access_tokens_are_signed_with_a_new_key(terminal: Terminal) -> None:
    assert terminal.type("keys", "rotate").code == 0
    assert terminal.type("keys", "rotate").code == 0

    async def ids(shop: Shop) -> list[SigningKeyId]:
        keys = await shop.ports.storage.readers.people.signing_keys(shop.ports.clock.now())
        assert [key.retired_at is None for key in keys] == [True, False]
        return [key.id for key in keys]

    assert len(terminal.shop(ids)) == 2
