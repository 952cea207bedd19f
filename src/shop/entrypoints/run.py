"""Where transports are joined: server processes, workers beside or inside them, and the demo that has both."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from granian.server.embed import Server as EmbeddedServer

from shop.application.messages import SYSTEM
from shop.application.ports.views import AdvancedClockView
from shop.application.queries.clock import GetClock
from shop.application.shop import Shop
from shop.domain.kernel.errors import Conflict, Invalid, ShopError, Unavailable
from shop.entrypoints.container import Container
from shop.entrypoints.demo.card import Card
from shop.entrypoints.demo.home import Home
from shop.entrypoints.embed import follow_clock, open_shop, opened
from shop.entrypoints.http.app import create_app
from shop.entrypoints.masking import MaskingFormatter
from shop.entrypoints.settings import Settings
from shop.entrypoints.worker.clock import advance_clock
from shop.entrypoints.worker.deliveries import deliver_once
from shop.entrypoints.worker.main import Worker

Application = Callable[..., Awaitable[None]]
STARTED_WITHIN_SECONDS = 10.0
GRACE_SECONDS = 20
HEAD_MILLISECONDS_MAX, HEAD_BYTES_MAX = 10_000, 32_768
COLLECTOR_THRESHOLDS = (20_000, 20, 50)
_PROBE_SECONDS = 0.02
CLOCK_LOOK_SECONDS = 1.0
_log = logging.getLogger("shop")
LOG_FORMAT = MaskingFormatter(
    "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s", defaults={"request_id": "-"}
)


class PortTaken(Conflict):
    """Another program listens there."""

    code = "port_taken"
    title = "The port is taken"


class OneProcessOnly(Invalid):
    """This storage does not stand several server processes."""

    code = "one_process_only"
    title = "More than one server process needs PostgreSQL"
    default_hint = "Set SHOP_DATABASE_URL=postgresql://…, or leave --workers at 1."


def serve(settings: Settings, *, host: str, port: int, workers: int = 1, with_worker: bool = False) -> None:
    """Serves the HTTP API until Ctrl+C or SIGTERM, with a worker in each process if that is wanted.

    Raises OneProcessOnly, PortTaken, and Unavailable where the database is behind on migrations.
    """
    check_processes(settings, workers)
    check_port(host, port)
    let_others_finish()
    _log_to_stderr(settings)
    if workers == 1:
        _run(_serve_here(settings, host, port, with_worker=with_worker))
        return
    _run(_check(settings))
    # The processes read the environment themselves: what was given otherwise is put there.
    os.environ.update(settings.variables())
    target = "application_with_worker" if with_worker else "application"
    Server(
        f"{__name__}:{target}",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        loop=Loops.auto,
        factory=True,
        websockets=False,
        http=HTTPModes.http1,
        http1_settings=line_settings(),
        log_level=LogLevels.warning,
        workers_kill_timeout=GRACE_SECONDS,
        respawn_failed_workers=True,
    ).serve()


def line_settings() -> HTTP1Settings:
    """How long and how large the head of a request may be."""
    return HTTP1Settings(header_read_timeout=HEAD_MILLISECONDS_MAX, max_buffer_size=HEAD_BYTES_MAX)


def work(settings: Settings) -> None:
    """Runs a worker until Ctrl+C or SIGTERM. Raises Unavailable where the database is behind on migrations."""
    let_others_finish()
    _log_to_stderr(settings)

    async def run() -> None:
        async with open_shop(settings) as shop, _following_clock(shop):
            shop.source = "worker"
            await Worker(shop).run(_stop_signals())

    _run(run())


def demo(home: Path, port: int, announce: Callable[[Card], None]) -> None:
    """Opens the demo shop that lives in a folder, making it on the first start, and serves it with a worker inside.

    `announce` is called when it answers. Raises PortTaken before anything is written.
    """
    check_port("127.0.0.1", port)
    place = Home(home, port, _settle)
    card = _run(place.prepare())
    settings = place.settings()
    _log_to_stderr(settings)
    _run(_serve_here(settings, "127.0.0.1", port, with_worker=True, announce=lambda: announce(card)))


def advance(settings: Settings, until: Callable[[datetime], datetime]) -> AdvancedClockView:
    """Moves the shop's clock ahead and does what is due on the way. Raises ClockNotMovable, Invalid, Unavailable."""

    async def run() -> AdvancedClockView:
        async with open_shop(settings) as shop:
            events = await advance_clock(shop, until(shop.ports.clock.now()), actor=SYSTEM)
            clock = await shop.ask(GetClock())
            return AdvancedClockView(now=clock.now, offset_seconds=clock.offset_seconds, events=events)

    found: AdvancedClockView = _run(run())
    return found


def application() -> Application:
    """The application of one of several server processes, which granian starts."""
    return _application(with_worker=False)


