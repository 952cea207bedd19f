"""Products and categories come back as they were saved; slugs and SKUs are unique; the tree stays a tree."""

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.catalog import CategoryNotFound, Option, Price, ProductNotFound, ProductStatus, SkuTaken, SlugTaken
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId


class CatalogPromises(StoragePromises):
    """The promises of `ProductRepository` and `CategoryRepository`."""

    @alone
    async def test_products_come_back_as_they_were(self, bench: Bench) -> None:
        top, below = bench.samples.category(), bench.samples.category()
        await bench.save(top, below)
        rich = bench.samples.rich_product(category_ids=(below.id, top.id))
        bare = bench.samples.product(variants=())
        await bench.save(rich, bare)
        async with bench.transaction() as tx:
            assert state(await tx.products.get(rich.id)) == state(rich)
            assert state(await tx.products.get(bare.id)) == state(bare)
            assert state(await tx.products.find_by_slug(rich.slug)) == state(rich)
            assert state(await tx.products.find_by_sku(rich.variants[0].sku)) == state(rich)
            assert state(await tx.products.find_by_variant(rich.variants[1].id)) == state(rich)

    @alone
    async def test_unknown_products_are_not_found(self, bench: Bench) -> None:
        await bench.save(bench.samples.product(variants=(bench.samples.variant(sku=""),)))
        async with bench.transaction() as tx:
            with pytest.raises(ProductNotFound):
                await tx.products.get(bench.samples.new(ProductId))
            assert await tx.products.find_by_slug("nothing") is None
            assert await tx.products.find_by_sku("nothing") is None
            assert await tx.products.find_by_sku("") is None
            assert await tx.products.find_by_variant(bench.samples.new(VariantId)) is None

    @alone
    async def test_what_no_database_could_hold_is_the_name_of_nothing(self, bench: Bench) -> None:
        for text in ("a\x00b", "\ud800", "\udfff b"):
            async with bench.transaction() as tx:
                assert await tx.products.find_by_slug(text) is None
                assert await tx.products.find_by_sku(text) is None
                assert await tx.categories.find_by_slug(text) is None
                assert await tx.users.find_by_email(text) is None
                assert await tx.users.find_by_identity("google", text) is None

    @alone
    async def test_everything_of_a_product_can_change(self, bench: Bench) -> None:
        product = bench.samples.rich_product()
        await bench.save(product)
        kept, gone = product.variants
        new = bench.samples.variant(options=("S", "blue"), prices=(Price(amount=eur(5)),))
        product.change(
            bench.later(1),
            slug="another",
            title="Another",
            tags=("winter",),
            media=(),
            metadata={},
            variants=(new, product.variants[0]),
        )
        product.change_variant(kept.id, bench.later(2), sku="NEW-SKU", prices=())
        product.move_to(ProductStatus.DRAFT, bench.later(3))
        await bench.save(product)
        async with bench.transaction() as tx:
            found = await tx.products.get(product.id)
            assert state(found) == state(product)
            assert [variant.id for variant in found.variants] == [new.id, kept.id]
            assert await tx.products.find_by_variant(gone.id) is None
            assert await tx.products.find_by_sku(kept.sku) is None
            assert await tx.products.find_by_slug("another") is not None

    @alone
    async def test_a_slug_belongs_to_one_product_until_it_is_given_up(self, bench: Bench) -> None:
        first, second = bench.samples.product(), bench.samples.product()
        slug = first.slug
        await bench.save(first, second)
        second.change(bench.later(1), slug=slug)
        with pytest.raises(SlugTaken) as refused:
            await bench.save(second)
        assert refused.value.detail == SlugTaken.title  # in the same words everywhere
        async with bench.transaction() as tx:
            assert (await tx.products.get(second.id)).slug != slug
            moved = await tx.products.get(first.id)
        moved.change(bench.later(1), slug="free-again")
        await bench.save(moved)
        await bench.save(bench.samples.product(slug=slug))

    @alone
    async def test_a_sku_belongs_to_one_variant(self, bench: Bench) -> None:
        first = bench.samples.product(variants=(bench.samples.variant(sku="ONE"),))
        await bench.save(first)
        with pytest.raises(SkuTaken) as refused:
            await bench.save(bench.samples.product(variants=(bench.samples.variant(sku="ONE"),)))
        assert refused.value.detail == SkuTaken.title
        first.change(bench.later(1), variants=())
        await bench.save(first)
        await bench.save(bench.samples.product(variants=(bench.samples.variant(sku="ONE"),)))

    @alone
    async def test_a_sku_that_is_given_up_is_free_in_the_same_transaction(self, bench: Bench) -> None:
        """For a product older and one younger than the giver, and for a variant before the one that gives it up."""
        size, variant = Option(name="Size", values=("S", "M", "L", "XL")), bench.samples.variant
        older = bench.samples.product(variants=(variant(sku="O"),))
        giver = bench.samples.product(
            options=(size,),
            variants=tuple(variant(sku=f"SKU-{value}", options=(value,)) for value in size.values),
        )
        await bench.save(older, giver)
        async with bench.transaction() as tx:
            giver, older = await tx.products.get(giver.id), await tx.products.get(older.id)
            kept, *gone = giver.variants
            for each in gone:
                giver.change_variant(each.id, bench.later(1), archived=True, sku="")
            giver.change_variant(kept.id, bench.later(1), sku=gone[0].sku)
            older.change_variant(older.variants[0].id, bench.later(1), sku=gone[1].sku)
            younger = bench.samples.product(variants=(variant(sku=gone[2].sku),))
            for product in (giver, older, younger):
                tx.products.save(product)
        async with bench.transaction() as tx:
            holders = [await tx.products.find_by_sku(each.sku) for each in gone]
            assert [holder.id for holder in holders if holder] == [giver.id, older.id, younger.id]
            assert await tx.products.find_by_sku("O") is None

    @alone
    async def test_any_number_of_variants_have_no_sku(self, bench: Bench) -> None:
        for _ in range(2):
            await bench.save(bench.samples.product(variants=(bench.samples.variant(sku=""),)))

    @alone
    async def test_two_that_take_a_slug_or_sku_at_once_are_one(self, bench: Bench) -> None:
        first = bench.samples.product(slug="same")
        with pytest.raises(SlugTaken):
            async with bench.transaction() as slow:
                assert await slow.products.find_by_slug("same") is None
                slow.products.save(bench.samples.product(slug="same"))
                await bench.save(first)
        with pytest.raises(SkuTaken):
            async with bench.transaction() as slow:
                slow.products.save(bench.samples.product(variants=(bench.samples.variant(sku="SAME"),)))
                await bench.save(bench.samples.product(variants=(bench.samples.variant(sku="SAME"),)))

    @alone
    async def test_categories_come_back_as_they_were(self, bench: Bench) -> None:
        top = bench.samples.category()
        rich = bench.samples.category(
            parent_id=top.id,
            description="All of it",
            position=3,
            seo_title="Shirts",
            seo_description="All shirts",
            metadata={"colour": "blue"},
        )
        await bench.save(top)
        await bench.save(rich)
        async with bench.transaction() as tx:
            assert state(await tx.categories.get(rich.id)) == state(rich)
            assert state(await tx.categories.find_by_slug(top.slug)) == state(top)
            assert await tx.categories.ancestors(rich.id) == [top.id, rich.id]
            assert await tx.categories.ancestors(top.id) == [top.id]
            assert [await tx.categories.levels_below(one.id) for one in (top, rich)] == [1, 0]
            assert await tx.categories.find_by_slug("nothing") is None
            with pytest.raises(CategoryNotFound):
                await tx.categories.get(bench.samples.new(CategoryId))
            with pytest.raises(CategoryNotFound):
                await tx.categories.ancestors(bench.samples.new(CategoryId))

    @alone
    async def test_a_tree_can_be_saved_at_once_and_rehung(self, bench: Bench) -> None:
        top = bench.samples.category()
        middle = bench.samples.category(parent_id=top.id)
        low = bench.samples.category(parent_id=middle.id)
        await bench.save(top, middle, low)
        low.hang_below([top.id], bench.later(1))
        await bench.save(low)
        async with bench.transaction() as tx:
            assert await tx.categories.ancestors(low.id) == [top.id, low.id]

    @alone
    async def test_a_slug_belongs_to_one_category(self, bench: Bench) -> None:
        first = bench.samples.category()
        await bench.save(first)
        with pytest.raises(SlugTaken):
            await bench.save(bench.samples.category(slug=first.slug))
        # Products and categories have their own slugs.
        await bench.save(bench.samples.product(slug=first.slug))

    @alone
    async def test_of_a_deleted_category_children_move_up_and_products_stay(self, bench: Bench) -> None:
        top = bench.samples.category()
        gone = bench.samples.category(parent_id=top.id)
        low = bench.samples.category(parent_id=gone.id)
        await bench.save(top, gone, low)
        product = bench.samples.product(category_ids=(gone.id, low.id))
        await bench.save(product)
        async with bench.transaction() as tx:
            tx.categories.delete(await tx.categories.get(gone.id))
        async with bench.transaction() as tx:
            with pytest.raises(CategoryNotFound):
                await tx.categories.get(gone.id)
            assert (await tx.categories.get(low.id)).parent_id == top.id
            assert await tx.categories.ancestors(low.id) == [top.id, low.id]
            assert (await tx.products.get(product.id)).category_ids == (low.id,)
            tx.categories.delete(await tx.categories.get(top.id))
        async with bench.transaction() as tx:
            assert (await tx.categories.get(low.id)).parent_id is None
        await bench.save(bench.samples.category(slug=gone.slug))

    @alone
    async def test_a_category_that_changed_meanwhile_is_not_deleted(self, bench: Bench) -> None:
        category = bench.samples.category()
        await bench.save(category)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.categories.get(category.id)
                category.change(bench.later(1), name="Renamed")
                await bench.save(category)
                slow.categories.delete(mine)
        async with bench.transaction() as tx:
            assert (await tx.categories.get(category.id)).name == "Renamed"

    @alone
    async def test_nothing_is_hung_into_a_category_that_is_gone(self, bench: Bench) -> None:
        gone = bench.samples.category()
        await bench.save(gone)
        async with bench.transaction() as tx:
            tx.categories.delete(await tx.categories.get(gone.id))
        with pytest.raises(StaleAggregate):
            await bench.save(bench.samples.product(category_ids=(gone.id,)))
        with pytest.raises(StaleAggregate):
            await bench.save(bench.samples.category(parent_id=gone.id))
