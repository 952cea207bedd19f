"""The whole run: a durable PostgreSQL, a catalogue, two server processes, and each question beside its limit."""

import asyncio
import itertools
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from attrs import define, frozen

from benchmarks.catalogue import Catalogue, stock_up
from benchmarks.effort import Effort
from benchmarks.growing import scale_lines
from benchmarks.limits import raw_detail_path
from benchmarks.load import Script, each_of, once, request
from benchmarks.placing import (
    CONCURRENCY,
    Moulds,
    Stretch,
    cart_of_unit,
    cast_moulds,
    copy_ready_carts,
    place_orders,
    replay,
    session_of_unit,
)
from benchmarks.postgres_alone import pgbench
from benchmarks.processes import HttpServer, Tree, http_server
from benchmarks.report import Report, Row, Sample, Target, median
from benchmarks.rounds import Load, take_turns
from benchmarks.serving import WORKERS
from benchmarks.shoppers import add_to_cart, checkouts, order_request
from benchmarks.signed_in import Questions, access_tokens
from benchmarks.templates import Mould, variant_numbers
from shop.adapters.secrets import HmacSecrets
from shop.entrypoints.embed import open_shop
from shop.entrypoints.run import let_others_finish, spare_the_collector
from shop.entrypoints.settings import DEVELOPMENT_SECRET, Settings
from tests.servers import PostgresServer, postgres_server

Tell = Callable[[str], object]
# Nothing that would make it less durable: fsync, synchronous_commit and full_page_writes stay on.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}


@define
class _Units:
    """Numbers of ready carts that nobody has ordered yet."""

    left: Iterator[int]

    def take(self, count: int) -> int:
        """The first of so many."""
        taken = list(itertools.islice(self.left, count))
        assert len(taken) == count, "There are not enough ready carts."
        return taken[0]


@frozen
class _Bench:
    """What stands while it is measured."""

    effort: Effort
    url: str
    settings: Settings
    catalogue: Catalogue
    database: Tree
    shop: HttpServer
    """Remembers no answers."""
    remembering: HttpServer
    bare: HttpServer
    moulds: Moulds
    units: _Units
    report: Report

    def load(self, server: HttpServer, scripts: Callable[[], Script | None], clients: int) -> Callable[[float], Sample]:
        return Load(server, scripts, clients, self.database).round


def measure(effort: Effort, *, scale: bool, tell: Tell) -> Report:
    """Sets everything up, measures, and takes everything down."""
    report = Report(
        settings={
            "server_processes": WORKERS,
            "products": effort.products,
            "variants_each": 4,
            "connections_each": effort.connections,
            "postgres": {**POSTGRES, "fsync": "on", "synchronous_commit": "on"},
            "connected": "by a port of 127.0.0.1",
            "scheduling": "batch, of PostgreSQL, servers and load",
            "rounds": effort.pace.rounds,
            "round_seconds": effort.pace.round_seconds,
        }
    )
    let_others_finish()  # as the shop's servers do, and whatever is started from here: PostgreSQL and pgbench too
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server(durable=True, settings=POSTGRES))
        bench = _set_up(effort, server, stack, report, tell)
        tell("Pages")
        _pages(bench)
        tell("The same by somebody who is signed in")
        _signed_in(bench)
        tell("Ordering without a server")
        uvloop.run(_placing(bench))
        tell("Carts, orders and checkouts over HTTP")
        _selling(bench)
        _round_trips(bench)
        if scale:
            tell(f"A catalogue of {effort.scale[0]:,} and one of {effort.scale[1]:,} products")
            report.scale = scale_lines(server, effort.scale, effort.calls, Tree(_pid(server)))
    return report


