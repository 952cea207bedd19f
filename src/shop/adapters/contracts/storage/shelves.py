"""What shoppers find: filters, search, branches, sorting by price, availability, and the tree."""

from datetime import datetime, timedelta, timezone

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import ProductFilter, TimeRange
from shop.application.ports.views import CategoryView, ProductView
from shop.domain.catalog import Category, CategoryNotFound, Price, Product, ProductNotFound, ProductStatus
from shop.domain.kernel.identifiers import CategoryId, ProductId
from shop.domain.kernel.money import Money

ACTIVE = frozenset({ProductStatus.ACTIVE})
EVERY = frozenset(ProductStatus)


class ShelfPromises(StoragePromises):
    """The promises of `CatalogReader`."""

    @alone
    async def test_a_product_is_shown_whole(self, bench: Bench) -> None:
        category = bench.samples.category()
        await bench.save(category)
        product = bench.samples.rich_product(category_ids=(category.id,))
        await bench.save(product)
        view = await bench.readers.catalog.product(
            product.slug, currency="EUR", statuses=ACTIVE, expand=frozenset({"variants", "categories"})
        )
        _shows(view, product)
        assert view.variants is not None
        assert view.categories is not None
        first, second = view.variants
        assert (first.title, first.price, first.compare_at) == ("M / blue", eur(1190), eur(1500))
        assert first.prices == [eur(1190), Money(1300, "USD")]
        assert (first.weight_grams, first.tax_class, first.tracked, first.barcode) == (
            230,
            "reduced",
            False,
            "4006381333931",
        )
        assert (first.product_id, first.metadata) == (product.id, {"shelf": "9¾"})
        assert (second.sku, second.price, second.prices, second.archived) == ("", None, [], True)
        assert [(c.id, c.slug, c.children, c.ancestors) for c in view.categories] == [
            (category.id, category.slug, None, None)
        ]

    @alone
    async def test_a_product_is_found_by_id_and_slug_in_its_status_only(self, bench: Bench) -> None:
        draft = bench.samples.product(status=ProductStatus.DRAFT)
        await bench.save(draft)
        catalog = bench.readers.catalog
        assert (await catalog.product(draft.id, currency="EUR", statuses=EVERY)).id == draft.id
        assert (await catalog.product(draft.slug, currency="EUR", statuses=EVERY)).variants is None
        unknown: list[ProductId | str] = [draft.id, draft.slug]
        for id_or_slug in unknown:
            with pytest.raises(ProductNotFound):
                await catalog.product(id_or_slug, currency="EUR", statuses=ACTIVE)
        unknown = [bench.samples.new(ProductId), "nothing", ""]
        for id_or_slug in unknown:
            with pytest.raises(ProductNotFound):
                await catalog.product(id_or_slug, currency="EUR", statuses=EVERY)

    @alone
    async def test_prices_span_the_live_variants_in_the_currency_asked_for(self, bench: Bench) -> None:
        product = _priced(bench, 500, 300, 900, archived=100)
        await bench.save(product)
        catalog = bench.readers.catalog
        view = await catalog.product(product.id, currency="EUR", statuses=ACTIVE)
        assert (view.price_from, view.price_to) == (eur(300), eur(900))
        view = await catalog.product(product.id, currency="JPY", statuses=ACTIVE)
        assert (view.price_from, view.price_to) == (None, None)

    @alone
    async def test_each_filter_narrows(self, bench: Bench) -> None:
        wanted = bench.samples.product(
            title="Blue Ärmel",
            vendor="Nähstube",
            tags=("summer", "linen"),
            metadata={"season": "summer", "x": "1"},
            at=bench.later(60),
            variants=(bench.samples.variant(sku="A-1"), bench.samples.variant(sku="A-2", archived=True)),
        )
        draft = bench.samples.product(status=ProductStatus.DRAFT)
        await bench.save(wanted, bench.samples.product(), draft)
        for which in (
            ProductFilter(tag="linen"),
            ProductFilter(vendor="Nähstube"),
            ProductFilter(sku="A-2"),
            ProductFilter(metadata={"season": "summer"}),
            ProductFilter(metadata={"season": "summer", "x": "1"}, tag="summer"),
            ProductFilter(ids=(draft.id, wanted.id)),
            ProductFilter(created_at=TimeRange(gt=bench.now)),
            ProductFilter(created_at=TimeRange(gte=bench.later(60), lte=bench.later(60))),
            ProductFilter(words="blue"),
        ):
            assert await _ids(bench, which) == [wanted.id], which
        for which in (
            ProductFilter(tag="line"),
            ProductFilter(vendor="nähstube"),
            ProductFilter(sku="A"),
            ProductFilter(metadata={"season": "winter"}),
            ProductFilter(metadata={"season": "summer", "y": "1"}),
            ProductFilter(ids=(draft.id,)),
            ProductFilter(created_at=TimeRange(gt=bench.later(60))),
            ProductFilter(created_at=TimeRange(lt=bench.now)),
            ProductFilter(tag="linen", vendor="Another"),
        ):
            assert await _ids(bench, which) == [], which
        assert await _ids(bench, ProductFilter(statuses=frozenset({ProductStatus.DRAFT}))) == [draft.id]
        assert len(await _ids(bench, ProductFilter(statuses=EVERY))) == 3
        assert len(await _ids(bench, ProductFilter(statuses=frozenset()))) == 3

    @alone
    async def test_times_are_told_apart_by_microseconds(self, bench: Bench) -> None:
        early = bench.samples.product()
        late = bench.samples.product(at=bench.now + timedelta(microseconds=1))
        await bench.save(early, late)
        assert await _ids(bench, ProductFilter(created_at=TimeRange(gt=bench.now))) == [late.id]
        assert await _ids(bench, ProductFilter(created_at=TimeRange(lte=bench.now))) == [early.id]
        last = datetime.max.replace(tzinfo=timezone(timedelta(hours=14)))
        assert await _ids(bench, ProductFilter(created_at=TimeRange(gt=last))) == []
        assert await _ids(bench, ProductFilter(created_at=TimeRange(lte=last))) == [late.id, early.id]
        assert await _ids(bench, ProductFilter()) == [late.id, early.id]

    @alone
    async def test_search_finds_beginnings_of_words_without_case_and_accents(self, bench: Bench) -> None:
        shirt = bench.samples.product(
            title="Café-Hemd “Öresund”",
            vendor="Straßenmode",
            tags=("sommer",),
            description="Aus gewaschenem Leinen.",
            variants=(bench.samples.variant(sku="HB-77_XL"),),
        )
        await bench.save(shirt, bench.samples.product(title="Mug"))
        for words in (
            "hemd",
            "HEMD cafe",
            "öre",
            "ores",
            "strasse",
            "somm lein",
            "hb 77",
            "HB-77",
            "xl",
            "gewaschenem!",
            " cafe ",
        ):
            assert await _ids(bench, ProductFilter(words=words)) == [shirt.id], words
        for words in ("emd", "hemd mug", "hemden", "%", "hemd%", "'", "7_Y", "_", "& | !", '"hemd'):
            found = [shirt.id] if words in ("hemd%", '"hemd') else []
            assert await _ids(bench, ProductFilter(words=words)) == found, words

    @alone
    async def test_search_follows_what_is_changed(self, bench: Bench) -> None:
        product = bench.samples.product(title="Mug")
        await bench.save(product)
        product.change(bench.later(1), title="Plate")
        await bench.save(product)
        assert await _ids(bench, ProductFilter(words="mug")) == []
        assert await _ids(bench, ProductFilter(words="plate")) == [product.id]

    @alone
    async def test_a_category_means_its_whole_branch(self, bench: Bench) -> None:
        top, beside = bench.samples.category(), bench.samples.category()
        low = bench.samples.category(parent_id=top.id)
        await bench.save(top, beside, low)
        deep, other = (
            bench.samples.product(category_ids=(low.id, top.id)),
            bench.samples.product(category_ids=(beside.id,)),
        )
        await bench.save(deep, other)
        for category in (top.slug, str(top.id), low.slug, str(low.id)):
            assert await _ids(bench, ProductFilter(category=category)) == [deep.id], category
        assert await _ids(bench, ProductFilter(category=str(beside.id))) == [other.id]
        for category in ("nothing", str(bench.samples.new(CategoryId)), str(bench.samples.new(ProductId)), "cat_"):
            assert await _ids(bench, ProductFilter(category=category)) == [], category

    @alone
    async def test_lists_expand_what_is_asked_for(self, bench: Bench) -> None:
        category = bench.samples.category()
        await bench.save(category)
        products = [bench.samples.product(category_ids=(category.id,)) for _ in range(3)]
        await bench.save(*products, bench.samples.product(variants=()))
        page = await bench.readers.catalog.products(
            ProductFilter(), PageRequest(), currency="EUR", expand=frozenset({"variants", "categories"})
        )
        by_id = {view.id: view for view in page.data}
        for product in products:
            view = by_id[product.id]
            assert [variant.id for variant in view.variants or []] == [product.variants[0].id]
            assert [each.id for each in view.categories or []] == [category.id]
        page = await bench.readers.catalog.products(ProductFilter(), PageRequest(), currency="EUR")
        assert [(view.variants, view.categories) for view in page.data] == [(None, None)] * 4

    @alone
    async def test_price_sorts_by_the_lowest_live_price_and_priceless_as_dearest(self, bench: Bench) -> None:
        cheap, dear = _priced(bench, 900, 200, archived=1), _priced(bench, 500)
        foreign = bench.samples.product(variants=(bench.samples.variant(prices=(Price(amount=Money(1, "USD")),)),))
        await bench.save(cheap, dear, foreign)
        assert await _ids(bench, ProductFilter(), sort=("price",)) == [cheap.id, dear.id, foreign.id]
        assert await _ids(bench, ProductFilter(), sort=("-price",)) == [foreign.id, dear.id, cheap.id]

    @alone
    async def test_availability_says_whether_and_never_how_many(self, bench: Bench) -> None:
        near, far = bench.samples.location(), bench.samples.location(priority=1)
        counts = {"plenty": (3, 2, 0), "few": (2, 1, 0), "backorder": (0, 0, 2), "gone": (0, 0, 0)}
        variants = {name: bench.samples.variant(sku=name) for name in (*counts, "uncounted")}
        untracked = bench.samples.variant(sku="untracked", tracked=False)
        archived = bench.samples.variant(sku="archived", archived=True)
        await bench.save(near, far)
        products = [bench.samples.product(variants=(v,)) for v in (*variants.values(), untracked, archived)]
        await bench.save(*products)
        for name, (here, there, backorder) in counts.items():
            await bench.stock(variants[name].id, near.id, here, backorder_limit=backorder)
            await bench.stock(variants[name].id, far.id, there)
        told = {}
        for product in products:
            view = await bench.readers.catalog.availability(product.id)
            assert view.product_id == product.id
            told.update({variant.sku: variant.status for variant in view.variants})
        assert told == {
            "plenty": "in_stock",
            "few": "low_stock",
            "backorder": "backorder",
            "gone": "out_of_stock",
            "uncounted": "out_of_stock",
            "untracked": "in_stock",
        }
        few = await bench.readers.catalog.availability(products[1].id, low_below=3)
        assert [variant.status for variant in few.variants] == ["in_stock"]

    @alone
    async def test_only_active_products_are_available(self, bench: Bench) -> None:
        draft = bench.samples.product(status=ProductStatus.DRAFT)
        await bench.save(draft)
        for product_id in (draft.id, bench.samples.new(ProductId)):
            with pytest.raises(ProductNotFound):
                await bench.readers.catalog.availability(product_id)

    @alone
    async def test_the_tree_is_in_order_of_position_and_name(self, bench: Bench) -> None:
        top, other = bench.samples.category(name="B", position=1), bench.samples.category(name="A", position=1)
        first = bench.samples.category(name="Z", position=0)
        low = bench.samples.category(name="low", parent_id=top.id)
        lowest = bench.samples.category(name="lowest", parent_id=low.id)
        await bench.save(top, other, first, low, lowest)
        tree = await bench.readers.catalog.categories()
        assert _outline(tree) == [("Z", []), ("A", []), ("B", [("low", [("lowest", [])])])]
        assert _outline(await bench.readers.catalog.categories(top.id)) == [("low", [("lowest", [])])]
        assert await bench.readers.catalog.categories(lowest.id) == []

    @alone
    async def test_a_category_is_shown_with_what_is_asked_for(self, bench: Bench) -> None:
        top = bench.samples.category()
        middle = bench.samples.category(parent_id=top.id, metadata={"a": "b"}, description="All of it")
        low = bench.samples.category(parent_id=middle.id)
        await bench.save(top, middle, low)
        catalog = bench.readers.catalog
        plain = await catalog.category(middle.slug)
        _shows_category(plain, middle)
        assert (plain.ancestors, plain.children) == (None, None)
        whole = await catalog.category(middle.id, expand=frozenset({"ancestors", "children"}))
        assert [each.id for each in whole.ancestors or []] == [top.id]
        assert _outline(whole.children or []) == [(low.name, [])]
        for id_or_slug in (bench.samples.new(CategoryId), "nothing"):
            with pytest.raises(CategoryNotFound):
                await catalog.category(id_or_slug)


