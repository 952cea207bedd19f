"""Opening carts and changing them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import CUSTOMER, INTERNAL, OWNER, PUBLIC, Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.readers import StoreReader
from shop.application.ports.repositories import CartWithOffers, Offer
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.pricing import LINES_MAX, price_by_plan, price_cart
from shop.domain.carts import Cart, CartItem, CartNotFound, CartStatus
from shop.domain.catalog import VariantNotFound
from shop.domain.kernel.address import Address
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import CartId, CartItemId, PlanId, VariantId
from shop.domain.kernel.metadata import merged_metadata
from shop.domain.kernel.money import AmountOutOfRange, Money
from shop.domain.shipping import ShippingUnavailable
from shop.domain.subscriptions import PlanNotFound
from shop.domain.subscriptions.subscription import QUANTITY_MAX


class ExceedsAvailable(Invalid):
    """More was put into the cart than there is. The stock may still be gone when the order is placed."""

    code = "insufficient_stock"
    title = "Not enough stock"


class VariantUnavailable(Invalid):
    """The variant is there, but not for sale: its product is a draft or archived, or it has no price here."""

    code = "variant_unavailable"
    title = "Not for sale"


class CurrencyNotSold(Invalid):
    code = "currency_not_sold"
    title = "The shop does not sell in this currency"


@frozen(kw_only=True)
class OpenCart(Command[CartId]):
    """Opens an empty cart: the caller's own, or a guest's that its token opens. No currency means the shop's first."""

    requires: ClassVar = PUBLIC
    currency: str = ""


async def open_cart(
    command: OpenCart, context: Context, *, uow: UnitOfWork, ids: Ids, store: StoreReader, lifetime: timedelta
) -> CartId:
    settings = await store.settings()
    currency = command.currency or settings.store.currency
    if currency not in settings.store.currencies:
        raise CurrencyNotSold(
            f"The shop does not sell in {currency}.",
            hint=f"Choose one of: {', '.join(settings.store.currencies)}.",
        )
    async with uow(context) as tx:
        cart = Cart.open(
            id=ids.new(CartId),
            owner_id=context.actor.user_id,
            currency=currency,
            at=context.now,
            lifetime=lifetime,
        )
        tx.carts.save(cart)
        tx.answer(cart.id)
    context.just_written.keep(cart.id, CartWithOffers(cart=cart, offers={}))
    return cart.id


@frozen(kw_only=True)
class AddToCart(Command[CartItemId]):
    """Puts units of a variant into a cart; the same variant again joins its line.

    With a plan they come again and again once the cart is ordered: a line of its own.
    """

    requires: ClassVar = OWNER
    one_write: ClassVar = True
    cart_id: CartId
    variant_id: VariantId
    quantity: int = 1
    plan_id: PlanId | None = None


async def add_to_cart(
    command: AddToCart, context: Context, *, uow: UnitOfWork, ids: Ids, secrets: Secrets
) -> CartItemId:
    async with uow(context) as tx:
        plans = [command.plan_id] if command.plan_id is not None else []
        found = await tx.carts.with_offers(command.cart_id, also=[command.variant_id], plans=plans)
        cart = _owned(found, context, secrets)
        if command.plan_id is not None and command.plan_id not in found.plans:
            raise PlanNotFound(f"There is no plan {command.plan_id}.")
        item = cart.add(ids.new(CartItemId), command.variant_id, command.quantity, context.now, command.plan_id)
        _check_to_be_had(item, found)
        tx.carts.save(cart)
        tx.answer(item.id)
    context.just_written.keep(cart.id, found)
    return item.id


@frozen(kw_only=True)
class ChangeCartItem(Command[None]):
    """Sets how many of a line are wanted; 0 removes it."""

    requires: ClassVar = OWNER
    cart_id: CartId
    item_id: CartItemId
    quantity: int


