"""S-47: pieces of SQL in every parameter, path and header of every endpoint, on both databases."""

from urllib.parse import quote

import httpx
import pytest

from shop.application.commands.identity.keys import CreateApiKey
from shop.entrypoints.embed import open_shop
from shop.entrypoints.http.app import create_app
from shop.entrypoints.http.endpoints import SAFE_METHODS
from shop.entrypoints.http.table import ENDPOINTS
from shop.entrypoints.settings import Settings
from tests.scale import rounds

CORPUS = (
    "'",
    '"',
    "' OR '1'='1",
    "'; DROP TABLE products; --",
    "1); DELETE FROM orders; --",
    "a' UNION SELECT secret FROM api_keys --",
    "$1",
    "?",
    ":id",
    "%(id)s",
    "{0}",
    "\\' OR 1=1 --",
    "%' ESCAPE '!",
    "$$; SELECT pg_sleep(9); $$",
    "'||(SELECT sqlite_version())||'",
    "`id`",
    "id; --",
    "created_at desc, (SELECT 1)",
    "😀'",
    "0x27",
    "/**/",
    "title COLLATE NOCASE",
)
HEADERS = ("accept-language", "cart-token", "order-token", "if-match", "if-none-match", "request-id", "idempotency-key")


def _words(place: int) -> list[str]:
    """For the endpoint at this place of the table: the next few of the words, so that each comes to many endpoints."""
    few = rounds(5, in_full=len(CORPUS))
    return [CORPUS[(place * few + n) % len(CORPUS)] for n in range(few)]


@pytest.mark.prove
async def test_s47_pieces_of_sql_are_words_like_others(shop_url: str) -> None:
    settings = Settings(database_url=shop_url, rate_limit="off")
    async with open_shop(settings) as shop:
        key = await shop.execute(CreateApiKey(name="k", scopes=frozenset({"*"})))
        transport = httpx.ASGITransport(app=create_app(shop, settings))  # type: ignore[arg-type]
        credential = {"Authorization": f"Bearer {key.secret}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test", headers=credential) as client:
            for place, row in enumerate(ENDPOINTS):
                for text in _words(place):
                    word = quote(text, safe="")
                    path = "/".join(word if part.startswith("{") else part for part in row.path.split("/"))
                    tried = (
                        [f"{path}?{quote(each.name)}={word}" for each in row.query]
                        if row.method in SAFE_METHODS
                        else []
                    )
                    for address in (path, *tried):
                        answer = await client.request(row.method, address)
                        assert answer.status_code < 500, (row.operation_id, address, answer.text)
                    plain = {name: text.encode("ascii", "ignore").decode() for name in HEADERS}
                    answer = await client.request(row.method, path, headers=plain)
                    assert answer.status_code < 500, (row.operation_id, answer.text)
            assert (await client.get("/api/products")).status_code == 200
            assert len((await client.get("/api/admin/api-keys")).json()["data"]) == 1
