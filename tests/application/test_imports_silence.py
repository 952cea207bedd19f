"""What a file says nothing about stays as the shop has it; what is new takes what the record holds."""

from attrs import evolve

from shop.application.commands.catalog import UpdateProduct, UpdateVariant
from shop.application.commands.categories import CreateCategory
from shop.application.commands.imports import Outcome, ProductRecord, VariantRecord
from shop.domain.catalog import Media, Option, Price, ProductStatus
from shop.domain.kernel.money import Money
from tests.application.test_imports import MUG, bring, on_hand, read
from tests.shops import SmallShop, eur

PRODUCT_FIELDS = (
    "description",
    "vendor",
    "status",
    "tags",
    "seo_title",
    "seo_description",
    "media",
    "options",
    "categories",
)
VARIANT_FIELDS = (
    "barcode",
    "options",
    "weight_grams",
    "tax_class",
    "tracked",
    "backorder_limit",
    "requires_shipping",
    "compare_at",
)
FULL = ProductRecord(
    handle="mug",
    title="Mug",
    description="Holds tea.",
    vendor="Potter",
    status=ProductStatus.DRAFT,
    tags=("tea",),
    seo_title="Mugs",
    seo_description="Mugs for tea",
    media=(Media(url="https://example.com/mug.jpg"),),
    options=(Option(name="Colour", values=("Blue", "Red")),),
    variants=tuple(
        VariantRecord(
            sku=f"MUG-{colour}",
            barcode="4006381333931",
            options=(colour,),
            prices=(Price(amount=eur(900), compare_at=eur(1200)), Price(amount=Money(990, "USD"))),
            weight_grams=350,
            tax_class="reduced",
            tracked=True,
            backorder_limit=3,
            requires_shipping=False,
            stock=4,
        )
        for colour in ("Blue", "Red")
    ),
    categories=((("home", "Home"),),),
    metadata={"glaze": "matt"},
)


def partial_file(price: int = 900) -> ProductRecord:
    """As of a file with handle, title, SKU and price only."""
    return ProductRecord(
        handle="mug",
        title="Mug",
        variants=tuple(
            VariantRecord(
                sku=variant.sku,
                prices=(Price(amount=eur(price)),),
                tracked=False,
                silent=frozenset(VARIANT_FIELDS),
            )
            for variant in FULL.variants
        ),
        silent=frozenset(PRODUCT_FIELDS),
    )


async def test_a_partial_file_changes_only_what_it_tells(small: SmallShop) -> None:
    await bring(small, FULL)
    before = await read(small)
    assert await bring(small, partial_file()) is Outcome.UNCHANGED
    assert await bring(small, partial_file(1000)) is Outcome.UPDATED
    after = await read(small)
    changed = tuple(
        evolve(v, prices=(Price(amount=eur(1000), compare_at=eur(1200)), v.prices[1])) for v in before.variants
    )
    for name in ("description", "vendor", "status", "tags", "seo_title", "seo_description", "media", "options"):
        assert getattr(after, name) == getattr(before, name), name
    assert (after.category_ids, after.metadata) == (before.category_ids, before.metadata)
    assert after.variants == changed
    assert await on_hand(small) == [4, 4]


async def test_what_is_new_takes_the_values_of_the_record(small: SmallShop) -> None:
    record = evolve(FULL, silent=frozenset({*PRODUCT_FIELDS, "handle"}))
    silent = tuple(evolve(variant, silent=frozenset(VARIANT_FIELDS)) for variant in FULL.variants)
    await bring(small, evolve(record, variants=silent))
    product = await read(small)
    assert (product.status, product.tags, product.description) == (ProductStatus.DRAFT, ("tea",), "Holds tea.")
    assert (product.variants[0].weight_grams, product.variants[0].barcode) == (350, "4006381333931")


async def test_what_is_told_blank_is_blank(small: SmallShop) -> None:
    await bring(small, FULL)
    blank = evolve(FULL, description="", tags=(), media=(), categories=(), metadata={})
    assert await bring(small, blank) is Outcome.UPDATED
    product = await read(small)
    assert (product.description, product.tags, product.media, product.category_ids) == ("", (), (), ())
    assert product.metadata == {"glaze": "matt"}


async def test_prices_and_metadata_are_added_to_what_is_there(small: SmallShop) -> None:
    await bring(small, FULL)
    told = evolve(FULL.variants[0], prices=(Price(amount=Money(7, "JPY")), Price(amount=eur(800))))
    unpriced = evolve(FULL.variants[1], prices=())
    await bring(small, evolve(FULL, variants=(told, unpriced), metadata={"size": "L"}))
    product = await read(small)
    assert product.metadata == {"glaze": "matt", "size": "L"}
    first, second = product.variants
    assert {price.amount for price in first.prices} == {eur(800), Money(990, "USD"), Money(7, "JPY")}
    assert [price.compare_at for price in first.prices] == [None, None, None]
    assert second.prices == FULL.variants[1].prices


async def test_a_price_to_compare_with_stays_only_above_the_price(small: SmallShop) -> None:
    await bring(small, FULL)
    await bring(small, partial_file(1200))
    assert (await read(small)).variants[0].price_in("EUR") == Price(amount=eur(1200))


async def test_what_staff_did_stays_where_the_file_is_silent(small: SmallShop) -> None:
    await bring(small, FULL)
    product = await read(small)
    shelf = await small.shop.execute(CreateCategory(slug="shelf", name="Shelf"))
    await small.shop.execute(
        UpdateProduct(
            product_id=product.id,
            status=ProductStatus.ARCHIVED,
            category_ids=(shelf,),
            seo_title="By hand",
            metadata={"by": "hand"},
        )
    )
    await small.shop.execute(
        UpdateVariant(product_id=product.id, variant_id=product.variants[0].id, metadata={"shelf": "9"})
    )
    assert await bring(small, partial_file()) is Outcome.UNCHANGED
    after = await read(small)
    assert (after.status, after.category_ids) == (ProductStatus.ARCHIVED, (shelf,))
    assert (after.seo_title, after.metadata) == ("By hand", {"by": "hand"})
    assert after.variants[0].metadata == {"shelf": "9"}


async def test_where_nothing_is_said_of_options_the_only_variant_is_meant(small: SmallShop) -> None:
    await bring(small, evolve(MUG, variants=MUG.variants[:1]))
    silent = VariantRecord(prices=(Price(amount=eur(500)),), silent=frozenset({"options"}))
    record = ProductRecord(handle="mug", title="Mug", variants=(silent,), silent=frozenset({"options"}))
    assert await bring(small, record) is Outcome.UPDATED
    [variant] = (await read(small)).variants
    assert (variant.sku, variant.options, variant.prices) == ("MUG-B", ("Blue",), silent.prices)
