"""Carts in tables."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, not_, select

from shop.adapters.sql.database import Database, Row, Write
from shop.adapters.sql.documents import from_address, to_address
from shop.adapters.sql.gathering import ADDED, REMOVED, Gathered, Rank, Root
from shop.adapters.sql.offers import offer_of, offers_where
from shop.adapters.sql.payments import SESSION, SESSION_COLUMNS, session_of
from shop.adapters.sql.schema import cart_items, carts, payment_sessions, plans, variants
from shop.adapters.sql.schema.sales import NO_PLAN
from shop.adapters.sql.statements import Statement, any_of, insert_into, json_rows
from shop.adapters.sql.subscriptions import plan_of
from shop.application.ports.repositories import CartWithOffers
from shop.domain.carts import Cart, CartItem, CartNotFound, CartStatus
from shop.domain.kernel.identifiers import CartId, CartItemId, PaymentSessionId, PlanId, UserId, VariantId, uuid_in
from shop.domain.payments import PaymentSession

CART_COLUMNS = tuple(carts.columns)
_ROOT = Root.of(carts, fixed=["created_at"])
_ITEMS = (
    select(
        json_rows(
            cart_items.c.position,
            cart_items.c.id,
            cart_items.c.variant_id,
            cart_items.c.quantity,
            cart_items.c.plan_id,
        )
    )
    .where(cart_items.c.cart_id == carts.c.id)
    .scalar_subquery()
)
_GET = Statement(select(*CART_COLUMNS, _ITEMS.label("items")).where(carts.c.id == bindparam("cart_id")))
_OF_OWNER = Statement(
    select(*CART_COLUMNS, _ITEMS.label("items"))
    .where(carts.c.owner_id == bindparam("of_owner"), carts.c.status == CartStatus.OPEN.value)
    .order_by(carts.c.updated_at.desc(), carts.c.id.desc())
    .limit(bindparam("most"))
)
_IN_CART = variants.c.id.in_(
    select(cart_items.c.variant_id).where(cart_items.c.cart_id == bindparam("cart_id")).correlate(None)
)
_CART = select(
    *CART_COLUMNS, _ITEMS.label("items"), offers_where(_IN_CART).correlate(None).scalar_subquery().label("offers")
).where(carts.c.id == bindparam("cart_id"))
CART_WITH_OFFERS = Statement(_CART)
CART_WITH_MORE_OFFERS = Statement(
    _CART.add_columns(offers_where(any_of(variants.c.id, "also")).correlate(None).scalar_subquery().label("more"))
)
_CART_TO_ORDER = Statement(
    _CART.add_columns(*SESSION_COLUMNS).select_from(
        carts.outerjoin(
            payment_sessions,
            (payment_sessions.c.id == bindparam("session_id")) & (payment_sessions.c.cart_id == carts.c.id),
        )
    )
)
_PLANS = Statement(select(plans).where(any_of(plans.c.id, "ids")))
_ADD_ITEMS = insert_into(cart_items)
_PUT_ITEMS = insert_into(cart_items, replace=["id"])
_REMOVE_ITEMS = Statement(
    delete(cart_items).where(cart_items.c.cart_id == bindparam("of_cart"), any_of(cart_items.c.id, "ids"))
)
_KEEP_ITEMS = Statement(
    delete(cart_items).where(cart_items.c.cart_id == bindparam("of_cart"), not_(any_of(cart_items.c.id, "ids")))
)


def cart_of(row: Row) -> Cart:
    """The cart in a row of CART_COLUMNS with its `items` as JSON."""
    owner = row["owner_id"]
    return Cart(
        id=CartId(row["id"]),
        owner_id=UserId(owner) if owner is not None else None,
        currency=row["currency"],
        email=row["email"],
        shipping_address=to_address(row["shipping_address"]),
        billing_address=to_address(row["billing_address"]),
        shipping_code=row["shipping_code"],
        note=row["note"],
        items=tuple(
            [
                CartItem(
                    id=CartItemId(uuid_in(item)),
                    variant_id=VariantId(uuid_in(variant)),
                    quantity=quantity,
                    plan_id=_plan_id(plan),
                )
                for _, item, variant, quantity, plan in sorted(row["items"])
            ]
        ),
        status=CartStatus(row["status"]),
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        version=row["version"],
    )


def _plan_id(text: str) -> PlanId | None:
    uuid = uuid_in(text)
    return PlanId(uuid) if uuid != NO_PLAN else None


async def cart_with_offers(
    database: Database, cart_id: CartId, also: Sequence[VariantId] = (), plans: Sequence[PlanId] = ()
) -> CartWithOffers:
    """The cart, with offers of its variants, its plans, and those named besides. Raises CartNotFound."""
    if also:
        wanted = [variant_id.uuid for variant_id in also]
        row = await database.fetch_one(CART_WITH_MORE_OFFERS, cart_id=cart_id.uuid, also=wanted)
    else:
        row = await database.fetch_one(CART_WITH_OFFERS, cart_id=cart_id.uuid)
    return await _with_plans(_found(row, cart_id, more=bool(also)), database, plans)


def _found(row: Row | None, cart_id: CartId, *, more: bool = False) -> CartWithOffers:
    if row is None:
        raise CartNotFound(f"There is no cart {cart_id}.")
    offers = [offer_of(document) for document in row["offers"]]
    if more:
        offers += [offer_of(document) for document in row["more"]]
    return CartWithOffers(cart=cart_of(row), offers={offer.variant_id: offer for offer in offers})


async def _with_plans(found: CartWithOffers, database: Database, also: Sequence[PlanId] = ()) -> CartWithOffers:
    """With its plans, which only carts ask for that have any: the others are read in one go."""
    wanted = {plan_id.uuid for plan_id in (*(item.plan_id for item in found.cart.items), *also) if plan_id is not None}
    if wanted:
        for row in await database.fetch(_PLANS, ids=sorted(wanted)):
            plan = plan_of(row)
            found.plans[plan.id] = plan
    return found


class SqlCartRepository:
    """Carts, and their items as rows of their own."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._read: dict[CartId, tuple[CartItem, ...]] = {}

    async def get(self, cart_id: CartId) -> Cart:
        row = await self._gathered.database.fetch_one(_GET, cart_id=cart_id.uuid)
        if row is None:
            raise CartNotFound(f"There is no cart {cart_id}.")
        return self._remember(cart_of(row))

    async def with_offers(
        self, cart_id: CartId, also: Sequence[VariantId] = (), plans: Sequence[PlanId] = ()
    ) -> CartWithOffers:
        found = await cart_with_offers(self._gathered.database, cart_id, also, plans)
        self._remember(found.cart)
        return found

    async def to_order(
        self, cart_id: CartId, session_id: PaymentSessionId
    ) -> tuple[CartWithOffers, PaymentSession | None]:
        database = self._gathered.database
        row = await database.fetch_one(_CART_TO_ORDER, cart_id=cart_id.uuid, session_id=session_id.uuid)
        found = await _with_plans(_found(row, cart_id), database)
        self._remember(found.cart)
        assert row is not None
        return found, session_of(row, SESSION) if row[f"{SESSION}id"] is not None else None

    async def of_owner(self, owner_id: UserId, limit: int) -> list[Cart]:
        rows = await self._gathered.database.fetch(_OF_OWNER, of_owner=owner_id.uuid, most=limit)
        return [self._remember(cart_of(row)) for row in rows]

    def save(self, cart: Cart) -> None:
        root = _ROOT.write(Rank.CART, _row(cart), cart.version)
        before = () if cart.version == 0 else self._read.get(cart.id)
        self._gathered.save(Rank.CART, cart.id.uuid, cart, [root, *_item_writes(cart.id.uuid, before, cart.items)])

    def _remember(self, cart: Cart) -> Cart:
        """What is stored, so that a save writes only what has changed."""
        self._read[cart.id] = cart.items
        return cart


