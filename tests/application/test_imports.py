"""Catalogues from files: the same file again changes nothing, and stock that is promised stays promised."""

import pytest
from attrs import evolve

from shop.application.commands.imports import ImportProduct, Outcome, ProductRecord, VariantRecord
from shop.application.ports.paging import PageRequest
from shop.application.queries.catalog import GetCategories, GetProducts
from shop.application.queries.inventory import GetStockMovements
from shop.domain.catalog import Option, Price, Product, ProductStatus
from shop.domain.inventory import InventoryAdjusted
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ProductId
from tests.invariants import Watch
from tests.shops import SmallShop, eur

MUG = ProductRecord(
    handle="mug",
    title="Mug",
    vendor="Potter",
    options=(Option(name="Colour", values=("Blue", "Red")),),
    variants=(
        VariantRecord(sku="MUG-B", options=("Blue",), prices=(Price(amount=eur(900)),), stock=4),
        VariantRecord(options=("Red",), prices=(Price(amount=eur(900)),), stock=2),
    ),
    categories=((("home", "Home"), ("kitchen", "Kitchen")), (("home", "Home"),)),
    metadata={"row": "2"},
)


async def bring(small: SmallShop, record: ProductRecord = MUG, *, dry_run: bool = False) -> Outcome:
    return (await small.shop.execute(ImportProduct(record=record, dry_run=dry_run))).outcome


async def read(small: SmallShop, slug: str = "mug") -> Product:
    async with small.storage.uow(small.context()) as tx:
        product = await tx.products.find_by_slug(slug)
    assert product is not None
    return product


async def on_hand(small: SmallShop) -> list[int]:
    return [(await small.level(variant.id)).on_hand for variant in (await read(small)).live_variants]


async def test_a_record_becomes_a_product_with_categories_and_stock(small: SmallShop) -> None:
    imported = await small.shop.execute(ImportProduct(record=MUG))
    product = await read(small)
    assert imported.outcome is Outcome.CREATED
    assert isinstance(imported.product_id, ProductId)
    assert (product.id, product.title, product.status, product.metadata) == (
        imported.product_id,
        "Mug",
        ProductStatus.ACTIVE,
        {"row": "2"},
    )
    assert await on_hand(small) == [4, 2]
    [home] = await small.shop.ask(GetCategories())
    assert [child.slug for child in home.children or []] == ["kitchen"]
    assert set(product.category_ids) == {home.id, (home.children or [])[0].id}
    await Watch(small.storage, dict).look(small.context())
    told = (await small.storage.outbox.events(PageRequest(), types=[InventoryAdjusted.type])).data
    assert sorted(event.data["delta"] for event in told) == [2, 4]


async def test_the_same_record_again_changes_nothing(small: SmallShop) -> None:
    await bring(small)
    before = await read(small)
    assert await bring(small) is Outcome.UNCHANGED
    after = await read(small)
    assert after.version == before.version
    assert len((await small.shop.ask(GetStockMovements())).data) == 2


async def test_a_dry_run_writes_nothing_and_tells_what_would_be(small: SmallShop) -> None:
    dry = await small.shop.execute(ImportProduct(record=MUG, dry_run=True))
    assert (dry.outcome, dry.product_id) == (Outcome.CREATED, None)
    assert (await small.shop.ask(GetProducts())).data == []
    assert await small.shop.ask(GetCategories()) == []
    await bring(small)
    changed = evolve(MUG, title="Cup", variants=(evolve(MUG.variants[0], stock=9), MUG.variants[1]))
    assert await bring(small, changed, dry_run=True) is Outcome.UPDATED
    assert (await read(small)).title == "Mug"
    assert await on_hand(small) == [4, 2]
    assert await bring(small, MUG, dry_run=True) is Outcome.UNCHANGED


async def test_a_product_is_known_again_by_a_sku_though_its_handle_changed(small: SmallShop) -> None:
    await bring(small)
    cup = evolve(MUG, handle="blue-mug", title="Cup")
    assert await bring(small, cup) is Outcome.UPDATED
    assert (await read(small, "blue-mug")).title == "Cup"
    assert len((await small.shop.ask(GetProducts())).data) == 1
    assert await bring(small, cup) is Outcome.UNCHANGED


async def test_variants_keep_their_ids_and_those_no_longer_named_are_archived(small: SmallShop) -> None:
    await bring(small)
    before = await read(small)
    green = VariantRecord(sku="MUG-G", options=("Green",), stock=1)
    record = evolve(
        MUG,
        options=(Option(name="Colour", values=("Blue", "Red", "Green")),),
        variants=(evolve(MUG.variants[1], prices=(Price(amount=eur(800)),)), green),
    )
    assert await bring(small, record) is Outcome.UPDATED
    after = await read(small)
    assert after.variants[0].id == before.variants[1].id
    assert [(v.sku, v.archived) for v in after.variants] == [("", False), ("MUG-G", False), ("MUG-B", True)]
    assert await bring(small, record) is Outcome.UNCHANGED
    assert await bring(small, MUG) is Outcome.UPDATED
    assert {v.id for v in (await read(small)).live_variants} == {v.id for v in before.variants}


