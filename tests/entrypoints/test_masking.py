"""S-67: what must not be read in a log is covered before a line is written."""

import logging
import secrets

import pytest

from shop.adapters.secrets import HmacSecrets
from shop.domain.kernel.identifiers import ApiKeyId, CartId
from shop.entrypoints.masking import COVER, masked
from shop.entrypoints.run import LOG_FORMAT
from tests.shops import CountedIds

IDS = CountedIds()
KEY = HmacSecrets("k" * 32, live=True).new_api_key(IDS.new(ApiKeyId))


@pytest.mark.parametrize(
    "secret",
    [
        "ada.lovelace+shop@mail.example.co.uk",
        KEY,
        KEY.replace("sk_", "pk_"),
        "sk_test_51NxAbCdEfGhIjKl",
        "whsec_Zm9vYmFyYmF6cXV4",
        "pi_3NxAbC_secret_YkGq9",
        secrets.token_urlsafe(32),
        secrets.token_hex(32),
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "4111111111111111",
        "5555 5555 5555 4444",
        "3782-822463-10005",
    ],
    ids=lambda _: "secret",
)
def test_s67_secrets_are_covered_wherever_they_stand(secret: str) -> None:
    for sentence in ("{}", "GET /api/x?q={}&y=1 200", "('{}',)", 'said "{}".', "x={} y", "{}\n", "<{}>", "key: {};"):
        line = masked(sentence.format(secret))
        assert secret not in line
        assert secret[:-4] not in line
        assert line != sentence.format("")


@pytest.mark.parametrize(
    ("line", "covered"),
    [
        ("postgresql://shop:hush@db:5432/shop", f"postgresql://shop:{COVER}@db:5432/shop"),
        ("redis://:hush@cache", f"redis://:{COVER}@cache"),
        ("Authorization: Bearer abcdef.ghi", f"Authorization: {COVER} {COVER}"),
        ("password=hunter2&x=1", f"password={COVER}&x=1"),
        ('{"new_password": "hun ter2", "x": 1}', f'{{"new_password": {COVER}, "x": 1}}'),
        ("Cart-Token: abcd", f"Cart-Token: {COVER}"),
        ("reset_token='a b'", f"reset_token={COVER}"),
    ],
)
def test_s67_what_is_called_a_secret_is_covered(line: str, covered: str) -> None:
    assert COVER in masked(line)
    if "Bearer" not in line:
        assert masked(line) == covered
    else:
        assert "abcdef" not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-25 10:00:00,000 INFO shop.http req_01jd8zc5w0e7ktmj9c2q8k4h1n GET /api/store 200 1.2 ms",
        f"GET /api/carts/{IDS.new(CartId)} 200 4.1 ms",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        'File "/srv/shop/src/shop/entrypoints/http/app.py", line 12, in test_a_function_with_a_very_long_name_indeed',
        "EAN 4006381333931 and 1700000000000000",
        "http://127.0.0.1:8000/api/products?limit=20",
        "12 tokens were counted",
    ],
)
def test_what_people_look_for_stays(line: str) -> None:
    assert masked(line) == line


def test_s67_tracebacks_are_covered_too() -> None:
    try:
        raise ValueError(f"for ada@example.com with {KEY}")
    except ValueError as error:
        record = logging.LogRecord("shop", logging.ERROR, __file__, 1, "%s failed", ("ada@example.com",), None)
        record.exc_info = (type(error), error, error.__traceback__)
    line = LOG_FORMAT.format(record)
    assert "ValueError" in line
    assert "ada@example.com" not in line
    assert KEY not in line
