"""The server processes that are measured, and how much processor time processes take."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from attrs import frozen

from tests.servers import free_port

START_SECONDS, STOP_SECONDS = 60.0, 15.0
_TICK_MICROSECONDS = 1_000_000 // os.sysconf("SC_CLK_TCK")


@frozen
class Tree:
    """A process with all that it started, and those that they started."""

    pid: int

    def cpu_microseconds(self) -> int:
        """User and system time so far, that of children who ended included."""
        return sum(_times(pid) for pid in self.pids()) * _TICK_MICROSECONDS

    def pids(self) -> list[int]:
        found, unseen = [], [self.pid]
        while unseen:
            pid = unseen.pop()
            found.append(pid)
            unseen += _children(pid)
        return found


def _children(pid: int) -> list[int]:
    """What each of its threads started; nothing once it has ended, which may be while we look."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return found
    return found


def _times(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


@frozen
class HttpServer:
    """A server with several processes behind one port of 127.0.0.1."""

    port: int
    tree: Tree


@contextmanager
def http_server(module: str, ready: str, environment: Mapping[str, str]) -> Iterator[HttpServer]:
    """Runs `python -m module PORT` until the block ends; `ready` is the path that answers when all is up."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(port)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}{ready}", process)
        yield HttpServer(port, Tree(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in reversed(Tree(process.pid).pids()):
                os.kill(pid, 9)
            process.wait(STOP_SECONDS)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server for {url} ended with {process.returncode}.")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"Nothing answered at {url}.")