def _row(cart: Cart) -> dict[str, Any]:
    return {
        "id": cart.id.uuid,
        "owner_id": cart.owner_id.uuid if cart.owner_id else None,
        "currency": cart.currency,
        "email": cart.email,
        "shipping_address": from_address(cart.shipping_address),
        "billing_address": from_address(cart.billing_address),
        "shipping_code": cart.shipping_code,
        "note": cart.note,
        "status": cart.status,
        "metadata": dict(cart.metadata),
        "created_at": cart.created_at,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
    }


def _item_writes(cart_id: UUID, before: tuple[CartItem, ...] | None, after: tuple[CartItem, ...]) -> Iterable[Write]:
    if before is after:
        return
    rows = _item_rows(cart_id, after)
    if before is None:  # not read in this transaction: whatever is stored, afterwards it is these
        yield Write(_KEEP_ITEMS, [{"of_cart": cart_id, "ids": [row["id"] for row in rows]}], Rank.CART + REMOVED)
        yield Write(_PUT_ITEMS, rows, Rank.CART + ADDED)
        return
    known = {row["id"]: row for row in _item_rows(cart_id, before)}
    gone = [item for item in known if item not in {row["id"] for row in rows}]
    if gone:
        yield Write(_REMOVE_ITEMS, [{"of_cart": cart_id, "ids": gone}], Rank.CART + REMOVED)
    changed = [row for row in rows if known.get(row["id"]) != row]
    if changed:
        new = all(row["id"] not in known for row in changed)
        yield Write(_ADD_ITEMS if new else _PUT_ITEMS, changed, Rank.CART + ADDED)


def _item_rows(cart_id: UUID, items: Sequence[CartItem]) -> list[dict[str, Any]]:
    return [
        {
            "id": item.id.uuid,
            "cart_id": cart_id,
            "position": position,
            "variant_id": item.variant_id.uuid,
            "quantity": item.quantity,
            "plan_id": item.plan_id.uuid if item.plan_id is not None else NO_PLAN,
        }
        for position, item in enumerate(items)
    ]