async def change_cart_item(command: ChangeCartItem, context: Context, *, uow: UnitOfWork, secrets: Secrets) -> None:
    async with uow(context) as tx:
        found = await tx.carts.with_offers(command.cart_id)
        cart = _owned(found, context, secrets)
        if command.quantity == 0:
            cart.remove(command.item_id, at=context.now)
        else:
            more = command.quantity > cart.item(command.item_id).quantity
            item = cart.change_quantity(command.item_id, command.quantity, at=context.now)
            if more:
                _check_to_be_had(item, found)
        tx.carts.save(cart)
    context.just_written.keep(cart.id, found)


@frozen(kw_only=True)
class DescribeCart(Command[None]):
    """Sets who buys and where it goes. None leaves a part as it is; a billing address of its own is optional."""

    requires: ClassVar = OWNER
    cart_id: CartId
    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    forget: frozenset[str] = frozenset()
    """What to take off the cart: `shipping_address`, `billing_address`, or all that was there of `metadata`."""
    currency: str | None = None
    note: str | None = None
    metadata: Mapping[str, str | None] | None = None
    """Laid over what is there; None takes a key away."""
    expected_version: int | None = None
    """Only if the cart is still at this one; None: whatever it is at."""


async def describe_cart(
    command: DescribeCart, context: Context, *, uow: UnitOfWork, secrets: Secrets, store: StoreReader
) -> None:
    settings = await store.settings()
    if command.currency is not None and command.currency not in settings.store.currencies:
        raise CurrencyNotSold(f"The shop does not sell in {command.currency}.")
    named = ("email", "shipping_address", "billing_address", "currency", "note")
    changes: dict[str, Any] = {name: value for name in named if (value := getattr(command, name)) is not None}
    changes |= dict.fromkeys(command.forget & {"shipping_address", "billing_address"})
    async with uow(context) as tx:
        found = await tx.carts.with_offers(command.cart_id)
        cart = _owned(found, context, secrets)
        check_version(cart.version, command.expected_version)
        # Laid over what this transaction read: two who add keys at the same time both find theirs there.
        kept = {} if "metadata" in command.forget else cart.metadata
        changes["metadata"] = merged_metadata(kept, command.metadata or {})
        if any(getattr(cart, name) != value for name, value in changes.items()):
            cart.describe(context.now, **changes)
            tx.carts.save(cart)
        else:
            cart.check_open(context.now)
    context.just_written.keep(cart.id, found)


@frozen(kw_only=True)
class ChooseShipping(Command[None]):
    """Chooses one of the delivery options that the cart is offered."""

    requires: ClassVar = OWNER
    cart_id: CartId
    option_id: str


async def choose_shipping(
    command: ChooseShipping, context: Context, *, uow: UnitOfWork, secrets: Secrets, store: StoreReader
) -> None:
    settings = await store.settings()
    async with uow(context) as tx:
        found = await tx.carts.with_offers(command.cart_id)
        cart = _owned(found, context, secrets)
        if cart.shipping_address is None:
            raise ShippingUnavailable("Say where the parcel goes first.", hint="PATCH the cart's shipping_address.")
        options = price_cart(found, settings).shipping_options
        if command.option_id not in {option.code for option in options}:
            names = ", ".join(option.code for option in options) or "none"
            raise ShippingUnavailable(f"“{command.option_id[:60]}” is not offered for this cart; it has: {names}.")
        cart.choose_shipping(command.option_id, at=context.now)
        tx.carts.save(cart)
    context.just_written.keep(cart.id, found)


@frozen(kw_only=True)
class OpenOwnCart(Command[CartId]):
    """The caller's own open cart: the latest one, or a new one where there is none."""

    requires: ClassVar = CUSTOMER


async def open_own_cart(
    command: OpenOwnCart, context: Context, *, uow: UnitOfWork, ids: Ids, store: StoreReader, lifetime: timedelta
) -> CartId:
    async with uow(context) as tx:
        latest = await _latest_own(tx, context)
    if latest is not None:
        return latest.id
    return await open_cart(OpenCart(), context, uow=uow, ids=ids, store=store, lifetime=lifetime)


