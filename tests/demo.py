"""A demo of its own for a test: `shop demo` in a process that the test started and stops."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running_demo(directory: Path) -> Iterator[dict[str, Any]]:
    """The card of a demo that answers; the demo ends with the block."""
    port = free_port()
    home = directory / "shop-demo"
    with (directory / "demo.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "shop.entrypoints.cli.app", "demo", "--port", str(port), "--dir", str(home)],
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health/ready", process, directory / "demo.log")
            yield json.loads((home / "card.json").read_text(encoding="utf-8"))
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the demo ended:\n{log.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the demo does not answer:\n{log.read_text(encoding='utf-8')}")
