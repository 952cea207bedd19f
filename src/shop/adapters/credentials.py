"""From what a request shows to who asks: secret and publishable keys, access tokens, and the cookies of browsers."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shop.application.messages import Actor
from shop.application.ports.clock import Clock
from shop.application.ports.identity import CredentialsRejected, Secrets
from shop.application.ports.people import PeopleReader, SessionAccess
from shop.application.ports.readers import ApiKeyReader
from shop.application.ports.tokens import AccessClaims, AccessTokens, UnknownSigningKey
from shop.domain.identity import OWNER, KeyKind, UserStatus, narrowed
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import ApiKeyId, SessionId, SigningKeyId

KEY_PREFIXES: Final = ("sk_", "pk_")
BROWSER_PREFIX: Final = "bs_"
LENGTH_MAX = 1_500
REMEMBERED_FOR = timedelta(seconds=5)
REMEMBERED_MAX = 4_096
"""Who was found is believed for five seconds without looking again, which is how late a revocation may come."""
USE_NOTED_EVERY = timedelta(hours=1)
_log = logging.getLogger("shop.credentials")


class CredentialAuthenticator:
    """Knows who holds which key, and who is behind which session.

    `owner_needs_second_factor`: an owner who has not shown one may do nothing but get one.
    """

    def __init__(
        self,
        keys: ApiKeyReader,
        people: PeopleReader,
        *,
        secrets: Secrets,
        access_tokens: AccessTokens,
        clock: Clock,
        owner_needs_second_factor: bool = False,
    ) -> None:
        self._keys = keys
        self._people = people
        self._secrets = secrets
        self._access_tokens = access_tokens
        self._clock = clock
        self._owner_needs_second_factor = owner_needs_second_factor
        # By fingerprint, so that no secret stays in memory. Unknown ones are not kept: they would drive out good ones.
        self._known: OrderedDict[bytes, tuple[Actor, datetime, datetime]] = OrderedDict()
        self._signing_keys: tuple[SigningKeyId, ...] = ()
        self._signing_keys_until: datetime | None = None

    async def identify(self, credential: str) -> Actor:
        if len(credential) > LENGTH_MAX or not credential.isascii():
            raise CredentialsRejected("This is no credential of the shop.")
        fingerprint = self._secrets.fingerprint(credential)
        now = self._clock.now()
        known = self._known.get(fingerprint)
        if known is not None and known[1] <= now < known[2]:
            return known[0]
        self._known.pop(fingerprint, None)
        actor, until = await self._look(credential, fingerprint, now)
        self._known[fingerprint] = (actor, now, min(until, now + REMEMBERED_FOR))
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return actor

    async def _look(self, credential: str, fingerprint: bytes, now: datetime) -> tuple[Actor, datetime]:
        """Who it is, and until when at most."""
        if credential.startswith(KEY_PREFIXES):
            return await self._holder_of_key(fingerprint, now)
        if credential.startswith(BROWSER_PREFIX):
            return await self._holder_of_cookie(credential, now)
        claims = await self._claims(credential, now)
        access = await self._people.access(claims.session_id)
        if access is None or access.user_id != claims.user_id or access.browser:
            raise CredentialsRejected("The session is over: sign in again.")
        return self._actor(access, now), claims.expires_at

    async def _holder_of_key(self, fingerprint: bytes, now: datetime) -> tuple[Actor, datetime]:
        access = await self._keys.find(fingerprint)
        if access is None or not access.key.opens(fingerprint, now):
            raise CredentialsRejected("The key is unknown, has expired or was revoked.")
        key, scopes = access.key, access.key.scopes
        if key.created_by is not None and key.kind is KeyKind.SECRET:  # whoever lost something lost it with their keys
            if access.maker is not UserStatus.ACTIVE:
                raise CredentialsRejected("Whoever made the key may not do anything any more.")
            scopes = narrowed(scopes, access.maker_scopes)
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
            await self._note_use(key.id, now)
        ends = [moment for moment in (key.expires_at, key.old_until) if moment is not None and moment > now]
        actor = Actor(kind="api_key", id=key.id, scopes=scopes, made_by=key.created_by)
        return actor, min(ends, default=now + REMEMBERED_FOR)

    async def _note_use(self, key_id: ApiKeyId, now: datetime) -> None:
        """When a key was last used tells which ones nobody needs; it is no reason to turn anybody away."""
        try:
            await self._keys.used(key_id, now)
        except ShopError as error:
            _log.warning("the use of %s could not be noted: %s", key_id, error.detail)

    async def _holder_of_cookie(self, credential: str, now: datetime) -> tuple[Actor, datetime]:
        suffix, _, secret = credential.removeprefix(BROWSER_PREFIX).partition(".")
        try:
            session_id = SessionId.parse(f"{SessionId.prefix}_{suffix}")
        except Invalid:
            raise CredentialsRejected("This is no credential of the shop.") from None
        access = await self._people.access(session_id)
        if access is None or not access.browser or access.fingerprint != self._secrets.fingerprint(secret):
            raise CredentialsRejected("The session is over: sign in again.")
        return self._actor(access, now), access.expires_at

    async def _claims(self, token: str, now: datetime) -> AccessClaims:
        try:
            return self._access_tokens.read(token, await self._keys_that_sign(now), now)
        except UnknownSigningKey:
            # It may be newer than what was read: look once more, but not for everybody who makes key ids up.
            if self._signing_keys_until is not None and self._signing_keys_until - now > REMEMBERED_FOR / 2:
                raise
            return self._access_tokens.read(token, await self._keys_that_sign(now, again=True), now)

    async def _keys_that_sign(self, now: datetime, *, again: bool = False) -> Sequence[SigningKeyId]:
        until = self._signing_keys_until
        if again or until is None or not now < until <= now + REMEMBERED_FOR:
            self._signing_keys = tuple(key.id for key in await self._people.signing_keys(now))
            self._signing_keys_until = now + REMEMBERED_FOR
        return self._signing_keys

    def _actor(self, access: SessionAccess, now: datetime) -> Actor:
        if access.status is not UserStatus.ACTIVE or access.revoked_at is not None or now >= access.expires_at:
            raise CredentialsRejected("The session is over: sign in again.")
        missing = self._owner_needs_second_factor and OWNER.id in access.role_ids and not access.mfa
        return Actor(
            kind="user",
            id=access.user_id,
            scopes=frozenset() if missing else access.scopes,
            session_id=access.session_id,
            fresh_at=access.fresh_at,
            verified=access.email_verified,
            second_factor_missing=missing,
        )
