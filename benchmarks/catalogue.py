"""A catalogue of any size in a few seconds: rows by bulk SQL, ids and stock that follow from plain numbers."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

import asyncpg
from attrs import frozen

from shop.domain.kernel.identifiers import LocationId, ProductId, VariantId
from shop.entrypoints.database import upgrade
from shop.entrypoints.demo.seed import configuration
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings

VARIANTS = 4
ON_HAND = 1_000_000
FILLED = "locations, products, variants, variant_prices, stock_levels, stock_movements"
OPENED = datetime(2026, 1, 5, tzinfo=UTC)
LOCATION = LocationId(UUID("01970000-0000-7000-a000-000000000001"))
_PRODUCT, _VARIANT = "01970000-0000-7000-8000-", "01970000-0000-7000-9000-"

# Forty words, each in one product of forty: a word that many have. A word that twenty have is `serie7`.
NOUNS = [
    "shirt",
    "jacket",
    "scarf",
    "lamp",
    "chair",
    "table",
    "kettle",
    "bowl",
    "carpet",
    "mirror",
    "basket",
    "candle",
    "blanket",
    "pillow",
    "clock",
    "vase",
    "shelf",
    "bench",
    "stool",
    "curtain",
    "mug",
    "plate",
    "glass",
    "towel",
    "apron",
    "poncho",
    "sweater",
    "dress",
    "skirt",
    "belt",
    "wallet",
    "backpack",
    "satchel",
    "umbrella",
    "boots",
    "sandals",
    "gloves",
    "socks",
    "hat",
    "robe",
]
_MATERIALS = [
    "linen",
    "wool",
    "cotton",
    "oak",
    "ash",
    "steel",
    "brass",
    "clay",
    "glazed",
    "woven",
    "felted",
    "knitted",
    "silk",
    "leather",
    "cork",
    "bamboo",
]

_SQL = """
CREATE FUNCTION pg_temp.id(head text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (head || lpad(to_hex(n), 12, '0'))::uuid $$;

INSERT INTO locations (id, name, country, priority, created_at, version)
VALUES ('{location}', 'Berlin', 'DE', 1, '{opened}', 1);

INSERT INTO products (id, slug, title, description, vendor, status, tags, seo_title, seo_description, media, options,
    metadata, created_at, updated_at, version, search_text, price_ranges, price_from_minor)
SELECT pg_temp.id('{product}', n), material || '-' || noun || '-' || n, initcap(material || ' ' || noun) || ' ' || n,
    description, vendor, 'active', jsonb_build_array(material, noun, 'season' || n % 12), '', '',
    jsonb_build_array(jsonb_build_object('url', 'https://media.example.com/products/' || n || '.webp', 'alt', noun)),
    '[{{"name": "Size", "values": ["S", "M", "L", "XL"]}}]'::jsonb, '{{}}'::jsonb,
    '{opened}'::timestamptz + n * interval '7 seconds', '{opened}'::timestamptz + n * interval '7 seconds', 1,
    lower(concat_ws(' ', material, noun, n, vendor, 'season' || n % 12, 'serie' || n / 20, description)),
    jsonb_build_object('EUR', jsonb_build_array(1000 + n % 9000, 1300 + n % 9000)), 1000 + n % 9000
FROM (
    SELECT n, nouns[1 + n % {nouns_count}] AS noun, materials[1 + n % {materials_count}] AS material,
        'Studio ' || n % 50 AS vendor,
        'Made in small batches and finished by hand. Serie' || n / 20 || ' wears in, not out, and comes back to us for '
        || 'repair as often as you like. Washed once before it leaves the workshop.' AS description
    FROM generate_series(1, {products}) AS n,
        (SELECT '{nouns}'::text[] AS nouns, '{materials}'::text[] AS materials) AS words
) AS described;

INSERT INTO variants (id, product_id, position, sku, barcode, options, weight_grams, tax_class, tracked,
    backorder_limit, requires_shipping, archived, metadata)
SELECT pg_temp.id('{variant}', (n - 1) * {variants} + k), pg_temp.id('{product}', n), k, 'SKU-' || n || '-' || k, '',
    jsonb_build_array((ARRAY['S', 'M', 'L', 'XL'])[1 + k % 4]), 250, 'standard', true, 0, true, false, '{{}}'::jsonb
FROM generate_series(1, {products}) AS n, generate_series(0, {variants} - 1) AS k;

INSERT INTO variant_prices (variant_id, currency, position, amount_minor, compare_at_minor)
SELECT pg_temp.id('{variant}', (n - 1) * {variants} + k), 'EUR', 0, 1000 + n % 9000 + k * 100, NULL
FROM generate_series(1, {products}) AS n, generate_series(0, {variants} - 1) AS k;

INSERT INTO stock_levels (variant_id, location_id, on_hand, reserved, backorder_limit, backorder_ceiling, version)
SELECT id, '{location}', {on_hand}, 0, 0, 0, 1 FROM variants;

INSERT INTO stock_movements (id, variant_id, location_id, on_hand, reserved, kind, source_kind, source_id, reason, at)
SELECT gen_random_uuid(), id, '{location}', {on_hand}, 0, 'received', 'prod', product_id, '', '{opened}' FROM variants;
"""


@frozen
class Catalogue:
    """What is in the database: products and variants by number, from 0."""

    products: int

    @property
    def variants(self) -> int:
        return self.products * VARIANTS

    def product(self, number: int) -> ProductId:
        return ProductId(UUID(f"{_PRODUCT}{number % self.products + 1:012x}"))

    def variant(self, number: int) -> VariantId:
        return VariantId(UUID(f"{_VARIANT}{number % self.variants:012x}"))

    def some_products(self, count: int) -> list[ProductId]:
        """Some of them, the same ones in every run."""
        chance = Random(7)
        return [self.product(chance.randrange(self.products)) for _ in range(count)]

    def rare_words(self, count: int) -> list[str]:
        """Words that twenty products have each."""
        chance = Random(11)
        return [f"serie{chance.randrange(1, max(self.products // 20, 2))}" for _ in range(count)]


def variant_sql(number: str) -> str:
    """The id of the variant of this number (an SQL expression), as an SQL expression."""
    return f"('{_VARIANT}' || lpad(to_hex(({number})::bigint), 12, '0'))::uuid"


async def stock_up(url: str, products: int) -> Catalogue:
    """Makes the tables, opens the demo shop's settings, and fills the shelves of an empty database."""
    settings = Settings(database_url=url)
    await upgrade(settings)
    async with open_shop(settings) as shop:
        await shop.execute(configuration())
    script = _SQL.format(
        products=products,
        variants=VARIANTS,
        on_hand=ON_HAND,
        location=LOCATION.uuid,
        opened=OPENED.isoformat(),
        product=_PRODUCT,
        variant=_VARIANT,
        nouns="{" + ",".join(NOUNS) + "}",
        nouns_count=len(NOUNS),
        materials="{" + ",".join(_MATERIALS) + "}",
        materials_count=len(_MATERIALS),
    )
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script, timeout=600)
        # Only what was filled: of a table that was looked at while it was empty, PostgreSQL expects that it stays so.
        await connection.execute(f"VACUUM ANALYZE {FILLED}", timeout=600)
    finally:
        await connection.close()
    return Catalogue(products)
