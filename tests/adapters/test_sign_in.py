"""What a provider, or somebody who poses as one, can do to us: lie, stall, shout, and send us elsewhere."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shop.adapters.sign_in.calls import ProviderClient
from shop.adapters.sign_in.github import GithubSignIn, open_github_sign_in
from shop.adapters.sign_in.oidc import GOOGLE, OidcSignIn, open_google_sign_in, open_oidc_sign_in
from shop.adapters.system import SystemClock, SystemIds
from shop.application.ports.options import Options
from shop.application.ports.sign_in import (
    ProviderProfile,
    SignInProvider,
    SignInProviderUnavailable,
    SignInRefused,
)
from tests.contracts.test_sign_in import CLIENT, places
from tests.shops import SettableClock
from tests.sign_in_servers import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    PERSON,
    Answer,
    GithubStub,
    OidcStub,
    Stub,
    public_key,
    running_stub,
)

BACK = "https://shop.test/back"
VERIFIER = "a-verifier-of-at-least-43-characters-for-pkce-s256"
OTHER_KEY = rsa.generate_private_key(65537, 2048)


async def sign_in(provider: SignInProvider, stub: Stub, issuer: str | None = None) -> ProviderProfile:
    address = await provider.address(state="s", nonce="n", verifier=VERIFIER, redirect_uri=BACK)
    code = await stub.consent(address)
    return await provider.profile(code=code, nonce="n", verifier=VERIFIER, redirect_uri=BACK, issuer=issuer)


@pytest.fixture
def stub() -> Iterator[OidcStub]:
    with running_stub(OidcStub()) as stub:
        yield stub


@pytest.fixture
def github() -> Iterator[GithubStub]:
    with running_stub(GithubStub()) as stub:
        yield stub


def acme(stub: OidcStub, **options: Any) -> OidcSignIn:
    return OidcSignIn("acme", stub.base, CLIENT, options.pop("clock", SystemClock()), **options)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"aud": None},
        {"azp": "another client"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 10**10},
        {"nbf": 10**10},
        {"at_hash": "of another token"},
    ],
    ids=repr,
)
async def test_s43_an_id_token_that_is_not_about_this_sign_in_is_refused(
    stub: OidcStub, claims: dict[str, Any]
) -> None:
    stub.claims = claims
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)


async def test_s43_a_token_for_several_that_was_made_for_us_is_taken(stub: OidcStub) -> None:
    stub.claims = {"aud": [CLIENT_ID, "another client"], "azp": CLIENT_ID}
    assert (await sign_in(acme(stub), stub)).subject == "1"


def by_hand(stub: OidcStub, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    """An ID token that would be right, with a signature that no library makes."""
    now = int(time.time())
    said = {"iss": stub.base, "sub": "1", "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": "n", **PERSON}
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": "k1"}, said)]
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (text + b"." + urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


async def test_s43_a_forged_signature_is_refused(stub: OidcStub) -> None:
    """Another key, no key, or an HMAC with our own secret or with what everybody may know."""
    stub.key = OTHER_KEY
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)
    stub.key = KEY
    public = KEY.public_key()
    known = (
        CLIENT_SECRET.encode(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        b"",
    )
    forged = [by_hand(stub, "HS256", partial(_hmac, secret)) for secret in known]
    forged += [by_hand(stub, algorithm, lambda _: b"") for algorithm in ("none", "RS256", "HS256")]
    for text in forged:
        stub.token = {"id_token": text}
        with pytest.raises(SignInRefused):
            await sign_in(acme(stub), stub)
    stub.token = {"id_token": by_hand(stub, "RS256", lambda text: KEY.sign(text, PKCS1v15(), SHA256()))}
    assert (await sign_in(acme(stub), stub)).subject == "1"


def _hmac(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256")


@pytest.mark.parametrize("header", [{"kid": "k2"}, {"crit": ["x"], "x": 1}], ids=repr)
async def test_s43_a_token_of_an_unknown_kind_is_refused(stub: OidcStub, header: dict[str, Any]) -> None:
    stub.header = header
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)


async def test_s43_what_is_no_id_token_is_refused(stub: OidcStub) -> None:
    wrong: tuple[Any, ...] = (None, 7, "", "a.b.c", "x" * 1000, {})
    for text in wrong:
        stub.token = {"id_token": text}
        with pytest.raises(SignInRefused):
            await sign_in(acme(stub), stub)


async def test_s43_a_provider_that_names_itself_in_its_answers_must_do_so(stub: OidcStub) -> None:
    stub.document = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)
    assert (await sign_in(acme(stub), stub, stub.base)).subject == "1"


async def test_s43_an_address_counts_only_where_it_is_verified(stub: OidcStub) -> None:
    for verified in (False, None, "true", 1, "yes"):
        stub.claims = {"email_verified": verified}
        profile = await sign_in(acme(stub), stub)
        assert (profile.email, profile.email_verified) == ("ada@example.com", False)


@pytest.mark.parametrize("email", ["nonsense", "a@b@c", "ada@example.com\nBcc: eve@evil.test", 7, ""])
async def test_what_is_no_address_is_none(stub: OidcStub, email: Any) -> None:
    stub.claims = {"email": email}
    profile = await sign_in(acme(stub), stub)
    assert (profile.email, profile.email_verified) == ("", False)


async def test_names_have_a_length_and_are_words(stub: OidcStub) -> None:
    for said, name in (("x" * 1000, "x" * 200), (None, ""), (7, ""), (["Ada"], "")):
        stub.claims = {"name": said}
        assert (await sign_in(acme(stub), stub)).name == name


async def test_an_address_that_stands_apart_is_asked_for(stub: OidcStub) -> None:
    stub.claims = {"email": None, "email_verified": None}
    stub.userinfo = {"sub": "1", "email": "ada@example.org", "email_verified": True}
    profile = await sign_in(acme(stub), stub)
    assert (profile.email, profile.email_verified) == ("ada@example.org", True)
    stub.userinfo = {"sub": "2", "email": "eve@evil.test", "email_verified": True}
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.test"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"authorization_endpoint": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"},
        {"userinfo_endpoint": "ftp://evil.test"},
    ],
    ids=repr,
)
async def test_s43_what_a_provider_says_of_itself_is_checked(stub: OidcStub, document: dict[str, Any]) -> None:
    stub.document = document
    with pytest.raises(SignInProviderUnavailable):
        await sign_in(acme(stub), stub)


def test_s43_an_encrypted_provider_sends_nobody_where_nothing_is() -> None:
    provider = OidcSignIn("acme", "https://login.test", CLIENT, SystemClock())
    places = {f"{name}_endpoint": "https://login.test/x" for name in ("authorization", "token", "userinfo")}
    said = {"issuer": "https://login.test", "jwks_uri": "https://login.test/keys", **places}
    assert provider._read_published(said, SystemClock().now()).keys == "https://login.test/keys"
    for name in [*places, "jwks_uri"]:
        with pytest.raises(SignInProviderUnavailable):
            provider._read_published({**said, name: "http://login.test/x"}, SystemClock().now())


async def test_what_was_published_is_believed_for_an_hour(stub: OidcStub) -> None:
    clock = SettableClock(SystemClock().now())
    provider = acme(stub, clock=clock)
    for _ in range(3):
        await sign_in(provider, stub)
    assert stub.asked.count("/.well-known/openid-configuration") == stub.asked.count("/keys") == 1
    stub.claims = {"exp": int(clock.at.timestamp()) + 7200}
    clock.forward(timedelta(hours=1))
    await sign_in(provider, stub)
    assert stub.asked.count("/.well-known/openid-configuration") == stub.asked.count("/keys") == 2


async def test_a_new_key_is_found_and_made_up_ones_make_no_calls(stub: OidcStub) -> None:
    clock = SettableClock(SystemClock().now())
    provider = acme(stub, clock=clock)
    await sign_in(provider, stub)
    stub.key, stub.header, stub.keys = OTHER_KEY, {"kid": "k2"}, [public_key(OTHER_KEY, "k2")]
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await sign_in(provider, stub)
    assert stub.asked.count("/keys") == 1
    clock.forward(timedelta(minutes=1))
    assert (await sign_in(provider, stub)).subject == "1"
    assert stub.asked.count("/keys") == 2


GARBLED: list[Callable[[], Answer]] = [
    lambda: Answer(b"<html>Bad gateway</html>", status=502),
    lambda: Answer({"error": "server_error"}, status=500),
    lambda: Answer(b"not json"),
    lambda: Answer(b"[" * 60_000),
    lambda: Answer([1]),
    lambda: Answer(None),
    lambda: Answer(b""),
    lambda: Answer({}, status=204),
    lambda: Answer({}, status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"}),
    lambda: Answer(b'{"issuer": "' + b"x" * 70_000 + b'"}'),
    lambda: Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    lambda: Answer(b"\xff\xfe{"),
]


@pytest.mark.parametrize("garbled", range(len(GARBLED)))
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
async def test_an_answer_that_is_none_is_a_provider_that_does_not_answer(
    stub: OidcStub, path: str, garbled: int
) -> None:
    stub.claims = {"email": None, "email_verified": None}
    stub.places[path] = lambda *_: GARBLED[garbled]()
    with pytest.raises(SignInProviderUnavailable):
        await sign_in(acme(stub), stub)


@pytest.mark.parametrize("keys", [None, 7, "x", [7], [{}], [{"kty": "RSA", "n": "!", "e": "AQAB"}], []], ids=repr)
async def test_keys_that_are_none_are_no_keys(stub: OidcStub, keys: Any) -> None:
    stub.keys = keys
    with pytest.raises((SignInProviderUnavailable, SignInRefused)):
        await sign_in(acme(stub), stub)


async def test_nobody_waits_for_a_provider_that_stalls(stub: OidcStub) -> None:
    stub.places["/token"] = lambda *_: Answer({}, wait_seconds=3)
    started = time.monotonic()
    with pytest.raises(SignInProviderUnavailable):
        await sign_in(acme(stub, timeout_seconds=0.3), stub)
    assert time.monotonic() - started < 2.5


async def test_a_provider_that_is_not_there_does_not_answer() -> None:
    provider = OidcSignIn("acme", "http://127.0.0.1:9", CLIENT, SystemClock())
    with pytest.raises(SignInProviderUnavailable):
        await provider.address(state="s", nonce="n", verifier=VERIFIER, redirect_uri=BACK)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("invalid_grant", SignInRefused),
        ("access_denied", SignInRefused),
        ("temporarily_unavailable", SignInProviderUnavailable),
        ("invalid_client", SignInProviderUnavailable),
    ],
)
async def test_whose_fault_it_is_makes_a_difference(stub: OidcStub, error: str, raised: type[Exception]) -> None:
    stub.places["/token"] = lambda *_: Answer({"error": error, "error_description": "a secret"}, status=400)
    with pytest.raises(raised) as caught:
        await sign_in(acme(stub), stub)
    assert "secret" not in str(caught.value)


async def test_of_githubs_addresses_only_the_primary_verified_one_counts(github: GithubStub) -> None:
    provider = GithubSignIn(CLIENT, places(github))
    for emails in (
        [],
        [{"email": "ada@example.com", "primary": True, "verified": False}],
        [{"email": "ada@example.com", "primary": False, "verified": True}],
        [{"email": "nonsense", "primary": True, "verified": True}],
        [7, None, {"email": "ada@example.com", "primary": "yes", "verified": "yes"}],
    ):
        github.emails = emails
        profile = await sign_in(provider, github)
        assert (profile.subject, profile.email, profile.email_verified) == ("583231", "", False)


async def test_the_address_in_githubs_profile_never_counts(github: GithubStub) -> None:
    """Anybody may write there whatever they like."""
    github.user = {"id": 1, "login": "eve", "name": None, "email": "ada@example.com"}
    github.emails = []
    profile = await sign_in(GithubSignIn(CLIENT, places(github)), github)
    assert (profile.email, profile.name) == ("", "eve")


@pytest.mark.parametrize("user", [None, [], {}, {"id": None}, {"id": "583231"}, {"id": True}, {"id": 1.5}], ids=repr)
async def test_who_has_no_number_at_github_is_nobody(github: GithubStub, user: Any) -> None:
    github.user = user
    with pytest.raises(SignInProviderUnavailable):
        await sign_in(GithubSignIn(CLIENT, places(github)), github)


def test_each_finds_its_own_settings() -> None:
    environment = {
        "SHOP_GOOGLE_CLIENT_ID": "g",
        "SHOP_GOOGLE_CLIENT_SECRET": "gs",
        "SHOP_GITHUB_CLIENT_ID": "h",
        "SHOP_GITHUB_CLIENT_SECRET": "hs",
        "SHOP_OIDC_NAME": "acme",
        "SHOP_OIDC_ISSUER": "https://login.example",
        "SHOP_OIDC_CLIENT_ID": "o",
        "SHOP_OIDC_CLIENT_SECRET": "os",
    }
    options = Options(environment=environment, clock=SystemClock(), ids=SystemIds())
    google, acme, github = open_google_sign_in(options), open_oidc_sign_in(options), open_github_sign_in(options)
    assert (google.name, google.issuer) == ("google", GOOGLE)
    assert (acme.name, acme.issuer) == ("acme", "https://login.example")
    assert (github.name, github.issuer) == ("github", "https://github.com/login/oauth")


async def test_githubs_own_addresses() -> None:
    address = await GithubSignIn(ProviderClient(client_id="c", client_secret="s", scope="user:email")).address(
        state="s", nonce="n", verifier=VERIFIER, redirect_uri=BACK
    )
    assert address.startswith("https://github.com/login/oauth/authorize?")
    assert "client_id=c" in address


async def test_s43_clocks_may_differ_by_a_minute_and_no_more(stub: OidcStub) -> None:
    now = int(time.time())
    stub.claims = {"iat": now - 300, "exp": now - 30}
    assert (await sign_in(acme(stub), stub)).subject == "1"
    stub.claims = {"iat": now - 300, "exp": now - 61}
    with pytest.raises(SignInRefused):
        await sign_in(acme(stub), stub)
