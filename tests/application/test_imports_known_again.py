"""Products and variants are known again by what they are called, and a SKU is one variant's at a time."""

import pytest
from attrs import evolve

from shop.application.commands.imports import ImportProduct, Outcome, ProductRecord, VariantRecord
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.queries.catalog import GetProducts
from shop.domain.catalog import Option, Price, SkuTaken, VariantsAlike
from shop.domain.kernel.errors import Invalid
from tests.application.test_imports import MUG, bring, on_hand, read
from tests.shops import SmallShop, eur


def product(handle: str, *skus: str, silent: frozenset[str] = frozenset()) -> ProductRecord:
    """With a size for each SKU, which ends in it."""
    sizes = tuple(sku[-1] for sku in skus)
    return ProductRecord(
        handle=handle,
        title=handle.title(),
        options=(Option(name="Size", values=sizes),) if sizes else (),
        variants=tuple(
            VariantRecord(sku=sku, options=(size,), prices=(Price(amount=eur(900)),), stock=3)
            for sku, size in zip(skus, sizes, strict=True)
        ),
        silent=silent,
    )


async def bring_file(small: SmallShop, *records: ProductRecord, dry_run: bool = False) -> list[Outcome]:
    handles = frozenset(record.handle for record in records)
    return [
        (await small.shop.execute(ImportProduct(record=record, handles=handles, dry_run=dry_run))).outcome
        for record in records
    ]


async def live(small: SmallShop) -> dict[str, list[str]]:
    """The SKUs that are on sale, by product."""
    page = PageRequest(limit=100)
    shown = (await small.shop.ask(GetProducts(which=ProductFilter(statuses=frozenset()), page=page))).data
    return {view.slug: [variant.sku for variant in (await read(small, view.slug)).live_variants] for view in shown}


SHIRT = product("shirt", "T-S", "T-M")


@pytest.mark.parametrize("order", [1, -1], ids=["giver first", "taker first"])
async def test_a_sku_that_moves_to_another_product_leaves_the_first_alone(order: int, small: SmallShop) -> None:
    await bring_file(small, SHIRT)
    apart = [product("shirt", "T-S"), product("hat", "T-M")][::order]
    assert set(await bring_file(small, *apart, dry_run=True)) == {Outcome.UPDATED, Outcome.CREATED}
    assert await live(small) == {"shirt": ["T-S", "T-M"]}
    await bring_file(small, *apart)
    assert await live(small) == {"shirt": ["T-S"], "hat": ["T-M"]}
    assert (await read(small, "shirt")).title == "Shirt"
    assert await bring_file(small, *apart) == [Outcome.UNCHANGED, Outcome.UNCHANGED]


async def test_an_archived_variant_does_not_make_its_product_known_again(small: SmallShop) -> None:
    await bring_file(small, SHIRT)
    await bring_file(small, product("shirt", "T-S"))
    assert await bring_file(small, product("hat", "T-M")) == [Outcome.CREATED]
    assert await live(small) == {"shirt": ["T-S"], "hat": ["T-M"]}
    assert [variant.sku for variant in (await read(small, "shirt")).variants] == ["T-S", ""]


async def test_a_sku_of_a_product_that_the_file_does_not_name_is_refused(small: SmallShop) -> None:
    await bring_file(small, SHIRT, product("hat", "H-L"))
    with pytest.raises(SkuTaken, match="shirt") as caught:
        await bring_file(small, product("hat", "H-L", "T-M"))
    assert [flaw.pointer for flaw in caught.value.flaws] == ["/variants/1/sku"]
    assert await live(small) == {"shirt": ["T-S", "T-M"], "hat": ["H-L"]}


