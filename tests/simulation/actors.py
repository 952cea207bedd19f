"""Who acts in a run: shoppers who are impatient and forgetful, staff in the middle of it all, and the provider."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from attrs import define, evolve, field

from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.carts import AddToCart, ChangeCartItem, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.catalog import UpdateProduct, UpdateVariant
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.imports import ImportProduct, ProductRecord, VariantRecord
from shop.application.commands.inventory import AdjustStock, CountStock
from shop.application.commands.orders import CancelAnyOrder, CancelOrder
from shop.application.commands.payments import ConfirmPayment, CreatePaymentSession, ProcessPayment
from shop.application.commands.subscriptions import (
    CancelSubscription,
    CarryOnSubscription,
    ChangeSubscription,
    PauseSubscription,
    ResumeSubscription,
)
from shop.application.messages import GUEST, SYSTEM, Actor, Command, Idempotency
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import PaymentFilter
from shop.application.ports.views import CartView, OrderView, PaymentView
from shop.application.queries.carts import GetCart
from shop.application.queries.orders import GetAllOrders, GetOrder
from shop.application.queries.payments import GetPayment, GetPayments
from shop.application.shop import Shop
from shop.domain.catalog import Price, ProductStatus
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.domain.kernel.identifiers import CartId, OrderId, PaymentId, PaymentSessionId, SubscriptionId, VariantId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.invariants import PAID_FOR, broken
from tests.shops import BERLIN, STAFF, VIENNA, PlainSecrets, customer, eur
from tests.simulation.oracle import Seen
from tests.simulation.plans import begun_with
from tests.simulation.world import World

T = TypeVar("T")
TRIES = 5
THINKS_AT_MOST_SECONDS = 2 * 86_400.0
"""Well below the time in which a world must come to rest."""
METHODS = ("fake_card", "fake_card", "fake_card", "fake_card_declined", "fake_card_3ds", "fake_card_3ds")
SLOW_METHODS = ("fake_debit", "fake_debit")
"""In worlds where staff capture: elsewhere the seeds of before are the worlds of before."""


FIRST_REGULAR = 100
"""Their numbers as customers: above those of all who subscribed before."""


@define(eq=False)
class Caller:
    """Somebody who asks the shop for things, and asks again when it does not answer."""

    name: str
    world: World

    async def act(self) -> None:
        """What this one does from the beginning to the end."""
        raise NotImplementedError

    def chance(self, of: float) -> bool:
        return self.world.draw.random() < of

    async def think(self, seconds: float | None = None) -> None:
        """Not at all, for a while, or now and then for much longer."""
        mean = self.world.chances.think_seconds if seconds is None else seconds
        if mean and self.chance(0.6):
            seconds = self.world.draw.expovariate(1 / (mean * (30 if self.chance(0.05) else 1)))
            await asyncio.sleep(min(seconds, THINKS_AT_MOST_SECONDS))

    async def do(self, command: Command[T], actor: Actor, key: str = "") -> T:
        """Raises what the shop raises. With a key it is repeated while nobody answers."""
        return await self._insist(
            type(command).__name__,
            lambda shop: shop.execute(command, context=shop.context(actor, idempotency=_idempotency(command, key))),
            tries=TRIES if key else 1,
        )

    async def _insist(self, what: str, ask: Callable[[Shop], Coroutine[Any, Any, T]], tries: int = TRIES) -> T:
        for again in range(tries):
            try:
                answer = await self.world.ask(self.name, what, ask)
            except Unavailable:
                if again == tries - 1:
                    raise
                self.world.tally["tried again"] += 1
                await asyncio.sleep(self.world.draw.random() * 4**again)
            else:
                self.world.tally[what] += 1
                return answer
        raise AssertionError("unreachable")

    def refused(self, error: ShopError) -> None:
        self.world.tally[f"refused: {error.code}"] += 1

    async def all_at_once(self, wishes: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """What came of those that came to something. Raises what is no refusal of the shop."""
        answers = await asyncio.gather(*wishes, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, ShopError):
                self.refused(answer)
            elif isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]


def _idempotency(command: Command[Any], key: str) -> Idempotency | None:
    if not key:
        return None
    asked = hashlib.sha256(repr(command).encode()).digest()
    return Idempotency(route=type(command).__name__, key=key.replace(" ", "_"), fingerprint=asked)


@define(eq=False)
class Shopper(Caller):
    """Fills carts, orders them once or several times at once, pays, changes their mind, or walks away."""

    _secrets: PlainSecrets = field(factory=PlainSecrets)
    _keys: int = 0
    _added: Counter[VariantId] = field(factory=Counter)
    """What the shop said is in the cart now,"""
    _perhaps: Counter[VariantId] = field(factory=Counter)
    """and what may be in it as well: nobody said whether it is."""

    async def act(self) -> None:
        for _ in range(self.world.chances.visits):
            await self.think()
            try:
                await self._visit()
            except ShopError as error:
                self.refused(error)

    async def _visit(self) -> None:
        cart_id = await self._insist("OpenCart", lambda shop: shop.execute(OpenCart(), actor=GUEST))
        me = self._holding(cart_id)
        await self._fill(cart_id, me)
        if self.chance(0.1):
            return  # walks away
        method = self.world.draw.choice((*METHODS, *SLOW_METHODS) if self.world.chances.captures else METHODS)
        session_id = await self.do(CreatePaymentSession(cart_id=cart_id, method=method), me, self._key())
        order_ids = await self._order(cart_id, me, session_id)
        if order_ids:
            await self._after(order_ids[0], cart_id, method, session_id)

    async def _fill(self, cart_id: CartId, me: Actor) -> None:
        draw = self.world.draw
        variants = [variant_id for _, variant_id in self.world.variants]
        wanted = [AddToCart(cart_id=cart_id, variant_id=v, quantity=draw.choice((1, 1, 2))) for v in variants]
        draw.shuffle(wanted)
        wanted = wanted[: draw.randint(1, len(wanted))]
        self._added, self._perhaps = Counter(), Counter()
        where = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
        if self.chance(0.3):  # in two tabs
            adding = [self._add(command, me) for command in wanted]
            await self.all_at_once([*adding, self._patiently(where, me)])
        else:
            for command in wanted:
                await self.all_at_once([self._add(command, me)])
            await self._patiently(where, me)
        await self._patiently(ChooseShipping(cart_id=cart_id, option_id="standard"), me)

    async def _add(self, command: AddToCart, me: Actor) -> None:
        try:
            await self.do(command, me, self._key() if self.chance(0.7) else "")
        except ShopError:
            self._perhaps[command.variant_id] += command.quantity
            raise
        self._added[command.variant_id] += command.quantity

    def _check_cart(self, cart: CartView) -> None:
        """I13, I4: what was put into the cart is in it, and no more often than that."""
        quantities: Counter[VariantId] = Counter()
        for item in cart.items:
            quantities[item.variant_id] += item.quantity
        for variant_id in quantities.keys() | self._added.keys():
            there, added = quantities.get(variant_id, 0), self._added[variant_id]
            if not added <= there <= added + self._perhaps[variant_id]:
                broken("I13", f"{added} of {variant_id} were put into {cart.id}, and {there} are in it")

    async def _patiently(self, command: Command[None], me: Actor) -> None:
        """What may be done twice needs no key."""
        await self._insist(type(command).__name__, lambda shop: shop.execute(command, actor=me))

    async def _order(self, cart_id: CartId, me: Actor, session_id: PaymentSessionId) -> list[OrderId]:
        """Orders the cart as it is shown, and once more as it is then when it has changed."""
        editing = self.world.begin(self._edit(cart_id, me)) if self.chance(0.25) else None
        for _ in range(2):
            order_ids = await self._click(cart_id, me, session_id)
            if order_ids:
                return order_ids
            await self.think()
        if editing is not None:
            await asyncio.wait({editing})
        return []

    async def _click(self, cart_id: CartId, me: Actor, session_id: PaymentSessionId) -> list[OrderId]:
        cart = await self._insist("GetCart", lambda shop: shop.ask(GetCart(cart_id=cart_id), actor=me))
        self._check_cart(cart)
        self.world.oracle.promises.seen[cart_id].append(_seen(cart))
        await self.think()
        command = CreateOrder(
            cart_id=cart_id, cart_version=cart.version, payment_session_id=session_id, expected_total=cart.total
        )
        key = self._key()
        clicks = self.world.draw.choice((1, 1, 1, 2, 3))
        keys = [key if self.chance(0.5) else self._key() for _ in range(clicks)]
        return await self.all_at_once(self._place(command, me, key) for key in keys)

    async def _place(self, command: CreateOrder, me: Actor, key: str) -> OrderId:
        """As the HTTP request does: place it, pay for it as far as that goes, and show it."""

        async def place(shop: Shop) -> OrderView:
            context = shop.context(me, idempotency=_idempotency(command, key))
            order_id = await shop.execute(command, context=context)
            try:
                await shop.execute(ProcessPayment(order_id=order_id), actor=SYSTEM)
            except ShopError as error:
                self.refused(error)
            return await shop.ask(GetOrder(order_id=order_id), actor=self._holding(order_id))

        order = await self._insist("CreateOrder", place)
        promises = self.world.oracle.promises
        promises.answered(self.name, key, order.id)
        promises.ordered(command.cart_id, order.id)
        if order.payment_status in PAID_FOR:
            promises.paid.add(order.id)
        return order.id

    async def _edit(self, cart_id: CartId, me: Actor) -> None:
        """In another tab, while the order is being placed."""
        try:
            cart = await self._insist("GetCart", lambda shop: shop.ask(GetCart(cart_id=cart_id), actor=me))
            if self.chance(0.3):
                await self._patiently(DescribeCart(cart_id=cart_id, shipping_address=VIENNA), me)
            elif cart.items:
                item = self.world.draw.choice(cart.items)
                self._perhaps[item.variant_id] += 1
                await self._patiently(ChangeCartItem(cart_id=cart_id, item_id=item.id, quantity=item.quantity + 1), me)
        except ShopError as error:
            self.refused(error)

    async def _after(self, order_id: OrderId, cart_id: CartId, method: str, session_id: PaymentSessionId) -> None:
        if self.chance(0.15):
            await self._call_off(order_id)
        if self.world.chances.refused and self.chance(0.9) and await self._was_refused(order_id):
            await self._pay_in_other_ways(order_id, cart_id, method)
        elif method == "fake_card_3ds":
            await self._answer_challenge(order_id, cart_id, session_id)
        elif method == "fake_card_declined" and self.chance(0.7):
            await self.think()
            await self._pay_otherwise(cart_id)
        if self.chance(0.15):
            await self._call_off(order_id)

    async def _answer_challenge(self, order_id: OrderId, cart_id: CartId, session_id: PaymentSessionId) -> None:
        """At once, in an hour, or never; in the browser, through the shop, or both at the same time."""
        await self.think(self.world.draw.choice((1.0, 60.0, 3600.0)))
        how = self.world.draw.choice(("browser", "browser", "server", "both", "fails", "never"))
        if how in ("browser", "both", "fails"):
            self._in_browser(order_id, passes=how != "fails")
        if how in ("server", "both"):
            await self.do(ConfirmPayment(session_id=session_id), self._holding(cart_id))
        if how == "fails" and self.chance(0.5):
            await self._pay_otherwise(cart_id)

    async def _was_refused(self, order_id: OrderId) -> bool:
        me = self._holding(order_id)
        order = await self._insist("GetOrder", lambda shop: shop.ask(GetOrder(order_id=order_id), actor=me))
        return order.payment_status is PaymentStatus.FAILED

    async def _pay_in_other_ways(self, order_id: OrderId, cart_id: CartId, method: str) -> None:
        """One after the other, or two at once in two tabs."""
        me, others = self._holding(cart_id), [other for other in sorted(set(METHODS)) if other != method]
        self.world.draw.shuffle(others)
        await self.think()
        sessions = [
            await self.do(CreatePaymentSession(cart_id=cart_id, method=other), me, self._key()) for other in others
        ]
        if self.chance(0.3):
            await self.all_at_once([self.do(ConfirmPayment(session_id=session_id), me) for session_id in sessions])
        else:
            for session_id in sessions:
                await self.all_at_once([self.do(ConfirmPayment(session_id=session_id), me)])
                await self.think()
        self._in_browser(order_id, passes=self.chance(0.8))

    def _in_browser(self, order_id: OrderId, *, passes: bool) -> None:
        for ref, order_uuid in self.world.books.order_of.items():
            intent = self.world.books.intents[ref]
            if order_uuid == str(order_id.uuid) and intent.status is AttemptStatus.REQUIRES_ACTION:
                self.world.note(self.name, f"{'passes' if passes else 'fails'} the challenge of {ref}")
                if passes:
                    self.world.provider.shopper_confirms(ref)
                else:
                    self.world.provider.shopper_fails(ref)

    async def _pay_otherwise(self, cart_id: CartId) -> None:
        me = self._holding(cart_id)
        session_id = await self.do(CreatePaymentSession(cart_id=cart_id, method="fake_card"), me, self._key())
        tries = [self.do(ConfirmPayment(session_id=session_id), me) for _ in range(2 if self.chance(0.3) else 1)]
        await self.all_at_once(tries)

    async def _call_off(self, order_id: OrderId) -> None:
        try:
            await self.do(CancelOrder(order_id=order_id), self._holding(order_id))
        except ShopError as error:
            self.refused(error)
        else:
            self.world.oracle.promises.called_off.add(order_id)

    def _holding(self, thing: CartId | OrderId) -> Actor:
        return evolve(GUEST, token=self._secrets.guest_token(thing))

    def _key(self) -> str:
        self._keys += 1
        return f"{self.name} {self._keys}"


def _seen(cart: CartView) -> Seen:
    return Seen(cart.total, tuple(sorted((item.variant_id, item.quantity) for item in cart.items)))


@define(eq=False)
class Regular(Shopper):
    """A shopper who has signed in, and wants something of it every day; and now and then ends that at once."""

    number: int = 0

    async def _visit(self) -> None:
        me = customer(FIRST_REGULAR + self.number)
        cart_id = await self._insist("OpenCart", lambda shop: shop.execute(OpenCart(), actor=me))
        await self._fill(cart_id, me)
        method = self.world.draw.choice(METHODS)
        session_id = await self.do(CreatePaymentSession(cart_id=cart_id, method=method), me, self._key())
        orders = await self._order(cart_id, me, session_id)
        if orders:
            await self._after(orders[0], cart_id, method, session_id)
            if self.chance(0.2):
                await self._end(orders[0], me)

    async def _fill(self, cart_id: CartId, me: Actor) -> None:
        draw, variants = self.world.draw, [variant_id for _, variant_id in self.world.variants]
        plans = draw.choice(([0], [1], [0, 1], [0, 0]))
        wanted = [
            AddToCart(cart_id=cart_id, variant_id=variants[0], plan_id=self.world.plans[plan], quantity=1)
            for plan in plans
        ]
        if self.chance(0.5):
            wanted.append(AddToCart(cart_id=cart_id, variant_id=draw.choice(variants), quantity=1))
        self._added, self._perhaps = Counter(), Counter()
        for command in wanted:
            await self.all_at_once([self._add(command, me)])
        where = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
        await self._patiently(where, me)
        await self._patiently(ChooseShipping(cart_id=cart_id, option_id="standard"), me)

    async def _end(self, order_id: OrderId, me: Actor) -> None:
        for subscription in begun_with(self.world.oracle.tables, order_id):
            await self.think()
            command = CancelSubscription(subscription_id=subscription.id)

            async def end(shop: Shop, command: CancelSubscription = command) -> None:
                await shop.execute(command, actor=me)

            await self._insist("CancelSubscription", end)
            self.world.oracle.promises.ended.add(subscription.id)

    def _holding(self, thing: CartId | OrderId) -> Actor:
        return customer(FIRST_REGULAR + self.number)


@define(eq=False)
class Subscriber(Caller):
    """Pauses, changes and ends what comes daily, while several schedulers renew it."""

    number: int = 0

    async def act(self) -> None:
        self.world.begin(self._schedulers())
        for _ in range(self.world.draw.randint(0, 4)):
            await self.think(60.0)
            act = self.world.draw.choice((self._pause, self._change, self._decline, self._end))
            try:
                await act()
            except ShopError as error:
                self.refused(error)

    async def _schedulers(self) -> None:
        """Several of them find it due at the same moment."""
        await asyncio.sleep(self.world.subscriptions[self.number][1] + 0.001)
        looks = [CarryOnSubscription(subscription_id=self._id, refresh=self.chance(0.3)) for _ in range(3)]
        await self.all_at_once(self.do(look, SYSTEM) for look in looks)

    async def _pause(self) -> None:
        await self._mine(PauseSubscription(subscription_id=self._id))
        await self.think(20.0)
        await self._mine(ResumeSubscription(subscription_id=self._id))

    async def _change(self) -> None:
        await self._mine(ChangeSubscription(subscription_id=self._id, quantity=self.world.draw.choice((1, 2, 3))))

    async def _decline(self) -> None:
        """Until the world calms down the card is no good."""
        if self.world.stormy:
            await self._mine(ChangeSubscription(subscription_id=self._id, method="fake_card_declined"))

    async def _end(self) -> None:
        if self.chance(0.5):
            await self._mine(CancelSubscription(subscription_id=self._id))
            self.world.oracle.promises.ended.add(self._id)
        else:
            await self._mine(CancelSubscription(subscription_id=self._id, at_period_end=True))

    @property
    def _id(self) -> SubscriptionId:
        return self.world.subscriptions[self.number][0]

    async def _mine(self, command: Command[Any]) -> None:
        """Whatever may be done twice needs no key."""
        me = customer(self.number + 1)
        await self._insist(type(command).__name__, lambda shop: shop.execute(command, actor=me))


@define(eq=False)
class Staff(Caller):
    """Receives goods, counts, changes prices and archives in the middle of checkouts, and calls orders off."""

    _acts: int = 0

    async def act(self) -> None:
        for _ in range(self.world.chances.staff):
            await self.think(30.0)
            self._acts += 1
            act = self.world.draw.choice(
                (self._adjust, self._adjust, self._count, self._reprice, self._hide, self._cancel)
            )
            try:
                await act()
            except ShopError as error:
                self.refused(error)

    def _variant(self) -> VariantId:
        return self.world.draw.choice(self.world.variants)[1]

    async def _adjust(self) -> None:
        """With a key and repeated, or without and then only once: either way it happens at most once."""
        reason = f"adjustment {self._acts}"
        key = reason if self.chance(0.7) else ""
        command = AdjustStock(variant_id=self._variant(), delta=self.world.draw.choice((-1, 1, 2)), reason=reason)
        promises = self.world.oracle.promises
        promises.once.add(reason)
        movement_id = await self.do(command, STAFF, key)
        promises.moved.add(movement_id)
        if key:
            promises.answered(self.name, key, movement_id)
            if self.chance(0.3):
                promises.answered(self.name, key, await self.do(command, STAFF, key))

    async def _count(self) -> None:
        await self.do(
            CountStock(variant_id=self._variant(), counted=self.world.draw.randint(0, 8), reason=f"count {self._acts}"),
            STAFF,
        )

    async def _reprice(self) -> None:
        number = self.world.draw.randrange(len(self.world.variants))
        product_id, variant_id = self.world.variants[number]
        prices = (Price(amount=eur(400 + self.world.draw.randrange(900))),)
        if self.chance(0.5):
            await self.do(UpdateVariant(product_id=product_id, variant_id=variant_id, prices=prices), STAFF)
        else:
            stock = self.world.draw.choice((None, None, 0, 3, 8))
            variant = VariantRecord(sku=f"THING-{number}", prices=prices, weight_grams=100, stock=stock)
            record = ProductRecord(handle=f"thing-{number}", title=f"Thing {number}", variants=(variant,))
            await self._insist("ImportProduct", lambda s: s.execute(ImportProduct(record=record), actor=STAFF))

    async def _hide(self) -> None:
        """Takes a product off sale, and puts it back after a while."""
        product_id, _ = self.world.draw.choice(self.world.variants)
        await self.do(UpdateProduct(product_id=product_id, status=ProductStatus.DRAFT), STAFF)
        await self.think(20.0)
        back = UpdateProduct(product_id=product_id, status=ProductStatus.ACTIVE)
        await self._insist("UpdateProduct", lambda shop: shop.execute(back, actor=STAFF))

    async def _cancel(self) -> None:
        orders = (
            await self._insist("GetAllOrders", lambda s: s.ask(GetAllOrders(page=PageRequest(limit=20)), actor=STAFF))
        ).data
        alive = [order.id for order in orders if order.status is not OrderStatus.CANCELLED]
        if alive:
            order_id = self.world.draw.choice(alive)
            await self.do(CancelAnyOrder(order_id=order_id), STAFF)
            self.world.oracle.promises.called_off.add(order_id)


@define(eq=False)
class Cashier(Caller):
    """Captures what is authorised, or a part of it, or lets go of it, or both at the same moment."""

    _acts: int = 0

    async def act(self) -> None:
        for _ in range(self.world.chances.captures):
            await self.think(60.0)
            await asyncio.sleep(self.world.draw.random() * 60.0)
            try:
                waiting = await self._waiting()
                if waiting:
                    await self._decide(self.world.draw.choice(waiting))
            except ShopError as error:
                self.refused(error)

    async def _waiting(self) -> list[PaymentView]:
        which = PaymentFilter(statuses=frozenset({AttemptStatus.AUTHORIZED}))
        page = await self._insist("GetPayments", lambda shop: shop.ask(GetPayments(which=which), actor=STAFF))
        return page.data

    async def _decide(self, payment: PaymentView) -> None:
        draw = self.world.draw
        part = eur(draw.randint(1, payment.amount.minor)) if self.chance(0.4) else None
        capture = CapturePayment(payment_id=payment.id, amount=part)
        void = VoidPayment(payment_id=payment.id)
        wishes = draw.choice(([capture], [capture], [void], [capture, void], [capture, capture]))
        await self.all_at_once(self._bring_about(payment, wish) for wish in wishes)

    async def _bring_about(self, payment: PaymentView, wish: Command[PaymentId]) -> None:
        """As the HTTP request does: keep the wish, take it to the provider, and show how the payment stands."""
        self._acts += 1
        key = f"{self.name} {self._acts}"
        await self.do(wish, STAFF, key)

        async def carry_on(shop: Shop) -> PaymentView:
            try:
                await shop.execute(ProcessPayment(order_id=payment.order_id), actor=SYSTEM)
            except ShopError as error:
                self.refused(error)
            return await shop.ask(GetPayment(payment_id=payment.id), actor=STAFF)

        shown = await self._insist("ProcessPayment", carry_on)
        promises = self.world.oracle.promises
        self.world.tally[f"{type(wish).__name__}: {shown.status}"] += 1
        if isinstance(wish, CapturePayment) and shown.captured == shown.capture_due:
            promises.captured[shown.order_id] = shown.captured
        elif shown.status is AttemptStatus.CANCELLED:
            promises.called_off.add(shown.order_id)


@define(eq=False)
class Provider:
    """What a provider does by its own doing: authorisations lapse, money is taken from its dashboard, banks dawdle."""

    world: World

    def hears(self, ref: str, status: AttemptStatus) -> None:
        """An intent came into this state: perhaps something will happen to it."""
        world = self.world
        if status is AttemptStatus.PROCESSING:
            world.begin(self._debit(ref))
        if world.stormy and world.draw.random() < world.chances.provider_acts:
            world.begin(self._act_on(ref, world.draw.choice((0.0, 0.0, 0.02, 1.0, 60.0, 600.0)) * world.draw.random()))

    async def _debit(self, ref: str) -> None:
        """A bank decides about a debit, at once or after days."""
        world = self.world
        await asyncio.sleep(world.draw.choice((10.0, 3600.0, 3 * 86_400.0)) * world.draw.random())
        if world.books.intents[ref].status is AttemptStatus.PROCESSING:
            world.tally["bank decides"] += 1
            world.provider.bank_debits(ref, paid=world.draw.random() < 0.6)

    async def _act_on(self, ref: str, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        world = self.world
        intent = world.books.intents[ref]
        act = world.draw.choice(("lapses", "dashboard", "dawdles", "other sum"))
        if act == "lapses" and intent.status is AttemptStatus.AUTHORIZED:
            world.alter(ref, status=AttemptStatus.CANCELLED)
        elif act == "dashboard" and intent.status in (AttemptStatus.AUTHORIZED, AttemptStatus.REQUIRES_ACTION):
            world.alter(ref, status=AttemptStatus.CAPTURED, captured=intent.minor)
        elif act == "dawdles" and intent.status is AttemptStatus.REQUIRES_ACTION:
            world.alter(ref, status=AttemptStatus.PROCESSING)
            world.begin(self._decide(ref, world.draw.uniform(10.0, 20_000.0)))
        elif act == "other sum" and world.chances.other_sums:
            world.alter(ref, status=AttemptStatus.CAPTURED, minor=intent.minor - 100, captured=intent.minor - 100)

    async def _decide(self, ref: str, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        if self.world.books.intents[ref].status is AttemptStatus.PROCESSING:
            status = self.world.draw.choice((AttemptStatus.AUTHORIZED, AttemptStatus.FAILED))
            self.world.alter(ref, status=status)
