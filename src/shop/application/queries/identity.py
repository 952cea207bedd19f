"""What staff see of secret keys: never the secret."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.readers import ApiKeyReader
from shop.application.ports.views import ApiKeyView


@frozen(kw_only=True)
class GetApiKeys(Query[list[ApiKeyView]]):
    """All keys, the newest first."""

    requires: ClassVar = "apikeys:read"


async def get_api_keys(query: GetApiKeys, context: Context, *, api_keys: ApiKeyReader) -> list[ApiKeyView]:
    return await api_keys.all()
