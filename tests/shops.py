"""A small shop with everything around it that a test turns: the clock, the ids, the provider, the worker."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TypeVar
from uuid import UUID

from attrs import define, evolve, field

from shop.adapters.fake.billing_books import MemoryBillingBooks
from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.saved_methods import FakeSavedMethods
from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.memory.markup import PlainMarkup
from shop.adapters.memory.tables import Tables
from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.catalog import CreateProduct, NewVariant
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.orders import ExpireOrder
from shop.application.commands.payments import CreatePaymentSession, ProcessPayment, ReceiveProviderNews
from shop.application.messages import GUEST, SYSTEM, Actor, Command, Context, Idempotency
from shop.application.ports.cache import RateLimit, RateVerdict, WhenAway
from shop.application.ports.identity import CredentialsRejected
from shop.application.ports.options import Options
from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.storage import Storage
from shop.application.queries.orders import GetOverdueOrders
from shop.application.queries.payments import GetUnfinishedPayments
from shop.application.shop import Shop
from shop.application.wiring import Ports, subscribers
from shop.domain.catalog import Price, ProductStatus
from shop.domain.inventory import Reservation, StockLevel
from shop.domain.kernel.address import Address
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import ApiKeyId, CartId, Identifier, OrderId, PaymentSessionId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.ledger import LedgerEntry
from shop.domain.orders import Order
from shop.domain.payments import Payment
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod
from shop.domain.store import Store
from tests.people import people_ports
from tests.storages import open_storage, tables_of

I = TypeVar("I", bound=Identifier)  # noqa: E741
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
WEBHOOK_SECRET = "whsec_small_shop"
BERLIN = Address(name="Ada Lovelace", line1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")
VIENNA = Address(name="Ada Lovelace", line1="Ring 1", postal_code="1010", city="Wien", country="AT")
SETTINGS = StoreSettings(
    store=Store(
        name="Small",
        country="DE",
        currencies=("EUR", "USD"),
        ships_to=("DE", "AT", "CH"),
        capture=CapturePolicy.AUTOMATIC,
    ),
    taxes=TaxTable(
        rates=(
            TaxRate(name="VAT", country="DE", rate=Decimal("0.19")),
            TaxRate(name="VAT", country="AT", rate=Decimal("0.20")),
        )
    ),
    shipping_methods=(
        ShippingMethod(
            code="standard",
            name="Standard",
            countries=frozenset({"DE", "AT"}),
            flat=(Money(490, "EUR"), Money(590, "USD")),
        ),
        ShippingMethod(code="express", name="Express", countries=frozenset({"DE"}), flat=(Money(1290, "EUR"),)),
    ),
)
STAFF = Actor(kind="api_key", id=ApiKeyId(UUID(int=77)), scopes=frozenset({"*"}))


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


class SettableClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


class CountedIds:
    """Ids in the order in which they were asked for, the same in every run."""

    def __init__(self) -> None:
        self.made = 0

    def new(self, kind: type[I]) -> I:
        self.made += 1
        return kind(UUID(int=(0x0197_0000_0000_7000_8000_0000_0000_0000) + self.made))


class PlainSecrets:
    """Tokens that anybody could guess."""

    def __init__(self, draw: Callable[[], object] | None = None) -> None:
        self._made: list[str] = []
        self._draw = draw or count().__next__

    def guest_token(self, thing: CartId | OrderId) -> str:
        return f"token of {thing}"

    def is_guest_token(self, token: str, thing: CartId | OrderId) -> bool:
        return token == self.guest_token(thing)

    def new_api_key(self, key_id: ApiKeyId) -> str:
        return self._minted(f"sk_test_{key_id}")

    def new_publishable_key(self, key_id: ApiKeyId) -> str:
        return self._minted(f"pk_test_{key_id}")

    def _minted(self, secret: str) -> str:
        """The first of a key is its name; one that is rotated has others."""
        self._made.append(secret)
        times = self._made.count(secret)
        return secret if times == 1 else f"{secret}_{times}"

    def new_secret(self) -> str:
        """The same in every run, so that a simulation can be repeated."""
        return hashlib.sha256(f"secret {self._draw()}".encode()).hexdigest()

    def derive(self, purpose: str, name: str) -> bytes:
        return hashlib.sha256(f"{purpose}\0{name}".encode(errors="surrogatepass")).digest()

    def fingerprint(self, secret: str) -> bytes:
        return hashlib.sha256(secret.encode(errors="replace")).digest()


class DroppedTags:
    """A cache that remembers nothing but which tags were dropped."""

    def __init__(self) -> None:
        self.dropped: list[str] = []

    async def get(self, key: str) -> bytes | None:
        return None

    async def put(self, key: str, value: bytes, *, ttl_seconds: float, tags: tuple[str, ...] = ()) -> None:
        """Forgets it at once."""

    async def drop(self, *tags: str) -> None:
        self.dropped += tags

    async def close(self) -> None:
        """Nothing to let go of."""


class NoLimits:
    """Lets everybody through."""

    async def hit(self, key: str, limit: RateLimit, *, when_away: WhenAway = "open") -> RateVerdict:
        return RateVerdict(True, limit.quota, 0)

    async def close(self) -> None:
        """Nothing to let go of."""


class NobodyKnown:
    """Rejects every credential: tests name their actors themselves."""

    async def identify(self, credential: str) -> Actor:
        raise CredentialsRejected


class OpenBooks(MemoryBooks):
    """The fake provider's books, open to tests."""

    @property
    def intents(self) -> Mapping[str, BookedIntent]:
        return self._intents

    def alter(self, intent: BookedIntent) -> None:
        """What the provider did by itself, of which it says nothing."""
        self._intents[intent.ref] = intent


