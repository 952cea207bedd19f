"""From secret keys to actors."""

from collections import OrderedDict
from datetime import datetime, timedelta

from shop.application.messages import Actor
from shop.application.ports.clock import Clock
from shop.application.ports.identity import CredentialsRejected, Secrets
from shop.application.ports.readers import ApiKeyReader

KEY_PREFIX = "sk_"
LENGTH_MAX = 200
REMEMBERED_FOR = timedelta(seconds=5)
REMEMBERED_MAX = 1024


class KeyAuthenticator:
    """Knows who holds which secret key. A key that was found is believed for five seconds without looking again."""

    def __init__(self, reader: ApiKeyReader, *, secrets: Secrets, clock: Clock) -> None:
        self._reader = reader
        self._secrets = secrets
        self._clock = clock
        # By fingerprint, so that no secret stays in memory. Unknown keys are not kept: they would drive out good ones.
        self._known: OrderedDict[bytes, tuple[Actor, datetime]] = OrderedDict()

    async def identify(self, credential: str) -> Actor:
        if not credential.startswith(KEY_PREFIX) or len(credential) > LENGTH_MAX or not credential.isascii():
            raise CredentialsRejected("This is no secret key of the shop.")
        fingerprint = self._secrets.fingerprint(credential)
        now = self._clock.now()
        known = self._known.get(fingerprint)
        if known is not None and timedelta(0) <= now - known[1] < REMEMBERED_FOR:
            return known[0]
        self._known.pop(fingerprint, None)
        key = await self._reader.find(fingerprint)
        if key is None or key.revoked_at is not None:
            raise CredentialsRejected("The key is unknown or was revoked.")
        actor = Actor(kind="api_key", id=key.id, scopes=key.scopes)
        self._known[fingerprint] = (actor, now)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return actor