def _set_up(effort: Effort, server: PostgresServer, stack: ExitStack, report: Report, tell: Tell) -> _Bench:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-bench-")))
    url = stack.enter_context(server.database())
    tell(f"{effort.products:,} products")
    catalogue = asyncio.run(stock_up(url, effort.products))
    settings = Settings(
        database_url=url, rate_limit="off", fake_payments_file=str(folder / "provider.sqlite3"), database_connections=8
    )
    moulds = uvloop.run(cast_moulds(settings, catalogue))
    ready = _ready_carts(effort)
    uvloop.run(copy_ready_carts(url, settings, catalogue, 0, ready))
    server.sql("CHECKPOINT")
    variables = {
        "SHOP_DATABASE_URL": url,
        "SHOP_DATABASE_CONNECTIONS": str(effort.connections),
        "SHOP_RATE_LIMIT": "off",
        "SHOP_FAKE_PAYMENTS_FILE": settings.fake_payments_file,
    }
    bare = {"BENCH_APPLICATION": "benchmarks.limits:application", "BENCH_DATABASE_URL": url}
    start = [
        ("/health/ready", {**variables, "SHOP_CATALOG_CACHE_SECONDS": "0"}),
        ("/health/ready", variables),
        ("/hello", bare),
    ]
    shop, remembering, limits = [stack.enter_context(http_server("benchmarks.serving", *each)) for each in start]
    return _Bench(
        effort=effort,
        url=url,
        settings=settings,
        catalogue=catalogue,
        database=Tree(_pid(server)),
        shop=shop,
        remembering=remembering,
        bare=limits,
        moulds=moulds,
        units=_Units(iter(range(ready))),
        report=report,
    )


def _pid(server: PostgresServer) -> int:
    assert server.process is not None
    return server.process.pid


def _ready_carts(effort: Effort) -> int:
    stretches = 9 * (effort.pace.rounds + 2) + 3 * effort.stretches
    return effort.over_http + stretches * (effort.orders + 2 * CONCURRENCY)


def _pages(bench: _Bench) -> None:
    """Lists, details and searches, uncached beside the bare driver and remembered beside hello-world."""
    clients, products = bench.effort.clients, bench.catalogue.some_products(1_000)
    words = bench.catalogue.rare_words(200)
    hello = bench.load(bench.bare, each_of([request("GET", "/hello")]), clients)
    listing = [request("GET", "/api/products?limit=20")]
    details = [request("GET", f"/api/products/{product}") for product in products]
    uncached = {
        "list of 20": (listing, [request("GET", "/list")]),
        "product": (details, [request("GET", raw_detail_path(product)) for product in products]),
        "search by word": (
            [request("GET", f"/api/products?limit=20&q={word}") for word in words],
            [request("GET", f"/search?q={word}") for word in words],
        ),
    }
    for name, (ours, bare) in uncached.items():
        found = take_turns(
            {
                "shop": bench.load(bench.shop, each_of(ours), clients),
                "limit": bench.load(bench.bare, each_of(bare), clients),
            },
            bench.effort.pace,
        )
        targets = _driver_targets(name, found) if name != "search by word" else ()
        row = Row(
            name=name,
            concurrency=clients,
            shop=found["shop"],
            limit_name="raw asyncpg + msgspec",
            limit=found["limit"],
            targets=targets,
        )
        bench.report.rows.append(row)
    remembered = {"list of 20, remembered": listing, "product, remembered": details[:100]}
    found = take_turns(
        {"hello": hello} | {n: bench.load(bench.remembering, each_of(r), clients) for n, r in remembered.items()},
        bench.effort.pace,
    )
    for name in remembered:
        share = found[name].per_second / found["hello"].per_second
        target = Target(what=f"{name}: rate ÷ hello-world", value=share, bound=0.8, at_most=False)
        row = Row(
            name=name,
            concurrency=clients,
            shop=found[name],
            limit_name="hello-world",
            limit=found["hello"],
            targets=(target,),
        )
        bench.report.rows.append(row)
    load_share = found["hello"].load_cpu_share
    bench.report.notes.append(
        f"The load generator took {load_share:.0%} of one core while it got {found['hello'].per_second:,.0f} "
        "hello-worlds a second: with that core to itself it could ask "
        f"{found['hello'].per_second / max(load_share, 0.01):,.0f} times a second."
    )


