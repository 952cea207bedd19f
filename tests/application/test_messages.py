"""Actors: what their scopes cover, and whose idempotency keys are whose."""

from uuid import UUID

import pytest
from attrs import evolve

from shop.application.messages import GUEST, SYSTEM, Actor, Idempotency, JustWritten, KeyMalformed
from shop.domain.kernel.identifiers import ApiKeyId, UserId

KEY = ApiKeyId(UUID(int=1))


@pytest.mark.parametrize(
    ("scopes", "wanted", "may"),
    [
        ({"orders:read"}, "orders:read", True),
        ({"orders:read"}, "orders:write", False),
        ({"orders:write"}, "orders:read", True),
        ({"orders:write"}, "orders:erase", False),
        ({"orders:write"}, "payments:read", False),
        ({"*"}, "anything:erase", True),
        (set(), "orders:read", False),
    ],
)
def test_write_implies_read_of_the_same_resource_and_nothing_else(scopes: set[str], wanted: str, may: bool) -> None:
    assert Actor(kind="api_key", id=KEY, scopes=frozenset(scopes)).may(wanted) is may


def test_f30_two_callers_never_share_idempotency_keys() -> None:
    one, other = evolve(GUEST, token="a"), evolve(GUEST, token="b")
    principals = {
        one.principal,
        other.principal,
        SYSTEM.principal,
        Actor(kind="api_key", id=KEY).principal,
        Actor(kind="user", id=UserId(UUID(int=1))).principal,
    }
    assert len(principals) == 5
    assert one.principal == evolve(GUEST, token="a").principal


def test_a_guest_without_a_token_is_nobody() -> None:
    assert GUEST.principal is None


def test_a_principal_does_not_give_its_token_away() -> None:
    guest = evolve(GUEST, token="the secret of a cart")
    assert "secret" not in f"{guest.principal}{guest!r}"


def test_only_people_are_users() -> None:
    user = UserId(UUID(int=2))
    assert Actor(kind="user", id=user).user_id == user
    assert Actor(kind="api_key", id=KEY).user_id is None


def test_what_was_just_written_is_handed_over_once_and_as_what_it_is() -> None:
    just_written = JustWritten()
    just_written.keep(KEY, "a key")
    assert just_written.take(UserId(KEY.uuid), str) is None
    assert just_written.take(KEY, str) == "a key"
    assert just_written.take(KEY, str) is None
    just_written.keep(KEY, "a key")
    assert just_written.take(KEY, int) is None


@pytest.mark.parametrize("text", ["", "a\x00b", "\ud800", "ß", "a\n", "a" * 256])
def test_a_key_that_not_every_storage_could_keep_is_none(text: str) -> None:
    for wrong in ({"key": text}, {"route": text}):
        with pytest.raises(KeyMalformed):
            Idempotency(**{"key": "k", "route": "POST /orders", "fingerprint": b"f", **wrong})  # type: ignore[arg-type]


def test_a_token_that_is_no_text_is_somebodys_all_the_same() -> None:
    whole, halves = (evolve(GUEST, token=token).principal for token in ("?", "\ud800"))
    assert whole
    assert halves
    assert whole != halves