def application_with_worker() -> Application:
    """The same with a worker inside."""
    return _application(with_worker=True)


def check_processes(settings: Settings, workers: int) -> None:
    """Raises OneProcessOnly for several processes on a storage that is of one process."""
    if workers > 1 and settings.storage == "sqlite":
        raise OneProcessOnly("SQLite lets one process write at a time, so more of them would only wait for each other.")
    if workers > 1 and settings.storage == "memory":
        raise OneProcessOnly("Each process would have a shop of its own in its memory.")


def check_port(host: str, port: int) -> None:
    """Raises PortTaken while another program listens there, Invalid when the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            raise Invalid(f"Port {port} is for privileged programs.", hint="Choose one from 1024 on.") from None
        except OSError as error:
            raise PortTaken(
                f"{host}:{port} cannot be listened on: {error.strerror or error}.",
                hint="Stop the other program, or choose another port with --port.",
            ) from None


async def _serve_here(
    settings: Settings,
    host: str,
    port: int,
    *,
    with_worker: bool,
    announce: Callable[[], None] = lambda: None,
) -> None:
    """Server and worker in this process and loop."""
    stop = _stop_signals()
    async with open_shop(settings) as shop, _following_clock(shop), _working(shop, with_worker):
        spare_the_collector()
        server = EmbeddedServer(
            create_app(shop, settings, advance=advance_clock),
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            websockets=False,
            http=HTTPModes.http1,
            http1_settings=line_settings(),
            log_level=LogLevels.error,
        )
        serving = asyncio.create_task(server.serve())
        stopping = asyncio.create_task(stop.wait())
        try:
            await _listening(host, port, serving)
            announce()
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.stop()  # type: ignore[no-untyped-call]
            async with asyncio.timeout(GRACE_SECONDS):
                await serving


async def _listening(host: str, port: int, serving: "asyncio.Task[Any]") -> None:
    try:
        async with asyncio.timeout(STARTED_WITHIN_SECONDS):
            while not serving.done():
                try:
                    _, writer = await asyncio.open_connection(host, port)
                except OSError:
                    await asyncio.sleep(_PROBE_SECONDS)
                else:
                    writer.close()
                    return
    except TimeoutError:
        raise Unavailable(f"The server did not begin to listen on {host}:{port}.") from None


def _application(*, with_worker: bool) -> Application:
    settings = Settings.from_environment()
    _log_to_stderr(settings)
    shop: Shop = Container(settings=settings).shop()

    @asynccontextmanager
    async def lifespan(_application: object) -> AsyncIterator[None]:
        async with opened(shop), _following_clock(shop), _working(shop, with_worker):
            spare_the_collector()
            yield

    return create_app(shop, settings, lifespan=lifespan, advance=advance_clock)


def let_others_finish() -> None:
    """Asks Linux not to stop others in the middle whenever this process, or one that it starts, wakes up (SCHED_BATCH).

    A request is a few short waits for the database; where both share processors, each answer interrupted the work of
    the other for no gain. Where that may not be asked for, nothing changes.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def spare_the_collector() -> None:
    """What is there now stays: looking through it again and again for garbage took an eighth of the server's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


@asynccontextmanager
async def _working(shop: Shop, wanted: bool) -> AsyncIterator[None]:
    """A worker beside what the block does; it finishes what it has begun when the block ends."""
    if not wanted:
        yield
        return
    stop = asyncio.Event()
    working = asyncio.create_task(Worker(shop).run(stop))
    try:
        yield
    finally:
        stop.set()
        await working


@asynccontextmanager
async def _following_clock(shop: Shop) -> AsyncIterator[None]:
    """Looks every second whether another process has moved the shop's clock, while the block runs.

    Not at each request: that would cost every one of them a round trip, and a second is soon enough. In production
    nobody can move it, and nothing is looked at.
    """
    if shop.ports.movable_clock is None:
        yield
        return
    following = asyncio.create_task(_follow_clock(shop))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow_clock(shop: Shop) -> None:
    while True:
        await asyncio.sleep(CLOCK_LOOK_SECONDS)
        try:
            await follow_clock(shop)
        except ShopError as error:
            _log.warning("cannot see whether the clock was moved: %s", error.detail)


async def _settle(shop: Shop) -> None:
    while await deliver_once(shop):
        pass


async def _check(settings: Settings) -> None:
    """Opens and closes the shop once, so that what is wrong is said once and not by every process."""
    async with open_shop(settings):
        pass


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    try:
        import uvloop
    except ImportError:  # pragma: no cover - Windows has none
        return asyncio.run(main)
    return uvloop.run(main)


def _log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(LOG_FORMAT)
    logging.basicConfig(level=settings.log_level, handlers=[handler])
