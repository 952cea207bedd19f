"""Any OpenID provider and GitHub hold the promises of sign-in, against a real provider and against stubs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from shop.adapters.contracts.sign_in import SignInProviderContract, SignInUnderTest
from shop.adapters.sign_in.calls import ProviderClient
from shop.adapters.sign_in.github import GithubPlaces, GithubSignIn
from shop.adapters.sign_in.oidc import OidcSignIn
from shop.adapters.system import SystemClock
from shop.application.ports.sign_in import ProviderProfile
from tests.sign_in_servers import (
    CLIENT_ID,
    CLIENT_SECRET,
    GithubStub,
    OidcStub,
    RealProvider,
    running_provider,
    running_stub,
)

CLIENT = ProviderClient(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, scope="openid email profile")


def ada(provider: str, subject: str) -> ProviderProfile:
    return ProviderProfile(
        provider=provider, subject=subject, email="ada@example.com", email_verified=True, name="Ada Lovelace"
    )


@pytest.fixture(scope="module")
def real() -> Iterator[RealProvider]:
    with running_provider() as provider:
        yield provider


@pytest.mark.integration
class TestRealOidcProvider(SignInProviderContract):
    """A provider that is not ours, over a socket."""

    leaves_out: ClassVar = {
        "test_s43_a_stolen_code_is_worth_nothing_without_the_verifier": "oidc-provider-mock does not check PKCE",
    }
    real: RealProvider

    @pytest.fixture(autouse=True)
    def beside(self, real: RealProvider) -> None:
        self.real = real

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SignInUnderTest]:
        provider = OidcSignIn("acme", self.real.base, CLIENT, SystemClock())
        yield SignInUnderTest(provider=provider, consent=self.real.consent, person=ada("acme", "ada"))
        await provider.close()


class TestOidcSignIn(SignInProviderContract):
    """A stub that checks what a provider has to."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SignInUnderTest]:
        with running_stub(OidcStub()) as stub:
            provider = OidcSignIn("acme", stub.base, CLIENT, SystemClock())
            yield SignInUnderTest(provider=provider, consent=stub.consent, person=ada("acme", "1"))
            await provider.close()


class TestGithubSignIn(SignInProviderContract):
    """A stub in GitHub's shape."""

    leaves_out: ClassVar = {"test_s43_another_browser_s_answer_is_refused": "without ID tokens there is no nonce"}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SignInUnderTest]:
        with running_stub(GithubStub()) as stub:
            provider = GithubSignIn(CLIENT, places(stub))
            yield SignInUnderTest(provider=provider, consent=stub.consent, person=ada("github", "583231"))
            await provider.close()


def places(stub: GithubStub) -> GithubPlaces:
    return GithubPlaces(
        issuer=stub.base, authorization=f"{stub.base}/authorize", token=f"{stub.base}/token", api=stub.base
    )
