"""Secret keys as staff see them."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import ApiKeyId


@frozen(kw_only=True, slots=False)
class ApiKeyView:
    """A secret key without its secret."""

    object: ClassVar[str] = "api_key"
    id: ApiKeyId
    name: str
    last4: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
