"""Products, variants and categories: made, changed, and seen by whoever may see them."""

from uuid import UUID

import pytest

from shop.application.access import ScopeMissing
from shop.application.commands.catalog import (
    AddVariant,
    ArchiveProduct,
    ArchiveVariant,
    CreateProduct,
    NewVariant,
    UpdateProduct,
    UpdateVariant,
)
from shop.application.commands.categories import CreateCategory, DeleteCategory, UpdateCategory
from shop.application.messages import GUEST, Actor, VersionDiffers
from shop.application.ports.identity import AuthenticationRequired
from shop.application.ports.readers import ProductFilter
from shop.application.queries.catalog import (
    GetAvailability,
    GetCategories,
    GetCategory,
    GetProduct,
    GetProducts,
)
from shop.application.queries.inventory import GetStockLevels
from shop.domain.catalog import (
    DEPTH_MAX,
    CategoryLoops,
    CategoryNotFound,
    Option,
    Price,
    Product,
    ProductNotFound,
    ProductStatus,
    SkuTaken,
    SlugTaken,
    VariantNotFound,
    VariantsAlike,
)
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, CategoryId, ProductId, VariantId
from shop.domain.kernel.money import Money
from tests.invariants import Watch
from tests.shops import STAFF, SmallShop, eur

CLERK = Actor(kind="api_key", id=ApiKeyId(UUID(int=6)), scopes=frozenset({"products:read"}))
PACKER = Actor(kind="api_key", id=ApiKeyId(UUID(int=7)), scopes=frozenset({"orders:read"}))
ANY_STATUS = ProductFilter(statuses=frozenset())


async def shirt(small: SmallShop, slug: str = "shirt") -> ProductId:
    """A shirt in two sizes, with stock."""
    return await small.shop.execute(
        CreateProduct(
            slug=slug,
            title="Shirt",
            status=ProductStatus.ACTIVE,
            options=(Option(name="Size", values=("S", "M")),),
            variants=(
                NewVariant(sku=f"{slug}-S", options=("S",), prices=(Price(amount=eur(1000)),), stock=3),
                NewVariant(sku=f"{slug}-M", options=("M",), prices=(Price(amount=eur(1200)),)),
            ),
        ),
        actor=STAFF,
    )


async def read(small: SmallShop, product_id: ProductId) -> Product:
    async with small.storage.uow(small.context()) as tx:
        return await tx.products.get(product_id)


