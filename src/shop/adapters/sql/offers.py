"""What is on sale right now of some variants, as one JSON value of a statement: carts are read together with it."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from shop.adapters.sql.schema import locations, products, stock_levels, variant_prices, variants
from shop.adapters.sql.statements import json_rows, json_text
from shop.application.ports.repositories import Offer
from shop.domain.inventory import StockLevel
from shop.domain.kernel.identifiers import LocationId, ProductId, VariantId, uuid_in
from shop.domain.kernel.money import Money


def _prices() -> ColumnElement[Any]:
    rows = json_rows(variant_prices.c.position, variant_prices.c.amount_minor, variant_prices.c.currency)
    return select(rows).where(variant_prices.c.variant_id == variants.c.id).correlate(variants).scalar_subquery()


def _levels() -> ColumnElement[Any]:
    rows = json_rows(
        locations.c.priority,
        stock_levels.c.location_id,
        stock_levels.c.on_hand,
        stock_levels.c.reserved,
        stock_levels.c.backorder_limit,
        stock_levels.c.version,
    )
    return (
        select(rows)
        .select_from(stock_levels.join(locations, locations.c.id == stock_levels.c.location_id))
        .where(stock_levels.c.variant_id == variants.c.id)
        .correlate(variants)
        .scalar_subquery()
    )


def offers_where(where: ColumnElement[bool]) -> Select[Any]:
    """All offers of the variants for which this holds. `offer_of` reads each."""
    columns = json_rows(
        variants.c.id,
        products.c.id,
        products.c.slug,
        products.c.title,
        variants.c.options,
        variants.c.sku,
        products.c.status,
        variants.c.archived,
        variants.c.tax_class,
        variants.c.weight_grams,
        variants.c.requires_shipping,
        variants.c.tracked,
        json_text(products.c.media, 0, "url"),
        _prices(),
        _levels(),
    )
    return select(columns).select_from(variants.join(products, products.c.id == variants.c.product_id)).where(where)


def offer_of(document: Sequence[Any]) -> Offer:
    """The offer in one entry of what `offers_where` gives."""
    (variant, product, slug, title, options, sku, status, archived, tax_class, weight, shipped, tracked, image) = (
        document[:13]
    )
    prices, levels = document[13:]
    variant_id = VariantId(uuid_in(variant))
    return Offer(
        variant_id=variant_id,
        product_id=ProductId(uuid_in(product)),
        product_slug=slug,
        title=title,
        variant_title=" / ".join(options),
        sku=sku or "",
        on_sale=status == "active" and not archived,
        prices=tuple([Money(minor, currency) for _, minor, currency in sorted(prices)]),
        tax_class=tax_class,
        weight_grams=weight,
        requires_shipping=bool(shipped),
        tracked=bool(tracked),
        image_url=image or "",
        levels=_level_values(variant_id, levels) if tracked else (),
    )


def _level_values(variant_id: VariantId, rows: Iterable[Sequence[Any]]) -> tuple[StockLevel, ...]:
    """In order of preference of their locations: priority, then id (as hexadecimal text, which sorts alike)."""
    return tuple(
        [
            StockLevel(
                variant_id=variant_id,
                location_id=LocationId(uuid_in(location)),
                on_hand=on_hand,
                reserved=reserved,
                backorder_limit=limit,
                version=version,
            )
            for _, location, on_hand, reserved, limit, version in sorted(rows, key=itemgetter(0, 1))
        ]
    )