def _signed_in(bench: _Bench) -> None:
    """What a token costs on top of the same answer for nobody: one that is known already, and ones that are not."""
    tokens = uvloop.run(access_tokens(bench.settings))
    products = [f"/api/products/{product}" for product in bench.catalogue.some_products(1_000)]
    for name, paths in {"list of 20": ["/api/products?limit=20"], "product": products}.items():
        asked = Questions.of(paths, tokens)
        sides = {"anonymous": asked.anonymous, "warm": asked.warm, "cold": asked.cold}
        loads = {
            side: bench.load(bench.shop, each_of(requests), bench.effort.clients) for side, requests in sides.items()
        }
        found = take_turns(loads, bench.effort.pace)
        for side in ("warm", "cold"):
            what = f"{name}, signed in, {side}"
            ratio = found[side].app_cpu_us / found["anonymous"].app_cpu_us
            target = Target(what=f"{what}: app CPU ÷ anonymous", value=ratio, bound=1.1, at_most=True)
            row = Row(
                name=what,
                concurrency=bench.effort.clients,
                shop=found[side],
                limit_name="the same, anonymous",
                limit=found["anonymous"],
                targets=(target,) if side == "warm" else (),
            )
            bench.report.rows.append(row)


def _driver_targets(name: str, found: Mapping[str, Sample]) -> tuple[Target, ...]:
    ours, limit = found["shop"], found["limit"]
    return (
        Target(what=f"{name}: rate ÷ driver", value=ours.per_second / limit.per_second, bound=0.75, at_most=False),
        Target(what=f"{name}: app CPU ÷ driver", value=ours.app_cpu_us / limit.app_cpu_us, bound=1.4, at_most=True),
    )


async def _placing(bench: _Bench) -> None:
    """Ordering through the front door, beside the same statements through the driver, in this one process."""
    moulds, count = bench.moulds, bench.effort.orders
    merged, apart, ours = [], [], []
    async with open_shop(bench.settings) as shop:
        await place_orders(shop, moulds.version, bench.units.take(count), count)
        spare_the_collector()  # as each server process does when it has started
        for _ in range(bench.effort.stretches):
            first = bench.units.take(count)
            ours.append(await _sampled(bench, place_orders(shop, moulds.version, first, count)))
            first = bench.units.take(count + CONCURRENCY)
            merged.append(await _sampled(bench, replay(bench.url, moulds.place, first, count)))
            first = bench.units.take(count + CONCURRENCY)
            apart.append(await _sampled(bench, replay(bench.url, moulds.place, first, count, one_by_one=True)))
    alone = _alone(bench, moulds.place)
    shop_, merged_, apart_ = median(ours), median(merged), median(apart)
    in_process = "place order, in process"
    ratio, strict = shop_.app_cpu_us / apart_.app_cpu_us, shop_.app_cpu_us / merged_.app_cpu_us
    bench.report.rows += [
        Row(
            name=in_process,
            concurrency=CONCURRENCY,
            shop=shop_,
            limit_name="asyncpg, statement by statement",
            limit=apart_,
            targets=(Target(what=f"{in_process}: app CPU ÷ driver", value=ratio, bound=1.3, at_most=True),),
        ),
        Row(
            name=in_process,
            concurrency=CONCURRENCY,
            shop=shop_,
            limit_name="asyncpg, merged as ours",
            limit=merged_,
            targets=(Target(what=f"{in_process}: app CPU ÷ driver, merged", value=strict, bound=1.3, at_most=True),),
        ),
        Row(
            name=in_process,
            concurrency=CONCURRENCY,
            shop=shop_,
            limit_name="pgbench, merged as ours",
            limit=alone,
        ),
    ]


async def _sampled(bench: _Bench, stretch: Any) -> Sample:
    before = bench.database.cpu_microseconds()
    done: Stretch = await stretch
    return Sample(
        per_second=done.per_second,
        app_cpu_us=done.cpu_microseconds,
        postgres_cpu_us=(bench.database.cpu_microseconds() - before) / done.units,
    )


