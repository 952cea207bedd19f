"""A whole shop with everybody around it, on one seed: several processes over one storage and one payment provider.

First everything goes wrong that the seed wants; then nothing does any more, and the shop has seven days to come to
rest. Time is virtual throughout.
"""

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from typing import Any, TypeVar
from uuid import UUID

from attrs import define, evolve, field, frozen

from shop.adapters.fake.billing_books import MemoryBillingBooks
from shop.adapters.fake.faults import FaultyGateway, RandomFaults
from shop.adapters.fake.news import OutgoingNews
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.saved_methods import FakeSavedMethods
from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.fake.wallet_books import MemoryWalletBooks
from shop.adapters.memory.markup import PlainMarkup
from shop.adapters.memory.storage import MemoryStorage
from shop.application.commands.catalog import CreateProduct, NewVariant
from shop.application.commands.inventory import AdjustStock, CreateLocation
from shop.application.commands.payments import ReceiveProviderNews
from shop.application.commands.plans import CreatePlan
from shop.application.commands.subscriptions import CarryOnSubscription, ChangeSubscription, Subscribe
from shop.application.messages import Actor
from shop.application.ports.payments import IntentRequest
from shop.application.shop import Shop
from shop.application.wiring import Ports, subscribers
from shop.domain.catalog import Price, ProductStatus
from shop.domain.identity import User
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.domain.kernel.identifiers import Identifier, PlanId, ProductId, SubscriptionId, VariantId
from shop.domain.payments import AttemptStatus
from shop.domain.subscriptions import Interval, IntervalUnit, SubscriptionStatus
from shop.entrypoints.worker.deliveries import deliver_once
from shop.entrypoints.worker.schedule import run_schedule_once
from tests.invariants import Broken, broken
from tests.people import people_ports
from tests.shops import BERLIN, SETTINGS, DroppedTags, NobodyKnown, NoLimits, PlainSecrets, customer, eur
from tests.simulation.chances import CALM_NEWS, CALM_STORAGE, Chances, NewsTrouble, StorageTrouble
from tests.simulation.lines import CustomersOverALine, Line, StorageOverALine
from tests.simulation.loop import SimLoop
from tests.simulation.oracle import Oracle, WatchedBooks
from tests.simulation.plans import offer_plans

T = TypeVar("T")
I = TypeVar("I", bound=Identifier)  # noqa: E741
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAYS_TO_REST = 7
DAY_SECONDS = 86_400.0
STEPS_MAX = 500_000
WEBHOOK_SECRET = "whsec_simulation"
FIRST_SAVER = 200
"""Their numbers as customers: above those of all who subscribe."""


class NoAnswer(Unavailable):
    """Nobody answered: the process died, was dead, or took too long."""


@frozen
class VirtualClock:
    """The loop's time as a time of day, a little off in each process."""

    loop: SimLoop
    skew_seconds: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=round(self.loop.time() + self.skew_seconds, 6))


@define
class DrawnIds:
    """Ids that only grow, by steps that the seed draws."""

    draw: random.Random
    _last: int = 0x0197_0000_0000_7000_8000_0000_0000_0000

    def new(self, kind: type[I]) -> I:
        self._last += 1 + self.draw.getrandbits(12)
        return kind(UUID(int=self._last))


class _Bugs(logging.Handler):
    """Hears of what the shop itself calls an error: a mistake in its own code."""

    def __init__(self, heard: Callable[[BaseException], None]) -> None:
        super().__init__(logging.ERROR)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._heard(error or AssertionError(record.getMessage()))


