"""S-29, S-68: what is written into the shop cannot run in a browser, and holds no card number."""

import httpx

from shop.adapters.contracts.markup import ATTACKS, what_runs
from shop.adapters.nh3.markup import SafeMarkup
from shop.application.commands.imports import ImportProduct, ProductRecord, VariantRecord
from shop.entrypoints.embed import open_shop
from tests.entrypoints.http.sites import OpenSite

CARD = "4242 4242 4242 4242"


async def test_s29_descriptions_are_cleaned_when_they_are_written(site: OpenSite, staff: httpx.AsyncClient) -> None:
    attack = "Fine linen " + "".join(ATTACKS)
    product = (await staff.post("/api/products", json={"slug": "a", "title": "A", "description": attack})).json()
    category = (await staff.post("/api/categories", json={"slug": "c", "name": "C", "description": attack})).json()
    for path in (f"/api/products/{product['id']}", f"/api/categories/{category['id']}"):
        changed = await staff.patch(path, json={"description": "Then " + attack}, headers={"If-Match": "*"})
        assert changed.status_code == 200, changed.text
        shown = await staff.get(path)
        assert shown.json()["description"].startswith("Then Fine linen")
        assert what_runs(shown.json()["description"]) == []
        assert shown.headers["content-type"] == "application/json"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["content-security-policy"]
    for first in (product, category):
        assert what_runs(first["description"]) == []


async def test_s29_what_is_imported_is_cleaned_too_and_once_is_enough(site: OpenSite) -> None:
    record = ProductRecord(
        handle="x",
        title="X",
        description="<p onclick=x>Good</p><script>x</script> & so on",
        variants=(VariantRecord(sku="X", prices=()),),
        metadata={"paid": CARD},
    )
    first = await site.small.shop.execute(ImportProduct(record=record))
    again = await site.small.shop.execute(ImportProduct(record=record))
    assert (first.outcome.value, again.outcome.value) == ("created", "unchanged")


async def test_s29_a_shop_with_the_api_keeps_tags_that_describe() -> None:
    async with open_shop() as shop:
        assert isinstance(shop.ports.markup, SafeMarkup)


async def test_s68_notes_and_metadata_keep_no_card_number(site: OpenSite, staff: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    change = {"note": f"please take it from {CARD}", "metadata": {"card": CARD.replace(" ", "")}}
    changed = await site.guest.patch(f"/api/carts/{cart['id']}", json=change, headers=site.token(cart))
    assert (changed.json()["note"], changed.json()["metadata"]) == (
        "please take it from [card …4242]",
        {"card": "[card …4242]"},
    )
    placed = await site.order(changed.json() | {"cart_token": cart["cart_token"]})
    shown = await staff.get(f"/api/admin/orders/{placed.json()['id']}")
    for answer in (placed, shown):
        assert "[card …4242]" in answer.text
        assert "4242 4242" not in answer.text
        assert "42424242" not in answer.text
