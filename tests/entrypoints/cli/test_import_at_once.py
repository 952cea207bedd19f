"""Two imports of one file at once: every product comes in, and none counts as refused."""

import asyncio
from pathlib import Path

import pytest

from shop.application.ports.paging import PageRequest
from shop.application.queries.catalog import GetProducts
from shop.application.queries.inventory import GetStockMovements
from shop.entrypoints.cli.imports.running import Import, Summary
from shop.entrypoints.database import upgrade
from shop.entrypoints.demo.seed import configuration
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings
from tests.entrypoints.cli.test_import import Silent

PRODUCTS = 40


@pytest.mark.integration
async def test_two_imports_at_once(postgres_url: str, tmp_path: Path) -> None:
    path, settings = tmp_path / "products.csv", Settings(database_url=postgres_url)
    rows = [f"thing-{n},Thing {n},Type {n // 4},T-{n},9.90,shopify,5" for n in range(PRODUCTS)]
    head = "Handle,Title,Type,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    await upgrade(settings)
    async with open_shop(settings) as first, open_shop(settings) as second:
        await first.execute(configuration())

        async def bring_in(number: int) -> Summary:
            shop = (first, second)[number]
            return await (await Import.prepare(shop, path, "shopify")).run(Silent())

        summaries = await asyncio.gather(bring_in(0), bring_in(1))
        assert [summary.problems for summary in summaries] == [[], []]
        assert sum(summary.created for summary in summaries) == PRODUCTS
        assert len((await first.ask(GetProducts(page=PageRequest(limit=100)))).data) == PRODUCTS
        assert len((await first.ask(GetStockMovements(page=PageRequest(limit=100)))).data) == PRODUCTS