async def _ids(bench: Bench, which: ProductFilter, sort: tuple[str, ...] = ()) -> list[ProductId]:
    page = await bench.readers.catalog.products(which, PageRequest(sort=sort, total=True), currency="EUR")
    assert page.total == len(page.data)
    return [view.id for view in page.data]


def _priced(bench: Bench, *amounts: int, archived: int | None = None) -> Product:
    variants = [bench.samples.variant(options=(str(a),), prices=(Price(amount=eur(a)),)) for a in amounts]
    if archived is not None:
        price = Price(amount=eur(archived))
        variants.append(bench.samples.variant(options=("0",), prices=(price,), archived=True))
    values = tuple(dict.fromkeys(variant.options[0] for variant in variants))
    option = bench.samples.rich_product().options[0]
    return bench.samples.product(options=(type(option)(name="Size", values=values),), variants=tuple(variants))


def _shows(view: ProductView, product: Product) -> None:
    for name in (
        "id",
        "slug",
        "title",
        "description",
        "vendor",
        "status",
        "tags",
        "category_ids",
        "seo_title",
        "seo_description",
        "metadata",
        "created_at",
        "updated_at",
        "version",
    ):
        assert getattr(view, name) == getattr(product, name), name
    assert (view.media, view.options) == (product.media, product.options)


def _shows_category(view: CategoryView, category: Category) -> None:
    for name in (
        "id",
        "slug",
        "name",
        "description",
        "parent_id",
        "position",
        "seo_title",
        "seo_description",
        "metadata",
        "created_at",
        "updated_at",
        "version",
    ):
        assert getattr(view, name) == getattr(category, name), name


def _outline(tree: list[CategoryView]) -> list[object]:
    return [(node.name, _outline(node.children or [])) for node in tree]
