"""S-39: every known way to forge a JWT, each with a key that would have signed it, or with what an attacker has."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.secrets import HmacSecrets
from shop.adapters.tokens import JwtAccessTokens
from shop.application.ports.identity import CredentialsRejected
from shop.application.ports.tokens import AccessClaims, TokenExpired
from shop.domain.kernel.identifiers import CartId, SessionId, SigningKeyId, UserId

SECRETS = HmacSecrets("a key of the shop that is long enough")
TOKENS = JwtAccessTokens(SECRETS, "https://shop.test/")
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NOW = int(AT.timestamp())
KEY = SigningKeyId(UUID(int=7 << 76 | 1))
USER, SESSION = UserId(UUID(int=7 << 76 | 3)), SessionId(UUID(int=7 << 76 | 4))
PRIVATE = Ed25519PrivateKey.from_private_bytes(SECRETS.derive("signing-key", str(KEY)))
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": str(KEY)}
CLAIMS: dict[str, Any] = {
    "iss": "https://shop.test",
    "aud": "shop",
    "sub": str(USER),
    "sid": str(SESSION),
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "1",
}
REMOVED = "(left out)"


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def signed(header: object, payload: object, sign: Callable[[bytes], bytes] = PRIVATE.sign) -> str:
    """Header and payload as they are, bytes or objects, really signed."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(encoded(part) for part in parts)
    return f"{text}.{encoded(sign(text.encode()))}"


def altered(known: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**known, **changes}.items() if value is not REMOVED}


def reject(token: str) -> CredentialsRejected:
    with pytest.raises(CredentialsRejected) as caught:
        TOKENS.read(token, [KEY], AT)
    return caught.value


def test_what_the_others_alter_is_a_good_token() -> None:
    expected = AccessClaims(user_id=USER, session_id=SESSION, issued_at=AT, expires_at=AT + timedelta(minutes=5))
    assert TOKENS.read(signed(HEADER, CLAIMS), [KEY], AT) == expected


def test_anybody_can_check_our_tokens_with_the_key_that_we_show() -> None:
    token = TOKENS.issue(TOKENS.read(signed(HEADER, CLAIMS), [KEY], AT), KEY)
    shown = jwt.PyJWK(dict(TOKENS.public_key(KEY)))
    options: Any = {"verify_exp": False, "verify_iat": False}
    read = jwt.decode(token, shown, ["EdDSA"], audience="shop", issuer="https://shop.test", options=options)
    assert (read["sub"], read["sid"]) == (str(USER), str(SESSION))
    assert jwt.get_unverified_header(token) == HEADER


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, "HS256", "ES256", "Ed448", "eddsa"])
def test_s39_another_algorithm(alg: Any) -> None:
    reject(signed(altered(HEADER, alg=alg), CLAIMS))
    reject(signed(altered(HEADER, alg=alg), CLAIMS, lambda _: b""))
    head, body, _ = signed(altered(HEADER, alg=alg), CLAIMS).split(".")
    reject(f"{head}.{body}.")


def test_s39_hs256_with_what_everybody_may_know() -> None:
    """The public key as the secret of an HMAC, in every form that it is shown in."""
    public = PRIVATE.public_key()
    known = (
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        TOKENS.public_key(KEY)["x"].encode(),
        json.dumps(dict(TOKENS.public_key(KEY))).encode(),
        b"",
    )
    for secret in known:
        for alg in ("HS256", "EdDSA"):
            reject(signed(altered(HEADER, alg=alg), CLAIMS, lambda text, s=secret: hmac.digest(s, text, "sha256")))  # type: ignore[misc]


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/proc/self/environ",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "kid_1; DROP TABLE users",
        str(KEY) + "\0",
        str(KEY).upper(),
        " " + str(KEY),
        str(USER),
        "",
        None,
        7,
        [str(KEY)],
        {"kid": str(KEY)},
        REMOVED,
    ],
    ids=repr,
)
def test_s39_a_kid_is_a_name_and_never_looked_up(kid: Any) -> None:
    token = signed(altered(HEADER, kid=kid), CLAIMS)
    assert TOKENS.key_of(token) is None
    reject(token)