class TestProducts:
    async def test_a_product_comes_with_variants_prices_and_stock(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        view = await small.shop.ask(GetProduct(id_or_slug="shirt", expand=frozenset({"variants"})), actor=GUEST)
        assert (view.id, view.price_from, view.price_to) == (product_id, eur(1000), eur(1200))
        assert [(v.sku, v.price) for v in view.variants or []] == [("shirt-S", eur(1000)), ("shirt-M", eur(1200))]
        levels = (await small.shop.ask(GetStockLevels())).data
        assert sorted((level.sku, level.on_hand) for level in levels) == [("shirt-M", 0), ("shirt-S", 3)]
        assert {level.location_name for level in levels} == {"Main"}
        await Watch(small.storage, dict).look(small.context())

    async def test_a_product_without_anything_to_count_opens_no_location(self, small: SmallShop) -> None:
        await small.product(tracked=False, stock=None)
        async with small.storage.uow(small.context()) as tx:
            assert await tx.stock.locations() == []

    async def test_what_does_not_fit_together_is_not_made(self, small: SmallShop) -> None:
        wrong = (
            CreateProduct(slug="a", title="A", variants=(NewVariant(stock=-1),)),
            CreateProduct(slug="a", title="A", variants=(NewVariant(options=("S",)),)),
            CreateProduct(slug="A b", title="A"),
            CreateProduct(slug="a", title=""),
        )
        for command in wrong:
            with pytest.raises(Invalid):
                await small.shop.execute(command)
        with pytest.raises(CategoryNotFound):
            await small.shop.execute(CreateProduct(slug="a", title="A", category_ids=(CategoryId(UUID(int=1)),)))
        assert (await small.shop.ask(GetProducts(which=ANY_STATUS))).data == []

    async def test_slugs_and_skus_are_taken_once(self, small: SmallShop) -> None:
        await shirt(small)
        with pytest.raises(SlugTaken):
            await small.shop.execute(CreateProduct(slug="shirt", title="Other"))
        with pytest.raises(SkuTaken):
            await small.shop.execute(CreateProduct(slug="other", title="Other", variants=(NewVariant(sku="shirt-S"),)))
        assert len((await small.shop.ask(GetProducts())).data) == 1

    async def test_a_sku_that_only_an_archived_variant_has_is_free(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        old, other = (await read(small, product_id)).variants
        sku = old.sku
        await small.shop.execute(ArchiveVariant(product_id=product_id, variant_id=old.id))
        cap_id = await small.shop.execute(CreateProduct(slug="cap", title="Cap", variants=(NewVariant(sku=sku),)))
        assert [v.sku for v in (await read(small, product_id)).variants] == ["", other.sku]
        [cap] = (await read(small, cap_id)).variants
        await small.shop.execute(ArchiveVariant(product_id=cap_id, variant_id=cap.id))
        await small.shop.execute(UpdateVariant(product_id=product_id, variant_id=other.id, sku=sku))
        assert (await read(small, product_id)).variants[1].sku == sku
        await small.shop.execute(ArchiveVariant(product_id=product_id, variant_id=other.id))
        new = NewVariant(sku=sku, options=("M",))
        new_id = await small.shop.execute(AddVariant(product_id=product_id, variant=new))
        assert {v.id: v.sku for v in (await read(small, product_id)).variants} == {
            old.id: "",
            other.id: "",
            new_id: sku,
        }
        with pytest.raises(SkuTaken):
            await small.shop.execute(AddVariant(product_id=cap_id, variant=NewVariant(sku=sku)))
        with pytest.raises(SkuTaken):
            await small.shop.execute(UpdateVariant(product_id=product_id, variant_id=old.id, sku=sku))

    async def test_parts_are_changed_and_the_rest_is_kept(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        category = await small.shop.execute(CreateCategory(slug="tops", name="Tops"))
        await small.shop.execute(
            UpdateProduct(
                product_id=product_id,
                expected_version=1,
                title="Linen shirt",
                tags=("linen",),
                category_ids=(category,),
                metadata={"erp": "7"},
            )
        )
        product = await read(small, product_id)
        assert (product.title, product.slug, product.tags, product.category_ids, product.metadata) == (
            "Linen shirt",
            "shirt",
            ("linen",),
            (category,),
            {"erp": "7"},
        )
        assert product.version == 2
        with pytest.raises(VersionDiffers) as caught:
            await small.shop.execute(UpdateProduct(product_id=product_id, expected_version=1, title="Late"))
        assert "version 2" in caught.value.detail

    async def test_saying_what_is_so_already_changes_nothing(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        before = await read(small, product_id)
        [variant, *_] = before.variants
        await small.shop.execute(UpdateProduct(product_id=product_id, title=before.title, status=before.status))
        await small.shop.execute(UpdateVariant(product_id=product_id, variant_id=variant.id, sku=variant.sku))
        assert (await read(small, product_id)).version == before.version

    async def test_archiving_takes_a_product_off_sale_and_keeps_it(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        with pytest.raises(VersionDiffers):
            await small.shop.execute(ArchiveProduct(product_id=product_id, expected_version=9))
        await small.shop.execute(ArchiveProduct(product_id=product_id, expected_version=1))
        with pytest.raises(ProductNotFound):
            await small.shop.ask(GetProduct(id_or_slug=product_id), actor=GUEST)
        assert (await small.shop.ask(GetProduct(id_or_slug=product_id), actor=CLERK)).status == "archived"

    async def test_drafts_are_for_staff(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        await small.shop.execute(UpdateProduct(product_id=product_id, status=ProductStatus.DRAFT))
        assert (await small.shop.ask(GetProducts(), actor=GUEST)).data == []
        for which in (ANY_STATUS, ProductFilter(statuses=frozenset(ProductStatus))):
            with pytest.raises(AuthenticationRequired):
                await small.shop.ask(GetProducts(which=which), actor=GUEST)
            with pytest.raises(ScopeMissing):
                await small.shop.ask(GetProducts(which=which), actor=PACKER)
            assert len((await small.shop.ask(GetProducts(which=which), actor=CLERK)).data) == 1
        with pytest.raises(ProductNotFound):
            await small.shop.ask(GetAvailability(product_id=product_id), actor=GUEST)

    async def test_prices_are_in_the_currency_asked_for(self, small: SmallShop) -> None:
        await small.product(price=1999)
        [euros] = (await small.shop.ask(GetProducts(), actor=GUEST)).data
        [dollars] = (await small.shop.ask(GetProducts(currency="USD"), actor=GUEST)).data
        assert (euros.price_from, dollars.price_from) == (eur(1999), Money(2199, "USD"))
        view = await small.shop.ask(GetProduct(id_or_slug="linen-shirt", currency="USD"), actor=GUEST)
        assert view.price_from == Money(2199, "USD")

    async def test_availability_never_says_how_many(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        view = await small.shop.ask(GetAvailability(product_id=product_id), actor=GUEST)
        assert [(v.sku, v.status) for v in view.variants] == [("shirt-S", "low_stock"), ("shirt-M", "out_of_stock")]

    async def test_what_changes_the_catalogue_makes_remembered_answers_be_forgotten(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        await small.shop.execute(UpdateProduct(product_id=product_id, title="New"))
        await small.shop.execute(ArchiveProduct(product_id=product_id))
        await small.shop.execute(CreateCategory(slug="tops", name="Tops"))
        for _ in range(3):  # of one subject one at a time
            await small.deliver()
        assert set(small.cache.dropped) == {"catalog"}
        assert len(small.cache.dropped) == 4


class TestVariants:
    async def test_a_variant_is_added_with_its_new_option_value_and_stock(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        variant_id = await small.shop.execute(
            AddVariant(product_id=product_id, variant=NewVariant(sku="shirt-L", options=("L",), stock=2))
        )
        product = await read(small, product_id)
        assert product.options == (Option(name="Size", values=("S", "M", "L")),)
        assert product.variant(variant_id).sku == "shirt-L"
        assert (await small.level(variant_id)).on_hand == 2

    async def test_a_variant_like_another_or_with_too_few_options_is_refused(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        with pytest.raises(VariantsAlike):
            await small.shop.execute(AddVariant(product_id=product_id, variant=NewVariant(options=("S",))))
        with pytest.raises(Invalid):
            await small.shop.execute(AddVariant(product_id=product_id, variant=NewVariant()))

    async def test_a_variant_is_changed(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        variant = (await read(small, product_id)).variants[0]
        await small.shop.execute(
            UpdateVariant(
                product_id=product_id,
                variant_id=variant.id,
                expected_version=1,
                options=("XS",),
                prices=(Price(amount=eur(900)),),
                backorder_limit=7,
            )
        )
        product = await read(small, product_id)
        assert product.options[0].values == ("S", "M", "XS")
        assert product.variants[0].price_in("EUR") == Price(amount=eur(900))
        assert (await small.level(variant.id)).backorder_limit == 7
        with pytest.raises(VersionDiffers):
            await small.shop.execute(
                UpdateVariant(product_id=product_id, variant_id=variant.id, expected_version=1, sku="x")
            )

    async def test_a_variant_that_begins_to_be_counted_gets_a_level(self, small: SmallShop) -> None:
        book = await small.product("book", tracked=False, stock=None)
        async with small.storage.uow(small.context()) as tx:
            product = await tx.products.find_by_variant(book)
            assert await tx.stock.levels([book]) == []
        assert product is not None
        await small.shop.execute(UpdateVariant(product_id=product.id, variant_id=book, tracked=True))
        assert (await small.level(book)).on_hand == 0

    async def test_an_archived_variant_is_off_sale(self, small: SmallShop) -> None:
        product_id = await shirt(small)
        variant = (await read(small, product_id)).variants[0]
        archive = ArchiveVariant(product_id=product_id, variant_id=variant.id, expected_version=1)
        await small.shop.execute(archive)
        with pytest.raises(VersionDiffers):
            await small.shop.execute(archive)
        view = await small.shop.ask(GetProduct(id_or_slug=product_id, expand=frozenset({"variants"})))
        assert view.price_from == eur(1200)
        with pytest.raises(VariantNotFound):
            await small.shop.execute(ArchiveVariant(product_id=product_id, variant_id=VariantId(UUID(int=1))))


async def test_a_variant_off_sale_is_there_for_staff_only(small: SmallShop) -> None:
    await small.product("mug")
    [mug] = (await small.shop.ask(GetProducts())).data
    expand = frozenset({"variants"})
    [only] = (await small.shop.ask(GetProduct(id_or_slug="mug", expand=expand))).variants or []
    await small.shop.execute(ArchiveVariant(product_id=mug.id, variant_id=only.id), actor=STAFF)
    added = await small.shop.execute(AddVariant(product_id=mug.id, variant=NewVariant(sku="MUG-2")), actor=STAFF)
    for actor, seen in ((GUEST, {added}), (STAFF, {added, only.id})):
        one = await small.shop.ask(GetProduct(id_or_slug="mug", expand=expand), actor=actor)
        [listed] = (await small.shop.ask(GetProducts(expand=expand), actor=actor)).data
        assert {v.id for v in one.variants or []} == {v.id for v in listed.variants or []} == seen


class TestCategories:
    async def test_the_tree_is_read_whole_or_by_branch(self, small: SmallShop) -> None:
        wear = await small.shop.execute(CreateCategory(slug="wear", name="Wear"))
        tops = await small.shop.execute(CreateCategory(slug="tops", name="Tops", parent_id=wear))
        home = await small.shop.execute(CreateCategory(slug="home", name="Home", position=-1))
        tree = await small.shop.ask(GetCategories(), actor=GUEST)
        assert [category.id for category in tree] == [home, wear]
        assert [child.id for child in tree[1].children or []] == [tops]
        assert [c.id for c in await small.shop.ask(GetCategories(parent=wear))] == [tops]
        view = await small.shop.ask(GetCategory(id_or_slug="tops", expand=frozenset({"ancestors"})))
        assert [ancestor.id for ancestor in view.ancestors or []] == [wear]

    async def test_a_category_is_renamed_and_moved(self, small: SmallShop) -> None:
        wear = await small.shop.execute(CreateCategory(slug="wear", name="Wear"))
        tops = await small.shop.execute(CreateCategory(slug="tops", name="Tops"))
        await small.shop.execute(UpdateCategory(category_id=tops, expected_version=1, name="Shirts", parent_id=wear))
        view = await small.shop.ask(GetCategory(id_or_slug=tops))
        assert (view.name, view.parent_id, view.version) == ("Shirts", wear, 2)
        with pytest.raises(CategoryLoops):
            await small.shop.execute(UpdateCategory(category_id=wear, parent_id=tops))
        await small.shop.execute(UpdateCategory(category_id=tops, to_top=True))
        assert (await small.shop.ask(GetCategory(id_or_slug=tops))).parent_id is None
        with pytest.raises(VersionDiffers):
            await small.shop.execute(UpdateCategory(category_id=tops, expected_version=1, name="Late"))
        with pytest.raises(SlugTaken):
            await small.shop.execute(UpdateCategory(category_id=tops, slug="wear"))
        with pytest.raises(CategoryNotFound):
            await small.shop.execute(CreateCategory(slug="x", name="X", parent_id=CategoryId(UUID(int=1))))

    async def test_a_tree_that_is_moved_stays_within_the_depth(self, small: SmallShop) -> None:
        chains: list[list[CategoryId]] = []
        for name, length in (("deep", DEPTH_MAX - 2), ("low", 3)):
            chain: list[CategoryId] = []
            for level in range(length):
                parent = chain[-1] if chain else None
                create = CreateCategory(slug=f"{name}-{level}", name=name, parent_id=parent)
                chain.append(await small.shop.execute(create))
            chains.append(chain)
        deep, low = chains
        with pytest.raises(Invalid, match="levels deep"):
            await small.shop.execute(UpdateCategory(category_id=low[0], parent_id=deep[-1]))
        await small.shop.execute(UpdateCategory(category_id=low[0], parent_id=deep[-2]))

    async def test_products_and_children_survive_their_category(self, small: SmallShop) -> None:
        wear = await small.shop.execute(CreateCategory(slug="wear", name="Wear"))
        tops = await small.shop.execute(CreateCategory(slug="tops", name="Tops", parent_id=wear))
        product_id = await small.shop.execute(CreateProduct(slug="a", title="A", category_ids=(wear, tops)))
        with pytest.raises(VersionDiffers):
            await small.shop.execute(DeleteCategory(category_id=wear, expected_version=9))
        await small.shop.execute(DeleteCategory(category_id=wear, expected_version=1))
        with pytest.raises(CategoryNotFound):
            await small.shop.ask(GetCategory(id_or_slug="wear"))
        assert (await small.shop.ask(GetCategory(id_or_slug="tops"))).parent_id is None
        assert tops in (await read(small, product_id)).category_ids