@define(eq=False)
class Process:
    """A server with a worker in it. When it dies all that it had begun ends at once, and its memory is gone."""

    name: str
    world: "World"
    skew_seconds: float
    shop: Shop | None = None
    _line: Line = field(init=False)
    _tasks: dict[asyncio.Task[Any], None] = field(factory=dict)
    """In the order in which they began: a set would be in another order in every run."""

    def start(self) -> None:
        world = self.world
        self._line = Line(world.draw, lambda: world.storage_trouble, world.oracle)
        clock = VirtualClock(world.loop, self.skew_seconds)
        provider = world.new_provider()
        provider.refuses = world.refuses
        gateway, gateway_of_billing = (
            FaultyGateway(
                reached, world.provider_trouble, asyncio.sleep, slow_seconds=world.chances.provider_slow_seconds
            )
            for reached in (provider, world.new_provider())
        )
        self.shop = Shop(
            Ports(
                storage=StorageOverALine(world.storage, self._line),
                gateway=gateway,
                billing=FakeSubscriptionBilling(gateway_of_billing, world.billing_books, VirtualClock(world.loop)),
                saved_methods=CustomersOverALine(world.wallet_books, clock, gateway),
                cache=DroppedTags(),
                limiter=NoLimits(),
                clock=clock,
                ids=world.ids,
                secrets=PlainSecrets(world.draw.random),
                authenticator=NobodyKnown(),
                markup=PlainMarkup(),
                **people_ports(clock, PlainSecrets()),
            ),
            jitter=world.draw.random,
        )
        self._begin(self._work(self.shop))

    def die(self) -> None:
        self._line.cut, self.shop = True, None
        for task in list(self._tasks):
            task.cancel()

    async def serve(self, ask: Callable[[Shop], Coroutine[Any, Any, T]]) -> T:
        """What a caller gets. Raises what the shop raises, and NoAnswer when nobody answers in time."""
        if self.shop is None:
            raise NoAnswer("Connection refused.")
        task = self._begin(ask(self.shop))
        done, _ = await asyncio.wait({task}, timeout=self.world.chances.patience_seconds)
        if not done:
            if self.world.draw.random() < 0.5:
                task.cancel()  # as some servers do when a client hangs up; others carry on
            raise NoAnswer("It took too long.")
        if task.cancelled():
            raise NoAnswer("The connection was lost.")
        return task.result()

    def _begin(self, steps: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self.world.begin(steps)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    async def _work(self, shop: Shop) -> None:
        world = self.world
        idle = 0
        while True:
            busy = 0
            try:
                busy = len(await deliver_once(shop, jitter=world.draw.random))
            except Unavailable:
                world.tally["worker without storage"] += 1
            await run_schedule_once(shop)
            idle = 0 if busy else idle + 1
            pause = world.chances.worker_pause_seconds * (0.5 + world.draw.random()) * 2 ** min(idle, 10)
            await asyncio.sleep(min(pause, 60.0 if world.stormy else 900.0))


@frozen
class Outcome:
    """What a run came to: the same for the same seed, to the last step."""

    seed: int
    fingerprint: int
    steps: int
    commits: int
    state: str
    virtual_seconds: float
    tally: dict[str, int]


class SeedFailed(AssertionError):
    """A rule was broken; says with which seed, and how to see it again."""

    def __init__(self, chances: Chances, what: BaseException, trace: list[str]) -> None:
        super().__init__(
            "\n".join(
                [
                    f"seed {chances.seed}: {what!r}",
                    *(f"    {line}" for line in chances.lines),
                    f"To see it again: python -m tests.simulation {chances.seed}",
                ]
            )
        )
        self.seed, self.what, self.trace = chances.seed, what, trace


@define(eq=False)
class World:
    """Everything of one run."""

    chances: Chances
    tracing: bool = False
    loop: SimLoop = field(init=False)
    draw: random.Random = field(init=False)
    ids: DrawnIds = field(init=False)
    storage: MemoryStorage = field(init=False)
    books: WatchedBooks = field(init=False)
    oracle: Oracle = field(init=False)
    provider: FakePaymentGateway = field(init=False)
    billing_books: MemoryBillingBooks = field(factory=MemoryBillingBooks)
    wallet_books: MemoryWalletBooks = field(factory=MemoryWalletBooks)
    billing: FakeSubscriptionBilling = field(init=False)
    saved_methods: FakeSavedMethods = field(init=False)
    provider_trouble: RandomFaults = field(init=False)
    storage_trouble: StorageTrouble = field(init=False)
    news_trouble: NewsTrouble = field(init=False)
    processes: list[Process] = field(factory=list)
    variants: list[tuple[ProductId, VariantId]] = field(factory=list)
    subscriptions: list[tuple[SubscriptionId, float]] = field(factory=list)
    """With the seconds until each is due again."""
    plans: list[PlanId] = field(factory=list)
    """What regulars put into their carts."""
    tally: Counter[str] = field(factory=Counter)
    trace: list[str] = field(factory=list)
    stormy: bool = True
    days_to_rest: int = DAYS_TO_REST
    heard_by_provider: Callable[[str, AttemptStatus], None] = lambda ref, status: None
    _tasks: set[asyncio.Task[Any]] = field(factory=set)
    _posts: set[asyncio.Task[Any]] = field(factory=set)
    _stopped: asyncio.Future[None] = field(init=False)
    _verdict: BaseException | None = None

    def __attrs_post_init__(self) -> None:
        chances = self.chances
        self.loop = SimLoop(random.Random(f"loop:{chances.seed}"), steps_max=STEPS_MAX)
        self.draw = random.Random(f"world:{chances.seed}")
        self.ids = DrawnIds(random.Random(f"ids:{chances.seed}"))
        self.storage = MemoryStorage(self.ids, subscribers())
        self.books = WatchedBooks(self._post_soon)
        self.provider = self.new_provider()
        self.billing = FakeSubscriptionBilling(self.provider, self.billing_books, VirtualClock(self.loop))
        self.saved_methods = FakeSavedMethods(self.wallet_books, VirtualClock(self.loop))
        self.provider_trouble = RandomFaults(random.Random(f"provider:{chances.seed}"), chances.provider)
        self.storage_trouble, self.news_trouble = chances.storage, chances.news
        self.oracle = Oracle(
            self.storage, self.books, self.billing_books, lambda: self.calm_shop().context(), self.stop
        )

    def new_provider(self) -> FakePaymentGateway:
        """The one provider that there is, as a process reaches it."""
        clock = VirtualClock(self.loop)
        provider = FakePaymentGateway(self.books, clock, WEBHOOK_SECRET, wallets=self.wallet_books)
        provider.authorized_for = timedelta(hours=self.chances.authorized_hours)
        return provider

    def refuses(self, request: IntentRequest) -> bool:
        """Whether the provider will not make this intent: of each key always the same."""
        drawn = random.Random(f"refused:{self.chances.seed}:{request.attempt_id}").random()
        refused = drawn < self.chances.refused
        self.tally["intent refused"] += refused
        return refused

    def run(self, cast: "Callable[[World], list[Coroutine[Any, Any, None]]]") -> Outcome:
        """Lets everybody in the cast loose. Raises SeedFailed."""
        log, bugs = logging.getLogger("shop"), _Bugs(self.stop)
        before, log.propagate = (log.propagate, log.level), False
        log.addHandler(bugs)
        log.setLevel(logging.ERROR)  # a line of the log would ask the machine for the time
        try:
            return self.loop.run(self._until_stopped(self._tell(cast)))
        except Exception as error:
            raise SeedFailed(self.chances, error, self.trace) from error
        finally:
            log.removeHandler(bugs)
            log.propagate, log.level = before

    def stop(self, verdict: BaseException) -> None:
        """The run has failed: nothing more happens."""
        self.note("BROKEN", repr(verdict))
        if self._verdict is None:
            self._verdict = verdict
            if not self._stopped.done():
                self._stopped.set_result(None)

    def note(self, who: str, what: str) -> None:
        """A line of the trace, if there is one."""
        if self.tracing:
            self.trace.append(f"{timedelta(seconds=round(self.loop.time(), 3))!s:>22}  {who:<12} {what}")

    def begin(self, steps: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts something that nobody waits for; a mistake in it ends the run."""
        task = self.loop.create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def ask(self, who: str, what: str, ask: Callable[[Shop], Coroutine[Any, Any, T]]) -> T:
        """A request to one of the processes. Raises as `Process.serve`."""
        process = self.draw.choice(self.processes)
        if not self.tracing:
            return await process.serve(ask)
        self.note(who, f"→ {process.name}: {what}")
        try:
            answer = await process.serve(ask)
        except ShopError as error:
            self.note(who, f"← {process.name}: {type(error).__name__}: {error.detail}")
            raise
        self.note(who, f"← {process.name}: {answer}")
        return answer

    # The course of events.

    async def _until_stopped(self, story: Coroutine[Any, Any, Outcome]) -> Outcome:
        self._stopped = self.loop.create_future()
        telling: asyncio.Task[Outcome] = self.loop.create_task(story)
        both: set[asyncio.Future[Any]] = {telling, self._stopped}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self._verdict is not None:
            telling.cancel()
            raise self._verdict
        return telling.result()

    async def _tell(self, cast: "Callable[[World], list[Coroutine[Any, Any, None]]]") -> Outcome:
        await self._open()
        chances = self.chances
        for number in range(chances.processes):
            skew = self.draw.uniform(-1, 1) * chances.clock_skew_seconds
            self.processes.append(Process(f"process {number + 1}", self, skew))
        for process in self.processes:
            process.start()
        actors = [self.begin(steps) for steps in cast(self)]
        crashes = self.begin(self._crash_now_and_then())
        await asyncio.wait(actors, timeout=chances.minutes * 60)
        crashes.cancel()
        self._calm_down()
        await self._come_to_rest(actors)
        if await self.storage.outbox.revive(None, VirtualClock(self.loop).now()):
            self.note("people", "revive what was set aside")
            self.tally["set aside"] += 1
            await self._come_to_rest(actors)
        seen = self.oracle.check_at_rest()
        self.note("oracle", "everything is as it must be")
        told = repr((seen.sold, seen.levels, seen.movements, seen.events, sorted(seen.intents.items())))
        return Outcome(
            seed=self.chances.seed,
            fingerprint=self.loop.fingerprint,
            steps=self.loop.steps,
            commits=self.oracle.commits,
            state=hashlib.sha256(told.encode()).hexdigest(),
            virtual_seconds=self.loop.time(),
            tally=dict(sorted(self.tally.items())),
        )

    async def _open(self) -> None:
        shop, chances = self.calm_shop(), self.chances
        async with self.storage.uow(shop.context()) as tx:
            policy = CapturePolicy.MANUAL if chances.captures else CapturePolicy.AUTOMATIC
            unheld = ("fake_debit",) if chances.lets_go else ()
            tx.store.save(evolve(SETTINGS, store=evolve(SETTINGS.store, capture=policy, unheld_methods=unheld)))
        for number in range(chances.products):
            product_id = await shop.execute(
                CreateProduct(
                    slug=f"thing-{number}",
                    title=f"Thing {number}",
                    status=ProductStatus.ACTIVE,
                    variants=(
                        NewVariant(
                            sku=f"THING-{number}",
                            prices=(Price(amount=eur(500 + 333 * number)),),
                            weight_grams=100,
                            stock=chances.stock,
                        ),
                    ),
                )
            )
            async with self.storage.uow(shop.context()) as tx:
                self.variants.append((product_id, (await tx.products.get(product_id)).variants[0].id))
        for number in range(1, chances.locations):
            location = await shop.execute(CreateLocation(name=f"Store {number}", priority=number))
            for _, variant_id in self.variants:
                await shop.execute(AdjustStock(variant_id=variant_id, delta=1, reason="opening", location_id=location))
        await subscribe_before(self)
        if chances.savers:
            await self._let_savers_in(shop)
        if chances.regulars:
            self.plans += await offer_plans(self.variants[0][1], shop)
        self.oracle.committed()

    async def _let_savers_in(self, shop: Shop) -> None:
        """Who lets a card be saved has an account."""
        context = shop.context()
        async with self.storage.uow(context) as tx:
            for number in range(self.chances.savers):
                user_id = customer(FIRST_SAVER + number).user_id
                assert user_id is not None
                tx.users.save(User.register(id=user_id, email=f"saver{number}@example.com", at=context.now))

    def calm_shop(self, skew_seconds: float = 0.0) -> Shop:
        """A way in on which nothing goes wrong, for setting up and for looking."""
        ports = Ports(
            storage=self.storage,
            gateway=self.provider,
            billing=self.billing,
            saved_methods=self.saved_methods,
            cache=DroppedTags(),
            limiter=NoLimits(),
            clock=VirtualClock(self.loop, skew_seconds),
            ids=self.ids,
            secrets=PlainSecrets(),
            authenticator=NobodyKnown(),
            markup=PlainMarkup(),
            **people_ports(VirtualClock(self.loop), PlainSecrets()),
        )
        return Shop(ports)

    async def _crash_now_and_then(self) -> None:
        if not self.chances.crashes_per_hour:
            return
        while True:
            await asyncio.sleep(self.draw.expovariate(self.chances.crashes_per_hour / 3600))
            process = self.draw.choice(self.processes)
            if process.shop is None:
                continue
            self.note(process.name, "dies")
            self.tally["crash"] += 1
            process.die()
            self.begin(self._restart(process, self.draw.choice((0.0, 5.0, 200.0))))

    async def _restart(self, process: Process, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        if process.shop is None:
            self.note(process.name, "starts again")
            process.start()

    def _calm_down(self) -> None:
        self.note("world", "nothing goes wrong any more")
        self.stormy = False
        self.provider_trouble.heal()
        self.storage_trouble, self.news_trouble = CALM_STORAGE, CALM_NEWS
        for process in self.processes:
            if process.shop is None:
                process.start()
        # Providers repeat for days what nobody acknowledged; all that was lost of disputes is told by one message.
        for ref in [ref for ref, intent in self.books.intents.items() if intent.disputes]:
            self.provider.tells_again(ref)

    async def _good_cards(self) -> None:
        """Whoever still subscribes pays with a good card from now on, whatever they asked for that took so long."""
        for number, (subscription_id, _) in enumerate(self.subscriptions):
            subscription = self.oracle.tables.subscriptions[subscription_id]
            # one that was refused may be of a card that the provider kept, and we never heard that it did
            refused = subscription.status is SubscriptionStatus.PAST_DUE
            if subscription.ended or (subscription.method == "fake_card" and not refused):
                continue
            better = ChangeSubscription(subscription_id=subscription_id, method="fake_card")
            await self.calm_shop().execute(better, actor=customer(number + 1))
        for subscription in list(self.oracle.tables.subscriptions.values()):
            begun = subscription.order_id is not None and bool(subscription.provider_ref) and not subscription.ended
            if begun and (subscription.method != "fake_card" or subscription.status is SubscriptionStatus.PAST_DUE):
                better = ChangeSubscription(subscription_id=subscription.id, method="fake_card")
                await self.calm_shop().execute(better, actor=Actor(kind="user", id=subscription.owner_id))

    async def _come_to_rest(self, actors: list[asyncio.Task[None]]) -> None:
        limit, pause = self.loop.time() + self.days_to_rest * DAY_SECONDS, 30.0
        while self._posts or not all(actor.done() for actor in actors) or not self.oracle.is_quiet():
            if self.loop.time() > limit:
                self.oracle.check_at_rest()  # says best what it is that still moves
                broken("I9", f"the shop has not come to rest in {self.days_to_rest} days")
            await asyncio.sleep(pause)
            await self._good_cards()
            pause = min(pause * 1.5, 3600.0)

    # The provider's messages.

    def _post_soon(self) -> None:
        trouble = self.news_trouble
        for news in [*self.provider.take_news(), *self.billing.take_news(), *self.saved_methods.take_news()]:
            if news.object_ref in self.books.intents:
                self.heard_by_provider(news.object_ref, self.books.intents[news.object_ref].status)
            if self.draw.random() < trouble.lost:
                self.tally["message lost"] += 1
                continue
            copies = self.draw.choice((2, 3)) if self.draw.random() < trouble.repeated else 1
            for _ in range(copies):
                late = self.draw.random() < trouble.late
                delay = self.draw.random() * (trouble.hours_late * 3600 if late else 2.0)
                post = self.begin(self._post(news, delay))
                self._posts.add(post)
                post.add_done_callback(self._posts.discard)

    async def _post(self, news: OutgoingNews, delay_seconds: float) -> None:
        """As providers do: again and again, more and more rarely, and at last no more."""
        for pause in (delay_seconds, 5.0, 60.0, 600.0):
            await asyncio.sleep(pause)
            headers = self.provider.signed_headers(news.body)
            post = ReceiveProviderNews(provider="fake", body=news.body, headers=headers)
            try:
                await self.ask("provider", f"{news.event_type} of {news.object_ref}", methodcaller("execute", post))
            except ShopError:
                continue
            self.tally["message arrived"] += 1
            return

    def alter(self, ref: str, **changes: Any) -> None:
        """The provider changes an intent by its own doing, if it is not over yet, and says nothing of it."""
        intent = self.books.intents[ref]
        if intent.status in (AttemptStatus.CAPTURED, AttemptStatus.CANCELLED):
            return
        self.note("provider", f"alters {ref}: {changes}")
        self.tally["provider acts"] += 1
        if changes.get("status") is AttemptStatus.CAPTURED:
            self.oracle.taken_elsewhere.add(ref)
        lapses_at = self.provider.lapses_at() if changes.get("status") is AttemptStatus.AUTHORIZED else 0
        self.books.alter(evolve(intent, events=intent.events + 1, lapses_at=lapses_at, **changes))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, ShopError):
            self.stop(error if isinstance(error, Broken) else _as_bug(error))


async def subscribe_before(world: World) -> None:
    """A day ago, when nothing went wrong: what they subscribed to comes daily, so it is due again in the storm."""
    chances, draw = world.chances, random.Random(f"subscribers:{world.chances.seed}")
    for number in range(chances.subscribers):
        due_in = draw.choice((5.0, 60.0, chances.minutes * 60.0)) * draw.random()
        shop = world.calm_shop(due_in - DAY_SECONDS)
        plan_id = await shop.execute(
            CreatePlan(
                code=f"daily-{number}",
                name="Something every day",
                variant_id=world.variants[0][1],
                interval=Interval(IntervalUnit.DAY),
                prices=(eur(700),),
            )
        )
        wish = Subscribe(
            plan_id=plan_id,
            method="fake_card",
            email="ada@example.com",
            shipping_address=BERLIN,
            shipping_option="standard",
        )
        try:
            subscription_id = await shop.execute(wish, actor=customer(number + 1))
        except InsufficientStock:
            break
        await shop.execute(CarryOnSubscription(subscription_id=subscription_id))
        world.subscriptions.append((subscription_id, due_in))


def _as_bug(error: BaseException) -> BaseException:
    error.add_note("This is no refusal of the shop: something in it, or in the simulation, is wrong.")
    return error
