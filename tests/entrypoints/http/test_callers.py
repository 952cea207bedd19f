"""From whose address a request comes."""

import pytest

from shop.entrypoints.http.callers import caller_of

PROXY = ("10.0.0.1", 4711)


def forwarded(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"shop.test"), *((b"x-forwarded-for", value.encode()) for value in values)]


def test_s72_without_proxies_nobody_names_their_own_address() -> None:
    assert caller_of(("203.0.113.9", 1), forwarded("198.51.100.1"), 0) == "203.0.113.9"
    assert caller_of(None, [], 0) == ""


@pytest.mark.parametrize(
    ("told", "proxies", "caller"),
    [
        (["198.51.100.1"], 1, "198.51.100.1"),
        (["1.1.1.1, 198.51.100.1"], 1, "198.51.100.1"),
        (["1.1.1.1", "198.51.100.1"], 1, "198.51.100.1"),
        (["1.1.1.1, 198.51.100.1, 10.0.0.2"], 2, "198.51.100.1"),
        (["198.51.100.1:50123"], 1, "198.51.100.1"),
        ([], 1, "10.0.0.1"),
        (["198.51.100.1"], 2, "10.0.0.1"),
        (["x" * 500], 1, "x" * 60),
    ],
)
def test_s72_proxies_say_whom_they_heard_from(told: list[str], proxies: int, caller: str) -> None:
    assert caller_of(PROXY, forwarded(*told), proxies) == caller


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("[2001:db8:1:3::9]:443", "2001:db8:1:3::"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::"),
        ("a:b:what", "a:b:what"),
    ],
)
def test_s72_a_household_has_one_limit_under_ipv6(address: str, caller: str) -> None:
    assert caller_of((address, 1), [], 0) == caller
    assert caller_of(PROXY, forwarded(address), 1) == caller