@define(eq=False)
class SmallShop:
    """The shop and its surroundings. `shop` is the front door; everything else is for looking and turning."""

    shop: Shop
    storage: Storage
    provider: FakePaymentGateway
    billing: FakeSubscriptionBilling
    saved_methods: FakeSavedMethods
    books: OpenBooks
    clock: SettableClock
    ids: CountedIds
    cache: DroppedTags
    secrets: PlainSecrets = field(factory=PlainSecrets)
    troubles: list[ShopError] = field(factory=list)

    def with_ports(self, storage: Storage | None = None, gateway: PaymentGateway | None = None) -> "SmallShop":
        """Another process of the same shop, which reaches storage and provider by other ways."""
        ports = evolve(
            self.shop.ports,
            storage=storage or self.storage,
            gateway=gateway or self.shop.ports.gateway,
        )
        return evolve(self, shop=Shop(ports, jitter=lambda: 0.0))

    def context(self, actor: Actor = SYSTEM, key: Idempotency | None = None) -> Context:
        return self.shop.context(actor, idempotency=key)

    def guest(self, thing: CartId | OrderId) -> Actor:
        return evolve(GUEST, token=self.secrets.guest_token(thing))

    # What shoppers do.

    async def product(
        self,
        slug: str = "linen-shirt",
        *,
        price: int = 1999,
        stock: int | None = 10,
        tracked: bool = True,
        requires_shipping: bool = True,
        backorder_limit: int = 0,
    ) -> VariantId:
        """A product on sale that comes one way only; its variant."""
        product_id = await self.shop.execute(
            CreateProduct(
                slug=slug,
                title=slug.replace("-", " ").title(),
                status=ProductStatus.ACTIVE,
                variants=(
                    NewVariant(
                        sku=slug.upper(),
                        prices=(Price(amount=eur(price)), Price(amount=Money(price + 200, "USD"))),
                        weight_grams=250,
                        tracked=tracked,
                        requires_shipping=requires_shipping,
                        backorder_limit=backorder_limit,
                        stock=stock,
                    ),
                ),
            )
        )
        async with self.storage.uow(self.context()) as tx:
            return (await tx.products.get(product_id)).variants[0].id

    async def cart(self, *wanted: tuple[VariantId, int], actor: Actor = GUEST, ready: bool = True) -> CartId:
        """A cart with these in it, ready to be ordered."""
        cart_id = await self.shop.execute(OpenCart(), actor=actor)
        owner = actor if actor.id else self.guest(cart_id)
        for variant_id, quantity in wanted:
            await self.shop.execute(AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=quantity), actor=owner)
        if ready:
            await self.shop.execute(
                DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN), actor=owner
            )
            await self.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"), actor=owner)
        return cart_id

    async def session(self, cart_id: CartId, method: str = "fake_card") -> PaymentSessionId:
        return await self.shop.execute(CreatePaymentSession(cart_id=cart_id, method=method))

    async def order_command(self, cart_id: CartId, method: str = "fake_card") -> CreateOrder:
        """The command that orders this cart as it is now."""
        session_id = await self.session(cart_id, method)
        async with self.storage.uow(self.context()) as tx:
            version = (await tx.carts.get(cart_id)).version
        return CreateOrder(cart_id=cart_id, cart_version=version, payment_session_id=session_id)

    async def place(self, cart_id: CartId, method: str = "fake_card") -> OrderId:
        """An order that nobody has begun to pay."""
        return await self.shop.execute(await self.order_command(cart_id, method))

    async def buy(self, *wanted: tuple[VariantId, int], method: str = "fake_card") -> OrderId:
        """An order that is paid as far as it goes without the shopper."""
        return await self.buy_cart(await self.cart(*wanted), method)

    async def buy_cart(self, cart_id: CartId, method: str = "fake_card") -> OrderId:
        order_id = await self.place(cart_id, method)
        await self.pay(order_id)
        return order_id

    async def pay(self, order_id: OrderId, *, refresh: bool = False) -> None:
        await self.shop.execute(ProcessPayment(order_id=order_id, refresh=refresh))

    # What the world does by itself.

    async def post_news(self, *, limit: int = 1000) -> int:
        """The provider posts what it has to tell. How many messages that were."""
        told = (self.provider.take_news(limit), self.billing.take_news(limit), self.saved_methods.take_news(limit))
        messages = [message for messages in told for message in messages]
        for message in messages:
            await self.shop.execute(self.message(message.body))
        return len(messages)

    def message(self, body: bytes) -> ReceiveProviderNews:
        return ReceiveProviderNews(provider="fake", body=body, headers=self.provider.signed_headers(body))

    async def deliver(self, limit: int = 100) -> list[Delivery]:
        """Carries out every delivery that is due, as the worker does; a failed one is due again in a minute."""
        now, outbox = self.clock.now(), self.storage.outbox
        deliveries = await outbox.claim(now, now + timedelta(minutes=1), limit)
        for delivery in deliveries:
            try:
                await self.shop.react(delivery)
            except ShopError as problem:
                await outbox.retry(delivery, now + timedelta(minutes=1), str(problem))
            else:
                await outbox.done(delivery, now)
        return deliveries

    async def sweep(self) -> None:
        """What the worker does by the clock: unfinished payments, and orders that nobody paid in time."""
        for order_id in await self.shop.ask(GetUnfinishedPayments()):
            await self._bearing_with_trouble(ProcessPayment(order_id=order_id, refresh=True))
        for order_id in await self.shop.ask(GetOverdueOrders()):
            await self._bearing_with_trouble(ExpireOrder(order_id=order_id))

    async def settle_down(self, minutes: int = 90) -> None:
        """Lets time pass until all that can be done without people is done."""
        for _ in range(minutes):
            await self.post_news()
            await self.deliver()
            await self.sweep()
            self.clock.forward(timedelta(minutes=1))

    async def _bearing_with_trouble(self, command: Command[object]) -> None:
        try:
            await self.shop.execute(command)
        except ShopError as trouble:
            self.troubles.append(trouble)

    # How things stand.

    @property
    def tables(self) -> Tables:
        """What is in memory; a test that looks there is left out where a database keeps it."""
        return tables_of(self.storage)

    async def order(self, order_id: OrderId) -> Order:
        async with self.storage.uow(self.context()) as tx:
            return await tx.orders.get(order_id)

    async def payment(self, order_id: OrderId) -> Payment:
        async with self.storage.uow(self.context()) as tx:
            return await tx.payments.of_order(order_id)

    async def entries(self, order_id: OrderId) -> list[LedgerEntry]:
        async with self.storage.uow(self.context()) as tx:
            return await tx.ledger.of_order(order_id)

    async def reservations(self, order_id: OrderId) -> list[Reservation]:
        async with self.storage.uow(self.context()) as tx:
            return await tx.stock.reservations(order_id)

    async def level(self, variant_id: VariantId) -> StockLevel:
        async with self.storage.uow(self.context()) as tx:
            return (await tx.stock.levels([variant_id]))[0]

    async def open_deliveries(self) -> int:
        return (await self.storage.outbox.backlog()).get(DeliveryState.PENDING, 0)


