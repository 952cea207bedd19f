"""Carts in memory, and what is on sale for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shop.adapters.memory.copies import copied
from shop.adapters.memory.inventory import levels_of
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.repositories import CartWithOffers, Offer
from shop.domain.carts import Cart, CartNotFound, CartStatus
from shop.domain.catalog import ProductStatus
from shop.domain.kernel.identifiers import CartId, PaymentSessionId, PlanId, UserId, VariantId
from shop.domain.payments import PaymentSession


class MemoryCartRepository:
    """Carts by id."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, cart_id: CartId) -> Cart:
        return _cart(self._tables, cart_id)

    async def with_offers(
        self, cart_id: CartId, also: Sequence[VariantId] = (), plans: Sequence[PlanId] = ()
    ) -> CartWithOffers:
        return _with_offers(self._tables, cart_id, also, plans)

    async def to_order(
        self, cart_id: CartId, session_id: PaymentSessionId
    ) -> tuple[CartWithOffers, PaymentSession | None]:
        session = self._tables.payment_sessions.get(session_id)
        found = _with_offers(self._tables, cart_id, ())
        return found, copied(session) if session is not None and session.cart_id == cart_id else None

    async def of_owner(self, owner_id: UserId, limit: int) -> list[Cart]:
        carts = self._tables.carts.values()
        own = [cart for cart in carts if cart.owner_id == owner_id and cart.status is CartStatus.OPEN]
        latest_first = sorted(own, key=lambda cart: (cart.updated_at, cart.id), reverse=True)
        return [copied(cart) for cart in latest_first[:limit]]

    def save(self, cart: Cart) -> None:
        self._writes.save(Rank.CART, cart, cart.id, self._put)

    def _put(self, cart: Cart, journal: Journal) -> None:
        check_version(cart, self._tables.carts.get(cart.id))
        journal.put(self._tables.carts, cart.id, cart)


class MemoryCartReader:
    """Answers about carts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def with_offers(self, cart_id: CartId) -> CartWithOffers:
        return _with_offers(self._tables, cart_id, ())

    async def overdue(self, now: datetime, limit: int) -> list[CartId]:
        overdue = [
            (cart.expires_at, cart.id)
            for cart in self._tables.carts.values()
            if cart.status is CartStatus.OPEN and cart.expires_at <= now
        ]
        return [cart_id for _, cart_id in sorted(overdue)[:limit]]


def _cart(tables: Tables, cart_id: CartId) -> Cart:
    try:
        return copied(tables.carts[cart_id])
    except KeyError:
        raise CartNotFound(f"There is no cart {cart_id}.") from None


def _with_offers(
    tables: Tables, cart_id: CartId, also: Sequence[VariantId], plans: Sequence[PlanId] = ()
) -> CartWithOffers:
    cart = _cart(tables, cart_id)
    wanted = [*(item.plan_id for item in cart.items if item.plan_id is not None), *plans]
    return CartWithOffers(
        cart=cart,
        offers=offers_of(tables, [*(i.variant_id for i in cart.items), *also]),
        plans={plan_id: copied(tables.plans[plan_id]) for plan_id in wanted if plan_id in tables.plans},
    )


def offers_of(tables: Tables, variant_ids: Iterable[VariantId]) -> dict[VariantId, Offer]:
    """What is known of these variants; nothing for one that is gone."""
    offers = {}
    for variant_id in variant_ids:
        product_id = tables.product_by_variant.get(variant_id)
        if product_id is None:
            continue
        product = tables.products[product_id]
        variant = product.variant(variant_id)
        offers[variant_id] = Offer(
            variant_id=variant_id,
            product_id=product.id,
            product_slug=product.slug,
            title=product.title,
            variant_title=variant.title,
            sku=variant.sku,
            on_sale=product.status is ProductStatus.ACTIVE and not variant.archived,
            prices=tuple(price.amount for price in variant.prices),
            tax_class=variant.tax_class,
            weight_grams=variant.weight_grams,
            requires_shipping=variant.requires_shipping,
            tracked=variant.tracked,
            image_url=product.media[0].url if product.media else "",
            levels=tuple(levels_of(tables, [variant_id])) if variant.tracked else (),
        )
    return offers
