"""Lists of products: the same as in memory whatever is asked, in one round trip, along an index."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.contracts.samples import CountedIds
from shop.adapters.contracts.storage.subject import Bench, walk
from shop.adapters.memory.storage import MemoryStorage
from shop.adapters.sql.database import Database
from shop.adapters.sql.readers import paging, products
from shop.application.ports.paging import CursorMalformed, Page, PageRequest, encode_cursor
from shop.application.ports.readers import ProductFilter, TimeRange
from shop.application.ports.views import ProductView
from shop.domain.catalog import Product, ProductNotFound, ProductStatus
from shop.domain.kernel.identifiers import CategoryId
from tests.adapters.sql.readings import WORDS, CountingDatabase, assorted_products, bench_on

ALL = frozenset(ProductStatus)
EVERY_SORT = [(), *[(s + k,) for k in ("created_at", "updated_at", "title", "price") for s in ("", "-")]]
MIXED_SORTS = [("-price", "title"), ("title", "-created_at"), ("-title", "price", "-updated_at"), ("price", "price")]


@pytest.fixture
async def counting(database: Database) -> CountingDatabase:
    return CountingDatabase(database)


@pytest.fixture
async def bench(counting: CountingDatabase) -> AsyncIterator[Bench]:
    async with bench_on(counting) as bench:
        yield bench


@pytest.fixture(params=[1_500, 2])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Statements that take the way for few products, and such that find many everywhere."""
    monkeypatch.setattr(paging, "FEW", request.param)
    products.products_page.cache_clear()
    yield request.param
    products.products_page.cache_clear()


async def stocked_shelves(bench: Bench, count: int, seed: int) -> tuple[list[CategoryId], list[Product]]:
    """A branch of three categories with another beside it, and assorted products."""
    root = bench.samples.category(slug="root")
    beside = bench.samples.category(slug="beside")
    await bench.save(root, beside)
    child = bench.samples.category(slug="child", parent_id=root.id)
    await bench.save(child)
    leaf = bench.samples.category(slug="leaf", parent_id=child.id)
    await bench.save(leaf)
    shelves = [root.id, child.id, leaf.id, beside.id]
    made = assorted_products(bench.samples, shelves, count, seed)
    for product in made:
        await bench.save(product)
    return shelves, made


async def listed(bench: Bench, which: ProductFilter, page: PageRequest) -> Page[ProductView]:
    return await bench.readers.catalog.products(which, page, currency="EUR")


async def test_every_question_is_answered_as_memory_answers_it(bench: Bench, few: int) -> None:
    memory = Bench(MemoryStorage(ids := CountedIds()), ids)
    shelves, made = await stocked_shelves(bench, 40, seed=7)
    assert (await stocked_shelves(memory, 40, seed=7))[0] == shelves
    random = Random(11)
    for _ in range(120):
        which = random_question(random, shelves, made)
        page = PageRequest(limit=random.choice((1, 3, 20)), sort=random.choice(EVERY_SORT + MIXED_SORTS), total=True)
        after: tuple[str | None, str | None] = (None, None)
        while True:
            here = await listed(bench, which, evolve(page, after=after[0]))
            there = await listed(memory, which, evolve(page, after=after[1]))
            assert here.data == there.data, (which, page)
            assert (here.total, here.next is None) == (there.total, there.next is None), (which, page)
            after = here.next, there.next
            if here.next is None or not random.randrange(3):
                break


def random_question(random: Random, shelves: list[CategoryId], made: list[Product]) -> ProductFilter:
    some = random.choice(made)
    moment = some.created_at
    parts: dict[str, list[Any]] = {
        "words": ["", *WORDS, "lin", "shirt x", "ÉT", "o'", "snake case"],
        "category": ["root", "child", "leaf", "beside", "nowhere", str(shelves[1]), "cat_1"],
        "tag": ["summer", "100%", "a_b", 'q"t', "ab", "%"],
        "vendor": ["Weber", "weber", "Nähstube"],
        "sku": [some.variants[0].sku, "SKU-%"],
        "ids": [(some.id,), tuple(product.id for product in made[::3])],
        "metadata": [{"season": "summer"}, {"season": ""}, {"k'": "v\\"}, {"k'": "v"}],
        "created_at": [
            TimeRange(gt=moment),
            TimeRange(lte=moment),
            TimeRange(gte=moment, lt=moment + timedelta(seconds=1)),
        ],
    }
    chosen = random.sample(sorted(parts), random.randrange(4))
    statuses = random.choice(
        [frozenset({ProductStatus.ACTIVE}), ALL, frozenset(), frozenset({ProductStatus.DRAFT, ProductStatus.ARCHIVED})]
    )
    return ProductFilter(statuses=statuses, **{name: random.choice(parts[name]) for name in chosen})


@pytest.mark.parametrize("sort", EVERY_SORT + MIXED_SORTS)
async def test_equal_sort_values_neither_repeat_nor_lose_entries(bench: Bench, sort: tuple[str, ...]) -> None:
    made = [bench.samples.product(title="Same", variants=()) for _ in range(7)]
    await bench.save(*made)
    seen = await walk(lambda page: listed(bench, ProductFilter(), page), 2, sort)
    descending = not sort or sort[0].startswith("-")
    ids = sorted((product.id for product in made), reverse=descending)
    assert [view.id for view in seen] == ids