async def open_small_shop(
    gateway: Callable[[FakePaymentGateway], PaymentGateway] = lambda provider: provider,
) -> SmallShop:
    """A shop with settings and nothing on sale yet. `gateway` may put something between shop and provider."""
    clock, ids, books, cache = SettableClock(), CountedIds(), OpenBooks(), DroppedTags()
    storage = open_storage(Options(environment={}, clock=clock, ids=ids, subscribers=subscribers()))
    await storage.open()
    provider = FakePaymentGateway(books, clock, WEBHOOK_SECRET)
    billing = FakeSubscriptionBilling(provider, MemoryBillingBooks(), clock)
    saved_methods = FakeSavedMethods(provider.wallets, clock)
    secrets = PlainSecrets()
    ports = Ports(
        storage=storage,
        gateway=gateway(provider),
        billing=billing,
        saved_methods=saved_methods,
        cache=cache,
        limiter=NoLimits(),
        clock=clock,
        ids=ids,
        secrets=secrets,
        authenticator=NobodyKnown(),
        markup=PlainMarkup(),
        **people_ports(clock, secrets),
    )
    small = SmallShop(
        shop=Shop(ports, jitter=lambda: 0.0),
        storage=storage,
        provider=provider,
        billing=billing,
        saved_methods=saved_methods,
        books=books,
        clock=clock,
        ids=ids,
        cache=cache,
    )
    async with storage.uow(small.context()) as tx:
        tx.store.save(SETTINGS)
    return small


@define
class ClockAhead:
    """A clock that may be moved, as every shop has one that is not in production."""

    clock: SettableClock
    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.clock.now() + self.offset

    def move(self, offset: timedelta) -> None:
        self.offset = offset


def for_trying_out(small: SmallShop) -> SmallShop:
    """The same shop, not in production."""
    return evolve(small, shop=Shop(evolve(small.shop.ports, clock=ClockAhead(small.clock)), jitter=lambda: 0.0))


def customer(number: int = 1) -> Actor:
    """Somebody who signed in."""
    return Actor(kind="user", id=UserId(UUID(int=number)))