def test_s39_an_empty_key_by_a_wrong_kid() -> None:
    reject(
        signed(altered(HEADER, kid=str(SigningKeyId(UUID(int=9)))), CLAIMS, lambda t: hashlib.sha256(t).digest() * 2)
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://evil.test/jwks.json"},
        {"x5u": "https://evil.test/cert.pem"},
        {"jwk": {}},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
    ],
    ids=repr,
)
def test_s39_a_header_that_says_more(extra: dict[str, Any]) -> None:
    theirs = Ed25519PrivateKey.generate()
    if "jwk" in extra:
        public = theirs.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        extra = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(public)}}
    reject(signed({**HEADER, **extra}, CLAIMS, theirs.sign))
    reject(signed({**HEADER, **extra}, CLAIMS))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "rt+jwt", "application/at+jwt", "AT+JWT", "", None, 1, REMOVED])
def test_s39_another_kind_of_token(typ: Any) -> None:
    """A refresh token, an ID token, or anything else that was ever signed with this key."""
    reject(signed(altered(HEADER, typ=typ), CLAIMS))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *(("aud", value) for value in ("shop2", "", None, ["shop"], ["shop", "other"], {"shop": 1}, REMOVED)),
        *(
            ("iss", value)
            for value in ("https://evil.test", "https://shop.test.evil.test", "https://shop.test/", "", None, REMOVED)
        ),
        *(
            ("sub", value)
            for value in (str(SESSION), str(CartId(UUID(int=1))), "", "admin", None, 1, [str(USER)], REMOVED)
        ),
        *(("sid", value) for value in (str(USER), "", None, 1, REMOVED)),
        *(("exp", value) for value in (NOW + 301.5, str(NOW + 300), None, True, "NaN", [NOW + 300], REMOVED)),
        *(("exp", value) for value in (NOW + 3601, 10**10, 10**18, 10**400, 2**63, -(10**18))),
        *(("iat", value) for value in (None, str(NOW), NOW + 300, NOW + 10**6, -(10**18), True, REMOVED)),
        *(("nbf", value) for value in (NOW + 1, NOW - 1, NOW + 10**6)),
        ("jti", REMOVED),
        ("scope", "*"),
        ("role", "owner"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_s39_wrong_claims(claim: str, value: Any) -> None:
    assert type(reject(signed(HEADER, altered(CLAIMS, **{claim: value})))) is CredentialsRejected


def test_s39_expired_by_a_second() -> None:
    assert isinstance(reject(signed(HEADER, altered(CLAIMS, iat=NOW - 301, exp=NOW - 1))), TokenExpired)
    assert isinstance(reject(signed(HEADER, altered(CLAIMS, iat=NOW - 300, exp=NOW))), TokenExpired)
    TOKENS.read(signed(HEADER, altered(CLAIMS, iat=NOW - 299, exp=NOW + 1)), [KEY], AT)


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(CLAIMS).replace('"sub"', f'"sub": "{UserId(UUID(int=5))}", "sub"').encode(),
        json.dumps(CLAIMS)[:-1].encode() + b', "aud": "shop"}',
        json.dumps(CLAIMS).replace(f'"exp": {NOW + 300}', '"exp": NaN').encode(),
        json.dumps(CLAIMS).replace(f'"exp": {NOW + 300}', '"exp": Infinity').encode(),
        json.dumps(CLAIMS).replace(f'"exp": {NOW + 300}', f'"exp": {"9" * 1000}').encode(),
        json.dumps(CLAIMS).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode(),
        json.dumps([CLAIMS]).encode(),
        b"[" * 700,
        b"null",
        b"{}",
        b"",
        b"\xff",
    ],
    ids=lambda payload: repr(payload[:30]),
)
def test_s39_payloads_that_two_readers_would_read_differently(payload: bytes) -> None:
    reject(signed(HEADER, payload))