async def test_two_products_that_exchange_their_skus_settle(small: SmallShop) -> None:
    await bring_file(small, product("shirt", "A-S"), product("hat", "B-S"))
    swapped = [product("shirt", "B-S"), product("hat", "A-S")]
    before = {slug: (await read(small, slug)).variants[0].id for slug in ("shirt", "hat")}
    await bring_file(small, *swapped)
    assert await live(small) == {"shirt": ["B-S"], "hat": ["A-S"]}
    assert {slug: (await read(small, slug)).live_variants[0].id for slug in before} == before
    assert await bring_file(small, *swapped) == [Outcome.UNCHANGED, Outcome.UNCHANGED]


async def test_a_changed_handle_becomes_the_slug_and_a_made_up_one_does_not(small: SmallShop) -> None:
    await bring_file(small, SHIRT)
    assert await bring_file(small, product("tee", "T-S", "T-M")) == [Outcome.UPDATED]
    made_up = product("t-shirt", "T-S", "T-M", silent=frozenset({"handle"}))
    await bring_file(small, made_up)
    assert list(await live(small)) == ["tee"]
    assert await bring_file(small, made_up) == [Outcome.UNCHANGED]


async def test_a_made_up_handle_counts_less_than_a_sku(small: SmallShop) -> None:
    """Of two products of one name the first is gone: the other one has its made-up handle now."""
    silent = frozenset({"handle"})
    await bring_file(small, product("mug", "A-S", silent=silent), product("mug-2", "B-S", silent=silent))
    assert await bring_file(small, product("mug", "B-S", silent=silent)) == [Outcome.UPDATED]  # its title
    assert await live(small) == {"mug": ["A-S"], "mug-2": ["B-S"]}


async def test_a_sku_that_is_filled_in_or_changed_is_the_same_variant(small: SmallShop) -> None:
    await bring(small)
    before = [variant.id for variant in (await read(small)).variants]
    for sku in ("MUG-R", "RED", ""):
        red = evolve(MUG.variants[1], sku=sku)
        await bring(small, evolve(MUG, variants=(MUG.variants[0], red)))
        product = await read(small)
        assert [variant.id for variant in product.variants] == before
        assert product.variants[1].sku == (sku or "RED")
    assert await on_hand(small) == [4, 2]


async def test_of_two_alike_the_one_on_sale_stays(small: SmallShop) -> None:
    red = MUG.variants[1]
    await bring(small)
    await bring(small, evolve(MUG, variants=MUG.variants[:1]))  # archives the red one
    archived = (await read(small)).variants[1]
    async with small.storage.uow(small.context()) as tx:
        mug = await tx.products.find_by_slug("mug")
        assert mug is not None
        twin = evolve(archived, id=mug.variants[0].id, archived=False, sku="")
        mug.change(small.clock.now(), variants=(archived, twin))
        tx.products.save(mug)
    for _ in range(2):
        assert await bring(small, evolve(MUG, variants=(evolve(red, stock=4),))) in (Outcome.UPDATED, Outcome.UNCHANGED)
        assert [v.id for v in (await read(small)).live_variants] == [twin.id]
    assert await bring(small, evolve(MUG, variants=(evolve(red, stock=4),))) is Outcome.UNCHANGED


async def test_an_archived_variant_without_sku_comes_back(small: SmallShop) -> None:
    await bring(small)
    before = await read(small)
    await bring(small, evolve(MUG, variants=MUG.variants[:1]))
    assert len((await read(small)).live_variants) == 1
    await bring(small)
    assert {v.id for v in (await read(small)).live_variants} == {v.id for v in before.variants}


async def test_what_is_wrong_with_a_variant_says_with_which(small: SmallShop) -> None:
    long = evolve(MUG.variants[1], sku="x" * 101)
    with pytest.raises(Invalid) as caught:
        await bring(small, evolve(MUG, variants=(MUG.variants[0], long)))
    assert [flaw.pointer for flaw in caught.value.flaws] == ["/variants/1/sku"]
    twin = evolve(MUG.variants[1], options=("Blue",))
    with pytest.raises(VariantsAlike) as alike:
        await bring(small, evolve(MUG, variants=(MUG.variants[0], twin)))
    assert [flaw.pointer for flaw in alike.value.flaws] == ["/variants/1/options"]
