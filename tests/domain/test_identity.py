"""Secret keys end once."""

from shop.domain.identity import ApiKey
from shop.domain.kernel.identifiers import ApiKeyId
from tests.domain.samples import NOW, an, later


def test_revoking_twice_keeps_the_first_moment() -> None:
    key = ApiKey(
        id=an(ApiKeyId),
        name="Back office",
        fingerprint=b"\x00" * 32,
        last4="abcd",
        scopes=frozenset({"*"}),
        created_at=NOW,
    )
    key.revoke(later(1))
    key.revoke(later(2))
    assert key.revoked_at == later(1)
