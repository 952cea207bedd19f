"""The processes of a shop: several servers with workers inside, and a worker alone, all leaving in good order."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import Tree
from tests.demo import free_port
from tests.entrypoints.cli.catalogues import shopify_file

pytestmark = [pytest.mark.journey, pytest.mark.integration, pytest.mark.timeout(180)]
PROGRAM = [sys.executable, "-m", "shop.entrypoints.cli.app"]


def variables(database_url: str) -> dict[str, str]:
    return os.environ | {"SHOP_DATABASE_URL": database_url}


def shop(environment: Mapping[str, str], *words: str) -> Any:
    done = subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout) if done.stdout else None


@contextmanager
def running(environment: Mapping[str, str], log: Path, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("wb") as out:
        process = subprocess.Popen([*PROGRAM, *words], env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)


def until(what: str, check: Any, log: Path) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen:\n{log.read_text(encoding='utf-8')}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_two_servers_with_workers_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    environment, log, port = variables(postgres_url), tmp_path / "serve.log", free_port()
    shop(environment, "db", "upgrade")
    shop(environment, "import", "products", str(shopify_file(tmp_path, 5)))
    assert shop(environment, "inventory", "list")["data"]
    words = ("serve", "--port", str(port), "--workers", "2", "--with-worker")
    with running(environment, log, *words) as server:
        until("serving", lambda: answers(f"http://127.0.0.1:{port}/health/ready"), log)
        until("delivering", lambda: all_delivered(environment), log)
        processes = Tree(server.pid).pids()
        assert len(processes) >= 3  # one watches over two
        if sys.platform == "linux":
            assert {os.sched_getscheduler(pid) for pid in processes} == {os.SCHED_BATCH}
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=60) == 0, log.read_text(encoding="utf-8")
    assert not answers(f"http://127.0.0.1:{port}/health/ready")
    assert "Traceback" not in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_alone(ending: signal.Signals, tmp_path: Path) -> None:
    environment, log = variables(f"sqlite:///{tmp_path}/shop.sqlite3"), tmp_path / "worker.log"
    shop(environment, "db", "upgrade")
    shop(environment, "import", "products", str(shopify_file(tmp_path, 5)))
    assert not all_delivered(environment)
    with running(environment, log, "worker") as worker:
        until("delivering", lambda: all_delivered(environment), log)
        worker.send_signal(ending)
        assert worker.wait(timeout=60) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


def all_delivered(environment: Mapping[str, str]) -> bool:
    events = shop(environment, "events", "list", "--type", "product.created", "--limit", "100")["data"]
    assert len(events) == 5
    return all(delivery["state"] == "done" for event in events for delivery in event["deliveries"])
