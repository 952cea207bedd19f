"""A cart with what is on sale of its variants: one statement, since every look at a cart needs both."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, select

from shop.adapters.sql.carts import CART_COLUMNS, cart_of
from shop.adapters.sql.database import Database
from shop.adapters.sql.schema import cart_items, carts, locations, products, stock_levels, variant_prices, variants
from shop.adapters.sql.statements import Statement, any_of, json_rows, json_text
from shop.application.ports.repositories import CartWithOffers, Offer
from shop.domain.carts import CartNotFound
from shop.domain.inventory import StockLevel
from shop.domain.kernel.identifiers import CartId, LocationId, ProductId, VariantId
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


def _offers(where: ColumnElement[bool]) -> Select[Any]:
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


_ITEMS = (
    select(
        json_rows(cart_items.c.position, cart_items.c.id, cart_items.c.variant_id, cart_items.c.quantity)
    )
    .where(cart_items.c.cart_id == carts.c.id)
    .scalar_subquery()
)
_IN_CART = variants.c.id.in_(
    select(cart_items.c.variant_id).where(cart_items.c.cart_id == bindparam("cart_id")).correlate(None)
)
_CART = select(
    *CART_COLUMNS, _ITEMS.label("items"), _offers(_IN_CART).correlate(None).scalar_subquery().label("offers")
).where(carts.c.id == bindparam("cart_id"))
CART_WITH_OFFERS = Statement(_CART)
CART_WITH_MORE_OFFERS = Statement(
    _CART.add_columns(_offers(any_of(variants.c.id, "also")).correlate(None).scalar_subquery().label("more"))
)


async def cart_with_offers(database: Database, cart_id: CartId, also: Sequence[VariantId] = ()) -> CartWithOffers:
    """The cart, with offers of its variants and those named besides. Raises CartNotFound."""
    if also:
        wanted = [variant_id.uuid for variant_id in also]
        row = await database.fetch_one(CART_WITH_MORE_OFFERS, cart_id=cart_id.uuid, also=wanted)
    else:
        row = await database.fetch_one(CART_WITH_OFFERS, cart_id=cart_id.uuid)
    if row is None:
        raise CartNotFound(f"There is no cart {cart_id}.")
    offers = [_offer(document) for document in row["offers"]]
    if also:
        offers += [_offer(document) for document in row["more"]]
    return CartWithOffers(cart=cart_of(row), offers={offer.variant_id: offer for offer in offers})


def _offer(document: Sequence[Any]) -> Offer:
    (variant, product, slug, title, options, sku, status, archived, tax_class, weight, shipped, tracked, image) = (
        document[:13]
    )
    prices, levels = document[13:]
    variant_id = VariantId(UUID(variant))
    return Offer(
        variant_id=variant_id,
        product_id=ProductId(UUID(product)),
        product_slug=slug,
        title=title,
        variant_title=" / ".join(options),
        sku=sku or "",
        on_sale=status == "active" and not archived,
        prices=tuple(Money(minor, currency) for _, minor, currency in sorted(prices)),
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
        StockLevel(
            variant_id=variant_id,
            location_id=LocationId(UUID(location)),
            on_hand=on_hand,
            reserved=reserved,
            backorder_limit=limit,
            version=version,
        )
        for _, location, on_hand, reserved, limit, version in sorted(rows, key=lambda row: (row[0], row[1]))
    )
