"""S-78: how long it takes to compare a secret does not tell how much of it was guessed.

Each secret is compared with one that is wrong from the first character, and with one that is wrong at the last only. A
comparison that stops at the first difference, beside them, shows that the test would notice.
"""

import hashlib
import hmac
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shop.adapters.fake import news as fake
from shop.adapters.secrets import HmacSecrets
from shop.adapters.stripe import news as stripe
from shop.application.ports.payments import SignatureRejected
from shop.domain.kernel.identifiers import ApiKeyId, CartId
from shop.entrypoints.http.csrf import CsrfRejected, check_csrf, csrf_token
from tests.ranks import P_MIN, p_of
from tests.scale import rounds

SECRETS = HmacSecrets("a key of the shop that is long enough")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
AT_ONCE = 20
Check = Callable[[str], object]
Kind = Callable[[int], tuple[str, Check]]
"""The secret of this number, and what compares a guess with it. A new one for each look: of two fixed guesses one may
well be slower by where it lies, and that is no word about what is right in it."""


def _guest_token(number: int) -> tuple[str, Check]:
    cart_id = CartId(UUID(int=number))
    return SECRETS.guest_token(cart_id), lambda token: SECRETS.is_guest_token(token, cart_id)


def _csrf_token(number: int) -> tuple[str, Check]:
    base_url = "https://shop.test"
    session = f"session {number}"
    form = {b"content-type": b"application/x-www-form-urlencoded", b"origin": base_url.encode()}

    def check(token: str) -> None:
        check_csrf("POST", form, base_url=base_url, secrets=SECRETS, session=session, token=token)

    return csrf_token(SECRETS, session), lambda token: _rejected(lambda: check(token))


def _stripe_signature(number: int) -> tuple[str, Check]:
    at, body = int(NOW.timestamp()), _body(number)
    right = hmac.digest(b"whsec_x", f"{at}.".encode() + body, "sha256").hex()
    endpoint = stripe.Endpoint(secret="whsec_x", live=False)
    return right, lambda found: _rejected(lambda: stripe.read("stripe", endpoint, body, f"t={at},v1={found}", NOW))


def _fake_signature(number: int) -> tuple[str, Check]:
    body = _body(number)
    timestamp, _, right = fake.sign(body, "whsec_x", NOW).partition(",v1=")
    return right, lambda found: _rejected(lambda: fake.read("fake", body, f"{timestamp},v1={found}", "whsec_x", NOW))


def _api_key(number: int) -> tuple[str, Check]:
    """Kept as a fingerprint and found by it: what is compared is nothing that anybody could steer."""
    right = SECRETS.new_api_key(ApiKeyId(UUID(int=number)))
    kept = {SECRETS.fingerprint(right): "key"}
    return right, lambda key: kept.get(SECRETS.fingerprint(key))


def _body(number: int) -> bytes:
    return b'{"id": "evt_%d", "type": "payment_intent.succeeded"}' % number


def _rejected(read: Callable[[], object]) -> bool:
    try:
        read()
    except (SignatureRejected, CsrfRejected):
        return True
    return False


def _stops_early(number: int) -> tuple[str, Check]:
    right = hashlib.sha256(b"%d" % number).hexdigest()
    return right, lambda found: all(one == other for one, other in zip(found, right, strict=True))


def _differ(kind: Kind, count: int) -> float:
    """The p of the times for a guess that is wrong at once and one that is wrong at the end."""
    times: dict[str, list[int]] = {"first": [], "last": []}
    order = ["first", "last"] * count
    random.Random(78).shuffle(order)
    for number, which in enumerate(order, 1):
        right, check = kind(number)
        guess = _other(right[0]) + right[1:] if which == "first" else right[:-1] + _other(right[-1])
        started = time.perf_counter_ns()
        for _ in range(AT_ONCE):
            check(guess)
        times[which].append(time.perf_counter_ns() - started)
    return p_of(times["first"], times["last"])


def _other(character: str) -> str:
    return "b" if character == "a" else "a"


@pytest.mark.prove
@pytest.mark.parametrize("kind", [_guest_token, _csrf_token, _stripe_signature, _fake_signature, _api_key])
def test_s78_no_time_tells_how_much_of_a_secret_is_right(kind: Kind) -> None:
    found = []
    for _ in range(3):
        found.append(_differ(kind, rounds(300, in_full=20_000)))
        if found[-1] >= P_MIN:
            return
    raise AssertionError(f"The time tells how much of it is right: p {found}.")


def test_s78_a_comparison_that_stops_early_is_found_out() -> None:
    assert _differ(_stops_early, 300) < P_MIN
