"""Guest tokens only this shop can make, and secret keys that nobody guesses."""

import hashlib
import re
from uuid import UUID

import pytest

from shop.adapters.secrets import HmacSecrets
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, CartId, OrderId

SECRETS = HmacSecrets("a key of the shop that is long enough")
CART, ORDER = CartId(UUID(int=1)), OrderId(UUID(int=1))


def test_a_token_is_always_the_same_for_the_same_thing() -> None:
    token = SECRETS.guest_token(CART)
    assert token == HmacSecrets("a key of the shop that is long enough").guest_token(CART)
    assert SECRETS.is_guest_token(token, CART)
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", token)


def test_every_thing_and_every_shop_has_its_own() -> None:
    other = HmacSecrets("another key that is long enough")
    tokens = {
        SECRETS.guest_token(CART),
        SECRETS.guest_token(ORDER),
        SECRETS.guest_token(CartId(UUID(int=2))),
        other.guest_token(CART),
    }
    assert len(tokens) == 4
    assert not SECRETS.is_guest_token(SECRETS.guest_token(CART), ORDER)
    assert not other.is_guest_token(SECRETS.guest_token(CART), CART)


@pytest.mark.parametrize("wrong", ["", "x", "é" * 24, "\ud800", "a" * 10_000])
def test_what_is_no_token_is_no_token(wrong: str) -> None:
    assert not SECRETS.is_guest_token(wrong, CART)
    token = SECRETS.guest_token(CART)
    assert not SECRETS.is_guest_token(token[:-1], CART)
    assert not SECRETS.is_guest_token(token.swapcase(), CART)


def test_secret_keys_say_where_they_open_and_are_never_the_same() -> None:
    key_id = ApiKeyId(UUID(int=7))
    test, live = SECRETS.new_api_key(key_id), HmacSecrets("x" * 16, live=True).new_api_key(key_id)
    assert re.fullmatch(r"sk_test_[0-9a-z]{26}_[0-9a-f]{64}", test)
    assert live.startswith("sk_live_")
    assert test != SECRETS.new_api_key(key_id)


def test_publishable_keys_say_where_they_open_too() -> None:
    key_id = ApiKeyId(UUID(int=7))
    test, live = SECRETS.new_publishable_key(key_id), HmacSecrets("x" * 16, live=True).new_publishable_key(key_id)
    assert re.fullmatch(r"pk_test_[0-9a-z]{26}_[0-9a-f]{64}", test)
    assert live.startswith("pk_live_")


def test_what_is_derived_does_not_depend_on_the_process() -> None:
    """A changed derivation would make every second factor and every signature worthless."""
    expected = "a4e7b68f9aa6afa3824bd8a4e09fb0aaa1abd2066e13a3109362abad4d9bfa92"
    assert SECRETS.derive("totp", "totp_1").hex() == expected
    assert HmacSecrets("a key of the shop that is long enough", live=True).derive("totp", "totp_1").hex() == expected


def test_a_fingerprint_is_a_sha_256() -> None:
    assert SECRETS.fingerprint("sk_test_1") == hashlib.sha256(b"sk_test_1").digest()
    assert len(SECRETS.fingerprint("\ud800")) == 32


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Invalid, match="16"):
        HmacSecrets("short")