@frozen(kw_only=True)
class ClaimCart(Command[CartId]):
    """Takes a guest's cart along into one's own after signing in. Its token shows that it is the caller's to take.

    Where the caller has an open cart already, what is in the guest's joins it and the guest's is closed.
    """

    requires: ClassVar = CUSTOMER
    cart_id: CartId


async def claim_cart(command: ClaimCart, context: Context, *, uow: UnitOfWork, secrets: Secrets) -> CartId:
    owner_id = context.actor.user_id
    assert owner_id is not None  # the door let only people pass
    async with uow(context) as tx:
        cart = await tx.carts.get(command.cart_id)
        check_owner(context.actor, cart.owner_id, cart.id, secrets=secrets, otherwise=CartNotFound)
        if cart.owner_id == owner_id:
            return cart.id
        mine = await _latest_own(tx, context)
        if mine is None or mine.currency != cart.currency:
            cart.claim(owner_id, context.now)
            tx.carts.save(cart)
            return cart.id
        cart.claim(owner_id, context.now)
        mine.take_in(cart, context.now)
        cart.expire(context.now)
        tx.carts.save(cart)
        tx.carts.save(mine)
    return mine.id


async def _latest_own(tx: Transaction, context: Context) -> Cart | None:
    assert context.actor.user_id is not None
    found = await tx.carts.of_owner(context.actor.user_id, 1)
    return found[0] if found else None


@frozen(kw_only=True)
class ExpireCart(Command[None]):
    """Closes a cart that was left behind."""

    requires: ClassVar = INTERNAL
    cart_id: CartId


async def expire_cart(command: ExpireCart, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        cart = await tx.carts.get(command.cart_id)
        if cart.status is CartStatus.OPEN and cart.expires_at <= context.now:
            cart.expire(context.now)
            tx.carts.save(cart)


def _owned(found: CartWithOffers, context: Context, secrets: Secrets) -> Cart:
    cart = found.cart
    check_owner(context.actor, cart.owner_id, cart.id, secrets=secrets, otherwise=CartNotFound)
    return cart


def _check_to_be_had(item: CartItem, found: CartWithOffers) -> None:
    offer, currency = found.offers.get(item.variant_id), found.cart.currency
    if offer is None:
        raise VariantNotFound(f"There is no variant {item.variant_id}.")
    if item.plan_id is not None:
        if _check_plan(item, item.plan_id, offer, found):
            return
    else:
        price = next((price for price in offer.prices if price.currency == currency), None)
        if not offer.on_sale or price is None:
            raise VariantUnavailable(f"“{offer.title}” is not for sale in {currency}.")
        _check_worth(item, price)
    available = offer.available
    if available is not None and available < item.quantity:
        raise ExceedsAvailable(
            f"Only {available} of “{offer.title}” are left; the cart would have {item.quantity}.",
            hint=f"Lower the quantity to {available}." if available else "It is sold out.",
            flaws=(Flaw("/quantity", "exceeds_available", f"At most {available}", {"available": available}),),
        )


def _check_worth(item: CartItem, unit_price: Money) -> None:
    """Raises AmountOutOfRange for units that together cost more than any cart."""
    if unit_price.minor * item.quantity > LINES_MAX:
        raise AmountOutOfRange(f"{item.quantity} times {unit_price} is more than a shop handles.")


def _check_plan(item: CartItem, plan_id: PlanId, offer: Offer, found: CartWithOffers) -> bool:
    """Whether it begins with a trial, so that nothing has to be there yet. Raises PlanNotOffered, Invalid."""
    plan = found.plans.get(plan_id)
    _check_worth(item, price_by_plan(plan, offer, found.cart.currency))
    if not offer.on_sale:
        raise VariantUnavailable(f"“{offer.title}” is not for sale.")
    if item.quantity > QUANTITY_MAX:
        raise Invalid(
            f"A subscription is of 1 to {QUANTITY_MAX} units.",
            flaws=(Flaw("/quantity", "quantity_out_of_range", f"1 to {QUANTITY_MAX}", {"max": QUANTITY_MAX}),),
        )
    return plan is not None and plan.trial_days > 0