async def test_entries_that_come_and_go_move_nothing(bench: Bench) -> None:
    made = [bench.samples.product(title=f"{n}") for n in range(5)]
    await bench.save(*made)
    first = await listed(bench, ProductFilter(), PageRequest(limit=2, sort=("title",)))
    await bench.save(bench.samples.product(title="0.5"))
    async with bench.transaction() as tx:
        last_shown = await tx.products.get(made[1].id)
        last_shown.move_to(ProductStatus.ARCHIVED, bench.now)
        tx.products.save(last_shown)
    second = await listed(bench, ProductFilter(), PageRequest(limit=2, sort=("title",), after=first.next))
    assert [view.title for view in second.data] == ["2", "3"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", True),
        (" \t", True),
        ("!!! % _ \\ ' \" & | : * ( )", False),
        ("linen%", True),
        ("l_nen", False),
        ("lin*", True),
        ("linen:*", True),
        ("linen' | 'nothing", False),
        ("linen & !shirt", True),
        ("linen OR nothing", False),
        ("NEAR(linen shirt)", False),
        ("-linen", True),
        ('"linen', True),
        ("linen\\", True),
        ("\x00linen", True),
        ("li\x00nen", False),
        ("\ud800linen", True),
        ("LINEN ŠHIRT", True),
        ("inen", False),
    ],
)
async def test_nothing_in_words_means_anything_to_the_database(bench: Bench, words: str, found: bool) -> None:
    await bench.save(bench.samples.product(title="Linen shirt"))
    page = await listed(bench, ProductFilter(words=words), PageRequest(total=True))
    assert (len(page.data), page.total) == (int(found), int(found))


@pytest.mark.parametrize("text", ["\x00", "a\x00", "\ud800", "%", "' OR 1=1 --", "\\"])
async def test_what_no_database_could_hold_is_not_found(bench: Bench, text: str) -> None:
    await bench.save(bench.samples.rich_product())
    narrowed: list[dict[str, Any]] = [{name: text} for name in ("category", "tag", "vendor", "sku")]
    for part in [*narrowed, {"metadata": {text: "x"}}, {"metadata": {"season": text}}]:
        page = await listed(bench, ProductFilter(**part), PageRequest(total=True))
        assert (page.data, page.next, page.total) == ([], None, 0)
    with pytest.raises(ProductNotFound):
        await bench.readers.catalog.product(text, currency="EUR", statuses=ALL)


@pytest.mark.parametrize(
    ("sort", "values"),
    [
        ((), ("2026", "0" * 32)),
        ((), (1, "no-id")),
        ((), (1, "0" * 31)),
        (("title",), (1, "0" * 32)),
        (("title",), ("\ud800", "0" * 32)),
        (("price",), ("1", "0" * 32)),
        (("price", "title"), (1, "0" * 32)),
    ],
)
async def test_cursors_of_other_lists_are_refused(
    bench: Bench, sort: tuple[str, ...], values: tuple[str | int, ...]
) -> None:
    for end in ("after", "before"):
        for cursor in (encode_cursor(*values), encode_cursor(*values, sort=sort)):
            with pytest.raises(CursorMalformed):
                await listed(bench, ProductFilter(), PageRequest(sort=sort, **{end: cursor}))  # type: ignore[arg-type]


@pytest.mark.parametrize("microseconds", [2**63 - 1, -(2**63) + 1, -(10**17)])
async def test_a_cursor_at_the_end_of_time_is_an_end_of_the_list(bench: Bench, microseconds: int) -> None:
    await bench.save(bench.samples.product())
    mark = encode_cursor(microseconds, "0" * 32)
    page = await listed(bench, ProductFilter(), PageRequest(after=mark))
    assert len(page.data) == (1 if microseconds > 0 else 0)


@pytest.mark.parametrize("count", [3, 30])
async def test_round_trips_do_not_grow_with_products(bench: Bench, counting: CountingDatabase, count: int) -> None:
    _, made = await stocked_shelves(bench, count, seed=3)
    catalog = bench.readers.catalog
    both = frozenset({"variants", "categories"})
    counting.round_trips()
    await listed(bench, ProductFilter(statuses=ALL), PageRequest())
    assert counting.round_trips() == 1
    await listed(bench, ProductFilter(words="l", category="root", tag="summer"), PageRequest(total=True))
    assert counting.round_trips() == 2
    await catalog.products(ProductFilter(statuses=ALL), PageRequest(), currency="EUR", expand=both)
    assert counting.round_trips() == 3
    await catalog.product(made[0].slug, currency="EUR", statuses=ALL)
    assert counting.round_trips() == 1
    await catalog.product(made[0].id, currency="EUR", statuses=ALL, expand=both)
    assert counting.round_trips() <= 3
    await catalog.categories()
    assert counting.round_trips() == 1
    await catalog.category("leaf", expand=frozenset({"ancestors", "children"}))
    assert counting.round_trips() == 2


async def test_statements_are_made_once_for_each_shape(bench: Bench, counting: CountingDatabase) -> None:
    await listed(bench, ProductFilter(words="linen", tag="a"), PageRequest(limit=7, sort=("title",)))
    await listed(bench, ProductFilter(words="shirt", tag="b"), PageRequest(limit=9, sort=("title",)))
    first, second = counting.asked
    assert first is second