async def test_what_the_file_says_of_stock_is_a_count(small: SmallShop) -> None:
    await bring(small)
    assert await bring(small, evolve(MUG, variants=(evolve(MUG.variants[0], stock=7), MUG.variants[1]))) is (
        Outcome.UPDATED
    )
    assert await on_hand(small) == [7, 2]
    silent = tuple(evolve(variant, stock=None) for variant in MUG.variants)
    assert await bring(small, evolve(MUG, variants=silent)) is Outcome.UNCHANGED
    assert await on_hand(small) == [7, 2]
    await Watch(small.storage, dict).look(small.context())


async def test_f13_a_file_never_takes_away_what_is_promised(small: SmallShop) -> None:
    await bring(small)
    blue = (await read(small)).variants[0].id
    await small.place(await small.cart((blue, 3)))
    await bring(small, evolve(MUG, variants=(evolve(MUG.variants[0], stock=1), MUG.variants[1])))
    assert (await small.level(blue)).on_hand == 3
    await Watch(small.storage, lambda: small.books.intents).look(small.context())


async def test_f13_backordered_units_are_not_made_stock(small: SmallShop) -> None:
    """Stock of 2 and an order of 6 on backorder: a file that counts nothing, or fewer, finds no more units there."""
    mug = evolve(MUG, variants=(evolve(MUG.variants[0], stock=2, backorder_limit=10),), options=MUG.options)
    await bring(small, mug)
    blue = (await read(small)).variants[0].id
    await small.place(await small.cart((blue, 6)))
    silent = evolve(mug, variants=(evolve(mug.variants[0], stock=None),))
    assert await bring(small, silent) is Outcome.UNCHANGED
    assert (await small.level(blue)).on_hand == 2
    for counted, on_hand in ((1, 1), (0, 0), (-3, 0), (9, 9)):
        await bring(small, evolve(mug, variants=(evolve(mug.variants[0], stock=counted),)))
        assert (await small.level(blue)).on_hand == on_hand
    # With four of them on backorder, the other two have to be there.
    await bring(small, evolve(mug, variants=(evolve(mug.variants[0], stock=0, backorder_limit=4),)))
    assert (await small.level(blue)).on_hand == 2
    await Watch(small.storage, lambda: small.books.intents).look(small.context())


async def test_more_than_fits_is_refused_with_its_variant(small: SmallShop) -> None:
    paper = VariantRecord(options=("Blue",), tracked=False)
    record = evolve(MUG, variants=(paper, evolve(MUG.variants[1], stock=10**9 + 1)))
    with pytest.raises(Invalid) as caught:
        await bring(small, record)
    assert [flaw.pointer for flaw in caught.value.flaws] == ["/variants/1/stock"]


async def test_a_dry_run_makes_no_location(small: SmallShop) -> None:
    await bring(small, dry_run=True)
    async with small.storage.uow(small.context()) as tx:
        assert await tx.stock.locations() == []


async def test_a_backorder_limit_is_brought_in_together_with_a_count(small: SmallShop) -> None:
    await bring(small)
    blue = (await read(small)).variants[0].id
    for stock in (4, 6):  # the first changes the limit alone
        limited = evolve(MUG.variants[0], stock=stock, backorder_limit=10 + stock)
        await bring(small, evolve(MUG, variants=(limited, MUG.variants[1])))
        level = await small.level(blue)
        assert (level.on_hand, level.backorder_limit) == (stock, 10 + stock)


async def test_a_variant_that_begins_to_be_counted_gets_a_level(small: SmallShop) -> None:
    book = ProductRecord(handle="mug", title="Book", variants=(VariantRecord(sku="B", tracked=False),))
    await bring(small, book)
    await bring(small, evolve(book, variants=(VariantRecord(sku="B"),)))
    assert await on_hand(small) == [0]


async def test_what_nobody_counts_has_no_stock(small: SmallShop) -> None:
    book = ProductRecord(handle="book", title="Book", variants=(VariantRecord(sku="B", tracked=False, stock=5),))
    assert await bring(small, book) is Outcome.CREATED
    assert await bring(small, book) is Outcome.UNCHANGED
    assert (await small.shop.ask(GetStockMovements())).data == []


async def test_a_status_follows_the_file(small: SmallShop) -> None:
    await bring(small)
    assert await bring(small, evolve(MUG, status=ProductStatus.ARCHIVED)) is Outcome.UPDATED
    assert (await read(small)).status is ProductStatus.ARCHIVED


async def test_a_record_that_breaks_a_rule_writes_nothing(small: SmallShop) -> None:
    with pytest.raises(Invalid):
        await bring(small, evolve(MUG, handle="No Slug"))
    assert await small.shop.ask(GetCategories()) == []
