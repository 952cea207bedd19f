"""Programs that embed the shop may pass anything: a part of a unit is refused before it is stored."""

from typing import Any

import pytest

from shop.application.commands.carts import AddToCart, OpenCart
from shop.application.commands.catalog import CreateProduct, NewVariant, UpdateVariant
from shop.application.commands.inventory import AdjustStock, CountStock
from shop.application.ports.paging import PageRequest
from shop.application.queries.catalog import GetProducts
from shop.domain.kernel.errors import Invalid
from tests.shops import STAFF, SmallShop


class Units(int):
    """A whole number of a kind that no database driver knows."""


@pytest.mark.parametrize("units", [1.5, 2.0, float("nan"), float("inf"), True, Units(2)])
async def test_only_whole_units_are_bought_counted_and_kept(small: SmallShop, units: Any) -> None:
    shirt = await small.product(stock=3)
    product_id = (await small.shop.ask(GetProducts())).data[0].id
    cart_id = await small.shop.execute(OpenCart())
    guest = small.guest(cart_id)
    for command, actor in (
        (AddToCart(cart_id=cart_id, variant_id=shirt, quantity=units), guest),
        (AdjustStock(variant_id=shirt, delta=units, reason="delivery"), STAFF),
        (CountStock(variant_id=shirt, counted=units + 0.5, reason="inventory"), STAFF),
        (UpdateVariant(product_id=product_id, variant_id=shirt, backorder_limit=units), STAFF),
        (UpdateVariant(product_id=product_id, variant_id=shirt, weight_grams=units), STAFF),
        (CreateProduct(slug="cup", title="Cup", variants=(NewVariant(sku="CUP", stock=units),)), STAFF),
    ):
        with pytest.raises(Invalid):
            await small.shop.execute(command, actor=actor)
    level = await small.level(shirt)
    assert (level.on_hand, level.reserved, level.version) == (3, 0, 1)


@pytest.mark.parametrize("limit", [0, -1, 101, 1.5, True])
def test_a_page_has_a_whole_number_of_entries(limit: Any) -> None:
    with pytest.raises(Invalid):
        PageRequest(limit=limit)
