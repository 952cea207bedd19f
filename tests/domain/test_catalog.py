"""A product's parts fit together after every change, and a refused change leaves it as it was."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.catalog import (
    CATEGORIES_MAX,
    DEPTH_MAX,
    OPTION_VALUES_MAX,
    PRODUCT_ARROWS,
    VARIANTS_MAX,
    CategoryChanged,
    CategoryLoops,
    Media,
    Option,
    Price,
    Product,
    ProductArchived,
    ProductCreated,
    ProductStatus,
    ProductUpdated,
    SkuTaken,
    VariantNotFound,
    VariantsAlike,
    checked_slug,
)
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import CategoryId, VariantId
from shop.domain.kernel.money import CurrenciesDiffer, Money
from tests.domain.samples import NOW, a_category, a_product, a_variant, an, eur, later

SIZE = Option(name="Size", values=("S", "M", "L"))


def state_of(thing: Any) -> dict[str, Any]:
    return {each.name: getattr(thing, each.name) for each in attrs.fields(type(thing))}


def assert_sound(product: Product) -> None:
    """The rules of a product, said a second time."""
    assert checked_slug(product.slug)
    live = [variant for variant in product.variants if not variant.archived]
    assert len({variant.id for variant in product.variants}) == len(product.variants) <= VARIANTS_MAX
    assert len({variant.options for variant in live}) == len(live)
    for variant in live:
        assert len(variant.options) == len(product.options)
        assert all(value in option.values for option, value in zip(product.options, variant.options, strict=True))
    skus = [variant.sku for variant in product.variants if variant.sku]
    assert len(set(skus)) == len(skus)


variants = st.builds(
    a_variant,
    st.integers(1, 4),
    sku=st.sampled_from(["", "A", "B"]),
    options=st.sampled_from([(), ("S",), ("M",), ("XL",), ("S", "Red")]),
    archived=st.booleans(),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "slug": st.sampled_from(["linen", "linen-shirt", "Linen", "-", "a--b", ""]),
        "title": st.sampled_from(["Linen", "", " padded", "x" * 301]),
        "tags": st.sampled_from([(), ("new",), ("new", "new"), ("",), (" ",), ("x",) * 101]),
        "options": st.sampled_from([(), (SIZE,), (SIZE, SIZE), (SIZE, Option(name="Colour", values=("Red",)))]),
        "variants": st.lists(variants, max_size=3).map(tuple),
        "category_ids": st.sampled_from([(), (an(CategoryId),), (an(CategoryId),) * 2]),
    },
)
steps = st.one_of(
    st.tuples(st.just("change"), changes),
    st.tuples(st.just("add"), variants),
    st.tuples(st.just("change_variant"), st.tuples(st.integers(1, 5), st.sampled_from(["", "A", "B", "x" * 101]))),
    st.tuples(st.just("move"), st.sampled_from(ProductStatus)),
)


@given(st.lists(steps, max_size=12))
def test_no_sequence_of_changes_leaves_a_product_unsound(sequence: list[tuple[str, Any]]) -> None:
    product = a_product()
    product.take_events()
    for minute, (what, argument) in enumerate(sequence, start=1):
        before = state_of(product)
        try:
            if what == "change":
                product.change(later(minute), **argument)
            elif what == "add":
                product.add_variant(argument, later(minute))
            elif what == "change_variant":
                number, sku = argument
                product.change_variant(an(VariantId, number), later(minute), sku=sku)
            else:
                product.move_to(argument, later(minute))
        except ShopError:
            assert state_of(product) == before
            assert product.take_events() == []
        else:
            if state_of(product) != before:
                assert product.updated_at == later(minute)
                assert len(product.take_events()) == 1
        assert_sound(product)


@pytest.mark.parametrize("tag", ["", "  ", "x" * 101, "a\x00b"])
def test_a_tag_says_something(tag: str) -> None:
    with pytest.raises(Invalid):
        a_product(tags=(tag,))


def test_a_refused_sku_leaves_the_product_untouched() -> None:
    product = a_product(options=(SIZE,), variants=(a_variant(1, options=("S",)),))
    before = state_of(product)
    with pytest.raises(SkuTaken):
        product.add_variant(a_variant(2, options=("M",), sku=" SKU-1 "), later())
    assert state_of(product) == before


def test_a_new_product_is_a_draft_and_says_so_once() -> None:
    product = a_product()
    [event] = product.take_events()
    assert product.status is ProductStatus.DRAFT
    assert isinstance(event, ProductCreated)
    assert (event.subject, event.at) == (product.id, NOW)


def test_archiving_is_an_event_of_its_own_and_staying_is_none() -> None:
    product = a_product()
    product.take_events()
    for status in (ProductStatus.ACTIVE, ProductStatus.ACTIVE, ProductStatus.ARCHIVED, ProductStatus.DRAFT):
        product.move_to(status, later())
    events = product.take_events()
    assert [type(event) for event in events] == [ProductUpdated, ProductArchived, ProductUpdated]
    assert {event.subject for event in events} == {product.id}
    assert all(status not in targets for status, targets in PRODUCT_ARROWS.items())


def test_variants_are_found_changed_and_archived() -> None:
    product = a_product(options=(SIZE,), variants=(a_variant(1, options=("S",)), a_variant(2, options=("M",))))
    changed = product.change_variant(an(VariantId, 2), later(), archived=True)
    assert product.variant(an(VariantId, 2)) is changed
    assert product.live_variants == (product.variant(an(VariantId, 1)),)
    product.add_variant(a_variant(3, options=("M",)), later())
    with pytest.raises(VariantNotFound):
        product.change_variant(an(VariantId, 9), later(), sku="X")
    with pytest.raises(VariantsAlike):
        product.change_variant(an(VariantId, 2), later(), archived=False)


@pytest.mark.parametrize(
    "parts",
    [
        {"variants": tuple(a_variant(n, archived=True) for n in range(VARIANTS_MAX + 1))},
        {"options": tuple(Option(name=str(n), values=("1",)) for n in range(6))},
        {"media": tuple(Media(url="https://shop.example/1.jpg") for _ in range(101))},
        {"tags": tuple(str(n) for n in range(101))},
        {"category_ids": tuple(an(CategoryId, n) for n in range(CATEGORIES_MAX + 1))},
        {"tags": ("x" * 101,)},
        {"variants": (a_variant(1, archived=True), a_variant(1, sku="B"))},
        {"variants": (a_variant(1, options=("S",)),)},
        {"options": (SIZE,), "variants": (a_variant(1, options=("XXL",)),)},
    ],
    ids=str,
)
def test_a_product_has_bounds(parts: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        a_product(**parts)


@pytest.mark.parametrize(
    "values", [("S", "S"), ("",), ("x" * 101,), ("\x00",), tuple(map(str, range(OPTION_VALUES_MAX + 1)))], ids=len
)
def test_values_of_an_option_are_few_and_unique(values: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        Option(name="Size", values=values)


def test_a_price_is_not_negative_nor_above_what_it_is_compared_with() -> None:
    assert Price(amount=eur(0), compare_at=eur(0)).amount == eur(0)
    for amount, compare_at in ((eur(-1), None), (eur(2), eur(1))):
        with pytest.raises(Invalid):
            Price(amount=amount, compare_at=compare_at)
    with pytest.raises(CurrenciesDiffer):
        Price(amount=eur(1), compare_at=Money(2, "USD"))


def test_a_variant_has_one_price_per_currency_and_a_title_of_its_options() -> None:
    dollars = Price(amount=Money(2199, "USD"))
    variant = a_variant(options=("M", "Blue"), prices=(Price(amount=eur(1)), dollars))
    assert variant.title == "M / Blue"
    assert variant.price_in("USD") is dollars
    assert variant.price_in("JPY") is None
    with pytest.raises(Invalid):
        a_variant(prices=(dollars, dollars))


@pytest.mark.parametrize(
    "flaw",
    [{"weight_grams": -1}, {"weight_grams": 10**8 + 1}, {"backorder_limit": -1}, {"backorder_limit": 10**6 + 1}],
    ids=str,
)
def test_weight_and_backorders_have_bounds(flaw: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        a_variant(**flaw)


@pytest.mark.parametrize("slug", ["", "A", "a b", "a--b", "-a", "a-", "ä", "a\n", "a" * 201, "a_b"])
def test_slugs_are_lower_case_words(slug: str) -> None:
    assert checked_slug("linen-shirt-2") == "linen-shirt-2"
    for make in (a_product, a_category):
        with pytest.raises(Invalid):
            make(slug=slug)


def test_a_category_changes_whole_or_not_at_all() -> None:
    category = a_category()
    [event] = category.take_events()
    assert isinstance(event, CategoryChanged)
    assert event.subject == category.id
    before = state_of(category)
    with pytest.raises(Invalid):
        category.change(later(), name="Shirts", slug="No Slug")
    assert state_of(category) == before
    category.change(later(), name="Shirts")
    assert (category.name, category.updated_at) == ("Shirts", later())
    assert len(category.take_events()) == 1


def test_a_category_hangs_below_the_last_of_its_path() -> None:
    category = a_category(3)
    category.hang_below([an(CategoryId, 1), an(CategoryId, 2)], later())
    assert category.parent_id == an(CategoryId, 2)
    category.hang_below([], later())
    assert category.parent_id is None


@given(st.permutations(range(1, 6)), st.integers(0, 4))
def test_a_category_never_hangs_below_itself(numbers: list[int], mine: int) -> None:
    category = a_category(numbers[mine])
    path = [an(CategoryId, number) for number in numbers]
    with pytest.raises(CategoryLoops):
        category.hang_below(path, later())
    assert category.parent_id is None


def test_the_tree_has_a_depth() -> None:
    category = a_category(99)
    category.hang_below([an(CategoryId, n) for n in range(DEPTH_MAX - 1)], later())
    with pytest.raises(Invalid, match="levels"):
        category.hang_below([an(CategoryId, n) for n in range(DEPTH_MAX)], later())


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "file:///etc/passwd", "java\nscript:x"]
)
def test_pictures_are_on_the_web(url: str) -> None:
    with pytest.raises(Invalid):
        a_product(media=(Media(url=url),))
    product = a_product()
    with pytest.raises(Invalid):
        product.change(later(), media=(Media(url="/1.jpg"), Media(url=url)))
    assert product.media == ()


@pytest.mark.parametrize(
    "url", ["https://shop.example/1 b.jpg", "HTTP://shop.example/1", "//cdn.example/1", "/1.jpg", "a/b:c.jpg"]
)
def test_addresses_of_pictures_may_be_relative(url: str) -> None:
    assert a_product(media=(Media(url=url),)).media[0].url == url
