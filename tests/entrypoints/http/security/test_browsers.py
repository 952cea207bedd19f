"""S-42, S-46: cookies that only this host and no script can use, and requests that no other site can send."""

from base64 import urlsafe_b64decode

import pytest

from shop.adapters.secrets import HmacSecrets
from shop.domain.kernel.errors import Invalid
from shop.entrypoints.http.cookies import COOKIES_LENGTH_MAX, Cookies
from shop.entrypoints.http.csrf import CsrfRejected, check_csrf, check_same_site, csrf_token
from shop.entrypoints.http.forms import FIELDS_MAX, FORM_BYTES_MAX, PAGE_HEADERS, read_form

BASE = "https://shop.example"
SECRETS, OTHER_SHOP = HmacSecrets("a" * 32), HmacSecrets("b" * 32)
FORM = {b"content-type": b"application/x-www-form-urlencoded; charset=utf-8"}
OWN = {b"origin": BASE.encode(), b"sec-fetch-site": b"same-origin"}
TOKEN = csrf_token(SECRETS, "session-1")


def check(method: str = "POST", headers: dict[bytes, bytes] | None = None, token: str = TOKEN) -> None:
    own = {**FORM, **OWN} if headers is None else headers
    check_csrf(method, own, base_url=BASE, secrets=SECRETS, session="session-1", token=token)


def test_s46_a_cookie_is_bound_to_this_host_and_hidden_from_scripts() -> None:
    name, value = Cookies(BASE).set("session", "v" * 43, max_age_seconds=3600)
    assert name == b"set-cookie"
    parts = value.decode().split("; ")
    assert parts[0] == f"__Host-session={'v' * 43}"
    assert set(parts[1:]) == {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=3600", "Secure"}
    assert b"Max-Age" not in Cookies(BASE).set("session", "v")[1]
    assert b"Max-Age=0" in Cookies(BASE).clear("session")[1]


@pytest.mark.parametrize(
    ("base", "secure"),
    [
        ("https://127.0.0.1", True),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
        ("http://shop.example", True),
        ("http://192.168.0.7:8000", True),
    ],
)
def test_s46_only_this_machine_may_do_without_encryption(base: str, secure: bool) -> None:
    cookie = Cookies(base).set("session", "v")[1]
    assert cookie.startswith(b"__Host-session=") is secure
    assert (b"Secure" in cookie) is secure


@pytest.mark.parametrize("value", ["a;b", "a b", "a\r\nSet-Cookie: x=y", 'a"', "a,b", "é", "a\x00", "x" * 401, "a\\b"])
def test_s46_a_value_writes_no_header_of_its_own(value: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        Cookies(BASE).set("session", value)


def test_s46_a_planted_second_cookie_makes_nobody_known() -> None:
    cookies = Cookies(BASE)
    assert cookies.read(b"a=1; __Host-session=abc; b=2", "session") == "abc"
    for header in (
        b"",
        b"session=abc",
        b"__host-session=abc",
        b"__Host-session=abc; __Host-session=evil",
        b"__Host-session=" + b"x" * 401,
        b"a=" + b"x" * COOKIES_LENGTH_MAX + b"; __Host-session=abc",
        b"__Host-session",
    ):
        assert cookies.read(header, "session") == ""


def test_s42_our_own_form_and_our_own_script_pass() -> None:
    check()
    check(headers={**FORM, b"origin": b"HTTPS://SHOP.example"})
    check(headers={**FORM, b"sec-fetch-site": b"same-origin"})
    check(headers={b"content-type": b"application/json", b"x-csrf-token": TOKEN.encode(), **OWN}, token="")
    for method in ("GET", "HEAD", "OPTIONS"):
        check(method, headers={}, token="")


@pytest.mark.parametrize(
    "headers",
    [
        FORM,
        {**FORM, b"origin": b"null"},
        {**FORM, b"origin": b"https://evil.example"},
        {**FORM, b"origin": b"http://shop.example"},
        {**FORM, b"origin": b"https://shop.example.evil.example"},
        {**FORM, b"origin": b"https://shop.example:444"},
        {**FORM, b"origin": b""},
        {**FORM, b"sec-fetch-site": b"cross-site"},
        {**FORM, b"sec-fetch-site": b"same-site"},
        {**FORM, **OWN, b"sec-fetch-site": b"cross-site"},
        {**FORM, b"referer": BASE.encode() + b"/sign-in"},
        {b"content-type": b"text/plain", b"x-csrf-token": TOKEN.encode(), **OWN},
        {b"content-type": b"multipart/form-data; boundary=x", **OWN},
        {b"content-type": b"application/json", **OWN},
        OWN,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "post"])
def test_s42_what_another_site_can_send_is_refused(method: str, headers: dict[bytes, bytes]) -> None:
    with pytest.raises(CsrfRejected):
        check(method, headers)


def test_s42_a_token_belongs_to_one_session_of_one_shop() -> None:
    assert len(urlsafe_b64decode(TOKEN + "=")) == 32
    assert csrf_token(SECRETS, "session-1") == TOKEN
    wrong = ["", TOKEN[:-1], TOKEN + "x", TOKEN.swapcase(), csrf_token(SECRETS, "session-2"), "ü"]
    for token in [*wrong, csrf_token(OTHER_SHOP, "session-1")]:
        with pytest.raises(CsrfRejected):
            check(token=token)
    with pytest.raises(CsrfRejected):
        check_csrf("POST", {**FORM, **OWN}, base_url=BASE, secrets=SECRETS, session="", token=csrf_token(SECRETS, ""))


def test_s34_signing_somebody_in_from_another_site_is_refused() -> None:
    check_same_site(OWN, BASE + "/")
    with pytest.raises(CsrfRejected):
        check_same_site({b"origin": b"https://evil.example"}, BASE)


FIELDS = {"email": 320, "csrf_token": 100}


def test_a_form_is_read_by_its_fields() -> None:
    assert read_form(b"email=ada%40example.com&csrf_token=t", FIELDS) == {"email": "ada@example.com", "csrf_token": "t"}
    assert read_form(b"", FIELDS) == {"email": "", "csrf_token": ""}
    assert read_form(b"email=a+b%C3%A9", FIELDS)["email"] == "a bé"


@pytest.mark.parametrize(
    "raw",
    [
        b"email=a&email=b",
        b"role=owner",
        b"email[]=a",
        b"email=" + b"x" * 321,
        b"email=%00",
        b"email=%ff",
        "email=é".encode(),
        b"&".join([b"email=a"] * (FIELDS_MAX + 1)),
        b"x" * (FORM_BYTES_MAX + 1),
    ],
)
def test_s54_a_form_with_more_in_it_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_form(raw, FIELDS)


def test_s71_a_page_runs_nothing_and_sends_forms_to_us_only() -> None:
    policy = dict(PAGE_HEADERS)[b"content-security-policy"]
    assert b"unsafe" not in policy
    assert b"script-src" not in policy
    assert b"form-action 'self'" in policy