def _alone(bench: _Bench, mould: Mould) -> Sample:
    """PostgreSQL without anybody else, by pgbench."""
    each = max(bench.effort.orders // 4, 1)
    first = bench.units.take(CONCURRENCY * each)
    return pgbench(bench.url, mould, first=first, clients=CONCURRENCY, each=each, database=bench.database)


def _selling(bench: _Bench) -> None:
    effort, moulds = bench.effort, bench.moulds
    secrets = HmacSecrets(DEVELOPMENT_SECRET)
    first = bench.units.take(effort.over_http)
    ready = [
        (str(cart_of_unit(n)), secrets.guest_token(cart_of_unit(n)), str(session_of_unit(n)), n)
        for n in range(first, first + effort.over_http)
    ]
    # The first carts are only put into, the others are ordered.
    kept = max(len(ready) // 5, 1)
    filling = itertools.cycle(ready[:kept])

    def fill() -> Script:
        cart_id, token, _, number = next(filling)
        variant_id = bench.catalogue.variant(variant_numbers(number, bench.catalogue)[0])
        return add_to_cart(cart_id, token, variant_id)

    orders = iter(ready[kept:])

    def order() -> Script | None:
        following = next(orders, None)
        if following is None:
            return None
        cart_id, token, session_id, _ = following
        return once(order_request(cart_id, token, session_id, moulds.version))

    _beside_driver(bench, "add to cart", fill, moulds.add, None)
    _beside_driver(bench, "place and pay an order", order, moulds.order, 2.5)
    chance = random.Random(3)
    anything = checkouts(bench.catalogue.variant(chance.randrange(bench.catalogue.variants)) for _ in itertools.count())
    row = _beside_driver(bench, "full guest checkout", lambda: next(anything), moulds.checkout, None)
    target = Target(what="full guest checkouts a second", value=row.shop.per_second, bound=250, at_most=False)
    bench.report.rows.append(
        Row(
            name="full guest checkout",
            concurrency=effort.buyers,
            shop=row.shop,
            limit_name="pgbench, the same statements",
            limit=_alone(bench, moulds.checkout),
            targets=(target,),
        )
    )
    one = checkouts(itertools.repeat(bench.catalogue.variant(1)))
    found = take_turns({"hot": bench.load(bench.remembering, lambda: next(one), effort.buyers)}, effort.pace)
    bench.report.rows.append(
        Row(name="checkout, everybody buys the same", concurrency=effort.buyers, shop=found["hot"])
    )


def _beside_driver(
    bench: _Bench, name: str, scripts: Callable[[], Script | None], mould: Mould, bound: float | None
) -> Row:
    """Load over HTTP, turn and turn about with the same statements by the driver without a server."""
    count = bench.effort.orders

    def again(one_by_one: bool) -> Callable[[float], Sample]:
        def run(_: float) -> Sample:
            first = bench.units.take(count + CONCURRENCY)
            return uvloop.run(_sampled(bench, replay(bench.url, mould, first, count, one_by_one=one_by_one)))

        return run

    found = take_turns(
        {
            "shop": bench.load(bench.remembering, scripts, bench.effort.buyers),
            "apart": again(one_by_one=True),
            "merged": again(one_by_one=False),
        },
        bench.effort.pace,
    )
    limits = {"apart": "asyncpg, statement by statement", "merged": "asyncpg, merged as ours"}
    rows = []
    for key, limit_name in limits.items():
        ratio = found["shop"].app_cpu_us / found[key].app_cpu_us
        what = f"{name}, over HTTP: app CPU ÷ {limit_name}"
        targets = (Target(what=what, value=ratio, bound=bound, at_most=True),) if bound else ()
        rows.append(
            Row(
                name=name,
                concurrency=bench.effort.buyers,
                shop=found["shop"],
                limit_name=limit_name,
                limit=found[key],
                targets=targets,
            )
        )
    bench.report.rows += rows
    return rows[0]


ROUND_TRIPS_MOST = {
    "list of 20": 2,
    "product": 3,
    "place order, 1 line": 15,
    "place order, 20 lines": 15,
    "full checkout": 40,
}


def _round_trips(bench: _Bench) -> None:
    bench.report.round_trips = [
        Target(what=f"{name}: round trips", value=bench.moulds.round_trips[name], bound=most, at_most=True)
        for name, most in ROUND_TRIPS_MOST.items()
    ]
