"""Sign-in providers on this machine: a real OpenID provider that is not ours, and stubs that can be made to lie."""

import asyncio
import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.demo import free_port

PERSON = {"email": "ada@example.com", "email_verified": True, "name": "Ada Lovelace"}
CLIENT_ID, CLIENT_SECRET = "the shop", "a client's secret"
KEY = rsa.generate_private_key(65537, 2048)
S = TypeVar("S", bound="Stub")


@define
class Answer:
    """What a stub answers: an object, or exactly these bytes, which may come slowly."""

    said: Any = None
    status: int = 200
    headers: dict[str, str] = field(factory=dict)
    wait_seconds: float = 0


Place = Callable[[dict[str, str], str], Answer]


@define
class Stub:
    """A provider's endpoints: by path, from a form and a bearer token to an answer. A test may put others there."""

    base: str = ""
    places: dict[str, Place] = field(factory=dict)
    codes: dict[str, dict[str, str]] = field(factory=dict)
    asked: list[str] = field(factory=list)
    """Each path that was asked for, in order."""

    async def consent(self, address: str) -> str:
        """The person says yes in the browser."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        return code

    def redeem(self, form: dict[str, str]) -> dict[str, str] | None:
        """What was asked for with this code, if it is exchanged by whom and as it has to be."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or asked["code_challenge"] != challenge.decode().rstrip("=")
            or asked["redirect_uri"] != form.get("redirect_uri")
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET)
            or form.get("grant_type") != "authorization_code"
        ):
            return None
        return asked


@define
class GithubStub(Stub):
    """As GitHub answers: errors with a status of 200, e-mail addresses apart."""

    user: Any = field(factory=lambda: {"id": 583231, "login": "ada", "name": "Ada Lovelace", "email": None})
    emails: Any = field(
        factory=lambda: [
            {"email": "old@example.com", "primary": False, "verified": True},
            {"email": "ada@example.com", "primary": True, "verified": True},
        ]
    )

    def __attrs_post_init__(self) -> None:
        self.places |= {"/token": self._token, "/user": self._user, "/user/emails": self._emails}

    def _token(self, form: dict[str, str], _bearer: str) -> Answer:
        if self.redeem(form) is None:
            return Answer({"error": "bad_verification_code", "error_description": "The code passed is incorrect."})
        return Answer({"access_token": "gho_1", "scope": "read:user,user:email", "token_type": "bearer"})

    def _user(self, _form: dict[str, str], bearer: str) -> Answer:
        return Answer(self.user) if bearer == "gho_1" else Answer({"message": "Bad credentials"}, status=401)

    def _emails(self, _form: dict[str, str], bearer: str) -> Answer:
        return Answer(self.emails) if bearer == "gho_1" else Answer({"message": "Bad credentials"}, status=401)


@define
class OidcStub(Stub):
    """An OpenID provider that signs whatever a test wants."""

    claims: dict[str, Any] = field(factory=dict)
    """In place of what it would say; None leaves one out."""
    header: dict[str, Any] = field(factory=dict)
    key: Any = KEY
    algorithm: str = "RS256"
    keys: list[dict[str, Any]] = field(factory=lambda: [public_key(KEY, "k1")])
    document: dict[str, Any] = field(factory=dict)
    token: dict[str, Any] = field(factory=dict)
    userinfo: Any = None

    def __attrs_post_init__(self) -> None:
        self.places |= {
            "/.well-known/openid-configuration": lambda *_: Answer(self._document()),
            "/token": self._token,
            "/keys": lambda *_: Answer({"keys": self.keys}),
            "/userinfo": lambda *_: Answer(self.userinfo),
        }

    def _document(self) -> dict[str, Any]:
        known = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "userinfo_endpoint": f"{self.base}/userinfo",
            "jwks_uri": f"{self.base}/keys",
        }
        return without_none({**known, **self.document})

    def _token(self, form: dict[str, str], _bearer: str) -> Answer:
        asked = self.redeem(form)
        if asked is None:
            return Answer({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        said = {"iss": self.base, "sub": "1", "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = without_none({**said, **PERSON, **self.claims})
        signed = jwt.encode(claims, self.key, self.algorithm, without_none({"kid": "k1", **self.header}))
        return Answer(without_none({"access_token": "at", "token_type": "Bearer", "id_token": signed, **self.token}))


def without_none(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def public_key(key: Any, kid: str) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": "RS256"}


@contextmanager
def running_stub(stub: S) -> Iterator[S]:
    """The stub behind a real socket, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            stub.asked.append(path)
            place = stub.places.get(path)
            bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            answer = place(form, bearer) if place else Answer({"error": "not_found"}, status=404)
            time.sleep(answer.wait_seconds)
            body = answer.said if isinstance(answer.said, bytes) else json.dumps(answer.said).encode()
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the other side has heard enough

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


@define
class RealProvider:
    """`oidc-provider-mock` in a process of its own."""

    base: str

    async def consent(self, address: str) -> str:
        """The person says yes in the browser, as its form has it."""
        return await asyncio.to_thread(self._consent, address)

    def _consent(self, address: str) -> str:
        answer = httpx.post(address, data={"sub": "ada"}, timeout=30)
        assert answer.status_code == 302, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


@contextmanager
def running_provider() -> Iterator[RealProvider]:
    """The provider with one person, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            try:
                httpx.put(f"{base}/users/ada", json=PERSON, timeout=30).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            raise AssertionError("the provider does not start")
        yield RealProvider(base)
    finally:
        process.terminate()
        process.communicate(timeout=30)