@pytest.mark.parametrize(
    "header",
    [
        json.dumps(HEADER).replace('"alg"', '"alg": "none", "alg"').encode(),
        json.dumps(HEADER).replace('"kid"', f'"kid": "{SigningKeyId(UUID(int=5))}", "kid"').encode(),
        json.dumps([HEADER]).encode(),
        b"[" * 700,
        b"null",
        b"\xff",
    ],
    ids=lambda header: repr(header[:30]),
)
def test_s39_headers_that_two_readers_would_read_differently(header: bytes) -> None:
    assert TOKENS.key_of(signed(header, CLAIMS)) is None
    reject(signed(header, CLAIMS))


def test_s39_signatures_of_other_algorithms_and_of_nothing() -> None:
    """Among them the psychic signature: r = s = 0 of ES256."""
    elliptic, rivest = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    for sign in (lambda _: bytes(64), lambda _: bytes(32), lambda _: b"\0", lambda _: b"\xff" * 64):
        for alg in ("ES256", "EdDSA"):
            reject(signed(altered(HEADER, alg=alg), CLAIMS, sign))
    reject(jwt.encode(CLAIMS, elliptic, "ES256", altered(HEADER, alg=REMOVED)))
    reject(jwt.encode(CLAIMS, rivest, "RS256", altered(HEADER, alg=REMOVED)))


def test_s39_a_signature_with_the_order_of_the_group_added_is_another_and_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    head, body, _ = signed(HEADER, CLAIMS).split(".")
    good = PRIVATE.sign(f"{head}.{body}".encode())
    more = (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    reject(f"{head}.{body}.{encoded(good[:32] + more)}")


def test_s39_a_jwe_is_no_jws() -> None:
    token = signed(HEADER, CLAIMS)
    head, body, signature = token.split(".")
    for parts in ([head, body, body, body, signature], [head, "", body, signature], [head, body], [token]):
        reject(".".join(parts) if parts != [token] else token + ".")
    reject(json.dumps({"protected": head, "payload": body, "signature": signature}))


def test_s39_a_refresh_token_or_a_key_is_no_access_token() -> None:
    for secret in (SECRETS.new_secret(), "sk_test_" + "0" * 90, SECRETS.guest_token(CartId(UUID(int=1)))):
        reject(secret)
        assert TOKENS.key_of(secret) is None


def test_another_shop_with_the_same_secret_has_its_own_tokens() -> None:
    """A test shop and the live one may well share a secret by mistake."""
    other = JwtAccessTokens(SECRETS, "https://other.test")
    with pytest.raises(CredentialsRejected):
        other.read(signed(HEADER, CLAIMS), [KEY], AT)


@given(st.text(max_size=200) | st.binary(max_size=100).map(encoded))
def test_s39_no_text_crashes_it(text: str) -> None:
    assert TOKENS.key_of(text) is None
    reject(text)


@given(
    st.dictionaries(
        st.sampled_from([*CLAIMS, "nbf", "x"]), st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    )
)
def test_s39_no_signed_claims_crash_it(changes: dict[str, Any]) -> None:
    try:
        TOKENS.read(signed(HEADER, {**CLAIMS, **changes}), [KEY], AT)
    except CredentialsRejected:
        assert changes


def test_keys_are_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[str] = []

    class Counting(HmacSecrets):
        def derive(self, purpose: str, name: str) -> bytes:
            derived.append(name)
            return super().derive(purpose, name)

    tokens = JwtAccessTokens(Counting("a key of the shop that is long enough"), "https://shop.test")
    for _ in range(5):
        assert tokens.read(signed(HEADER, CLAIMS), [KEY], AT).user_id == USER
    assert derived == [str(KEY)]
