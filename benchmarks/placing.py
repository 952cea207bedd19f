"""Carts ready to be ordered, by the thousand; and what ordering them costs without a server, beside the bare driver."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from attrs import frozen

from benchmarks.catalogue import Catalogue, variant_sql
from benchmarks.inprocess import Inside, inside, play
from benchmarks.limits import connect
from benchmarks.load import once, request
from benchmarks.recording import Sent
from benchmarks.shoppers import add_to_cart, checkout, ids_of, items_of, order_request, ready_cart
from benchmarks.templates import CART, ITEM, SESSION, Mould, fresh_id, fresh_sql, variant_numbers, variant_numbers_sql
from shop.application.commands.checkout import CreateOrder
from shop.application.messages import GUEST, Actor, Context, Idempotency
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import CartId, CartItemId, PaymentSessionId, VariantId
from shop.entrypoints.settings import Settings

CONCURRENCY = 8

# A ready cart with its items and payment session, once for each number.
_COPIES = (
    """INSERT INTO carts SELECT (jsonb_populate_record(c, jsonb_build_object('id', {cart}))).*
    FROM carts AS c, generate_series({first}, {last}) AS n WHERE c.id = '{of_cart}'""",
    """INSERT INTO cart_items SELECT (jsonb_populate_record(i, jsonb_build_object('id', {item},
        'cart_id', {cart}, 'variant_id', CASE WHEN i.position = 0 THEN {variant_0} ELSE {variant_1} END))).*
    FROM cart_items AS i, generate_series({first}, {last}) AS n WHERE i.cart_id = '{of_cart}'""",
    """INSERT INTO payment_sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', {session},
        'cart_id', {cart}))).*
    FROM payment_sessions AS s, generate_series({first}, {last}) AS n WHERE s.id = '{of_session}'""",
)


@frozen
class Moulds:
    """What a guest makes the shop say to its database, one by one; and how many round trips each took."""

    add: Mould
    place: Mould
    order: Mould
    checkout: Mould
    round_trips: dict[str, int]
    version: int
    """Of a cart that is ready to be ordered."""


async def cast_moulds(settings: Settings, catalogue: Catalogue) -> Moulds:
    """Buys a few things and writes down how."""
    async with inside(settings) as here:
        bought = [catalogue.variant(number) for number in variant_numbers(1, catalogue)]
        await _buy(here, bought[:1])  # what is remembered from now on is not read again
        trips: dict[str, int] = {}
        for name, path in (
            ("list of 20", "/api/products?limit=20"),
            ("product", f"/api/products/{catalogue.product(5)}"),
        ):
            here.recording.forget()
            await play(here.app, once(request("GET", path)))
            trips[name] = here.recording.round_trips
        add, trips["add to cart"] = await _recorded_add(here, catalogue, bought)
        place, version, trips["place order, 1 line"] = await _recorded_place(here, catalogue, bought[:1])
        place, version, trips["place order, 2 lines"] = await _recorded_place(here, catalogue, bought)
        twenty = [catalogue.variant(number) for number in range(20)]
        _, _, trips["place order, 20 lines"] = await _recorded_place(here, catalogue, twenty)
        order = await _recorded_order(here, catalogue, bought)
        here.recording.forget()
        await _buy(here, bought[:1])
        trips["full checkout"] = here.recording.round_trips
        whole = Mould(catalogue, list(here.recording.sent), [bought[0].uuid], {}, _keys(here.recording.sent))
        return Moulds(add, place, order, whole, trips, version)


async def _buy(here: Inside, variants: Sequence[VariantId]) -> None:
    await play(here.app, checkout([(variant_id, 2) for variant_id in variants]))


async def _recorded_add(here: Inside, catalogue: Catalogue, bought: Sequence[VariantId]) -> tuple[Mould, int]:
    """One more of what lies in a ready cart already."""
    said: list[str] = []
    items: list[str] = []
    await play(here.app, ready_cart([(variant_id, 2) for variant_id in bought], said))
    await play(here.app, items_of(said, items))
    cart, _ = ids_of(said)
    here.recording.forget()
    await play(here.app, add_to_cart(said[0], said[1], bought[0]))
    given = {cart: CART} | {CartItemId.parse(item).uuid: ITEM + place for place, item in enumerate(items)}
    mould = Mould(catalogue, list(here.recording.sent), [v.uuid for v in bought], given)
    return mould, here.recording.round_trips


async def _recorded_place(here: Inside, catalogue: Catalogue, bought: Sequence[VariantId]) -> tuple[Mould, int, int]:
    said: list[str] = []
    await play(here.app, ready_cart([(variant_id, 2) for variant_id in bought], said))
    cart, session = ids_of(said)
    here.recording.forget()
    command = CreateOrder(cart_id=CartId(cart), cart_version=int(said[3]), payment_session_id=PaymentSessionId(session))
    await here.shop.execute(command, context=_context(here.shop, CartId(cart), f"order-{said[0]}"))
    sent = list(here.recording.sent)
    mould = Mould(catalogue, sent, [v.uuid for v in bought], {cart: CART, session: SESSION}, _keys(sent))
    return mould, int(said[3]), here.recording.round_trips


async def _recorded_order(here: Inside, catalogue: Catalogue, bought: Sequence[VariantId]) -> Mould:
    said: list[str] = []
    await play(here.app, ready_cart([(variant_id, 2) for variant_id in bought], said))
    cart, session = ids_of(said)
    here.recording.forget()
    await play(here.app, once(order_request(said[0], said[1], said[2], int(said[3]))))
    sent = list(here.recording.sent)
    return Mould(catalogue, sent, [v.uuid for v in bought], {cart: CART, session: SESSION}, _keys(sent))


def _keys(sent: Sequence[Sent]) -> list[str]:
    """Idempotency keys and what the provider calls its intents: text that must be new in each unit."""
    begins = ("order-cart_", "pay-cart_", "pi_fake_")
    return [a for one in sent for a in one.arguments if isinstance(a, str) and a.startswith(begins)]


def _context(shop: Shop, cart_id: CartId, key: str) -> Context:
    guest = Actor(kind=GUEST.kind, token=shop.ports.secrets.guest_token(cart_id))
    return shop.context(guest, idempotency=Idempotency("order_place", key, b"\0" * 32))


async def copy_ready_carts(url: str, settings: Settings, catalogue: Catalogue, first: int, count: int) -> None:
    """Carts with two lines and a payment session each, with the ids of the units from `first` on."""
    async with inside(settings) as here:
        said: list[str] = []
        bought = [catalogue.variant(number) for number in variant_numbers(1, catalogue)]
        await play(here.app, ready_cart([(variant_id, 2) for variant_id in bought], said))
    cart, session = ids_of(said)
    variant_0, variant_1 = variant_numbers_sql("n::bigint", catalogue)
    connection = await asyncpg.connect(url)
    try:
        for statement in _COPIES:
            text = statement.format(
                first=first,
                last=first + count - 1,
                cart=fresh_sql(str(CART), "n"),
                session=fresh_sql(str(SESSION), "n"),
                item=fresh_sql(f"{ITEM} + i.position", "n"),
                variant_0=variant_sql(variant_0),
                variant_1=variant_sql(variant_1),
                of_cart=cart,
                of_session=session,
            )
            await connection.execute(text, timeout=120)
        await connection.execute("VACUUM ANALYZE carts, cart_items, payment_sessions", timeout=120)
    finally:
        await connection.close()


def cart_of_unit(number: int) -> CartId:
    return CartId(fresh_id(CART, number))


def session_of_unit(number: int) -> PaymentSessionId:
    return PaymentSessionId(fresh_id(SESSION, number))


@frozen
class Stretch:
    """What so many orders took: wall-clock seconds, and the processor time of this process."""

    units: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.units / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.units * 1e6


async def place_orders(shop: Shop, version: int, first: int, count: int) -> Stretch:
    """Orders the ready carts of these units through the front door, eight at a time."""

    async def one(number: int, _: int) -> None:
        cart_id = cart_of_unit(number)
        command = CreateOrder(cart_id=cart_id, cart_version=version, payment_session_id=session_of_unit(number))
        await shop.execute(command, context=_context(shop, cart_id, f"key-{number}"))

    return await _side_by_side(list(range(first, first + count)), one)


async def replay(url: str, mould: Mould, first: int, count: int, *, one_by_one: bool = False) -> Stretch:
    """The same statements by the bare driver on eight connections; `one_by_one` between BEGIN and COMMIT."""
    connections = [await connect(url) for _ in range(CONCURRENCY)]
    units = [mould.unit(number) for number in range(first, first + count + CONCURRENCY)]
    say = _one_by_one if one_by_one else _merged

    async def one(unit: list[Sent], lane: int) -> None:
        await say(connections[lane], unit)

    try:
        for lane in range(CONCURRENCY):  # each connection plans each statement once
            await one(units.pop(), lane)
        return await _side_by_side(units, one)
    finally:
        for connection in connections:
            await connection.close()


async def _merged(connection: Any, unit: list[Sent]) -> None:
    for sent in unit:
        await connection.fetch(sent.text, *sent.arguments)


async def _one_by_one(connection: Any, unit: list[Sent]) -> None:
    for sent in unit:
        if sent.parts:
            async with connection.transaction():
                for text, arguments in sent.parts:
                    await connection.execute(text, *arguments)
        else:
            await connection.fetch(sent.text, *sent.arguments)


async def _side_by_side(units: list[Any], one: Callable[[Any, int], Awaitable[None]]) -> Stretch:
    waiting = units[::-1]

    async def lane(number: int) -> None:
        while waiting:
            await one(waiting.pop(), number)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane(number) for number in range(CONCURRENCY)))
    return Stretch(len(units), time.perf_counter() - began, time.process_time() - cpu)
