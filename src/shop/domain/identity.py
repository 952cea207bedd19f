"""Who may do what: today the secret keys that programs and back offices use."""

from datetime import datetime

from attrs import define

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import ApiKeyId


class ApiKeyNotFound(NotFound):
    title = "No such key"


@define(eq=False, kw_only=True)
class ApiKey(Aggregate):
    """A secret key, of which the shop keeps only a fingerprint (SHA-256) and the last four characters.

    A scope is `resource:read` or `resource:write` (write implies read); `*` is every scope.
    """

    id: ApiKeyId
    name: str
    fingerprint: bytes
    last4: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None

    def revoke(self, at: datetime) -> None:
        """From now on it opens nothing. Revoking twice is once."""
        self.revoked_at = self.revoked_at or at
