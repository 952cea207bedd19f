"""The second step of a sign-in: codes of an authenticator app, and passkeys.

- Nothing here remembers anything: what was used before, and how often somebody tried, the use case knows.
- Passkeys are tied to the shop's own address (`SHOP_BASE_URL`): what was made for another page opens nothing here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from attrs import field, frozen

from shop.application.ports.identity import CredentialsRejected
from shop.domain.kernel.identifiers import UserId


class PasskeyRejected(CredentialsRejected):
    """What the authenticator answered does not prove the passkey, or was made for another page or question."""

    title = "This passkey opens nothing"
    default_hint = "Try again from the shop's own page, or take another way to sign in."


@frozen(kw_only=True)
class TotpEnrolment:
    """What an authenticator app needs to know a secret: to be typed, to be opened, and to be scanned."""

    secret_text: str = field(repr=False)
    uri: str = field(repr=False)
    qr_svg: str = field(repr=False)


@frozen(kw_only=True)
class NewPasskey:
    """A passkey that was just made: what is kept of it. Its private half never leaves its owner's device."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...] = ()


class TotpCodes(Protocol):
    """Six digits that change every thirty seconds (RFC 6238)."""

    def enrolment(self, secret: bytes, account: str, shop: str) -> TotpEnrolment:
        """The secret as an authenticator app takes it in; `account` and `shop` are what the app shows."""

    def step_of(self, secret: bytes, code: str, now: datetime) -> int | None:
        """Which thirty-second step since 1970 this code is of: the one of now, or one beside it. None when it is
        none of the three. Whoever asks refuses a step that is not later than the last one used."""


class Passkeys(Protocol):
    """WebAuthn: the questions that a browser puts to an authenticator, and the check of its answers."""

    def registration(
        self, *, user_id: UserId, email: str, name: str, known: Sequence[bytes], challenge: bytes
    ) -> Mapping[str, Any]:
        """What a browser needs to make a passkey, ready for JSON. Authenticators that hold a known one refuse."""

    def register(self, answer: Mapping[str, Any], *, challenge: bytes) -> NewPasskey:
        """The passkey that was made on this question. Raises PasskeyRejected."""

    def sign_in(self, *, known: Sequence[bytes], challenge: bytes) -> Mapping[str, Any]:
        """What a browser needs to use one of these passkeys, ready for JSON; none known: any of this shop's."""

    def credential_of(self, answer: Mapping[str, Any]) -> bytes:
        """Which passkey the answer says it is from: unverified. Raises PasskeyRejected for what is no answer."""

    def verify(self, answer: Mapping[str, Any], *, challenge: bytes, public_key: bytes, sign_count: int) -> int:
        """The new count of signatures, if the passkey of this public key signed this question. Raises PasskeyRejected,
        also when the count went back: then two devices hold the same key."""
