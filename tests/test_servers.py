"""The servers of the tests answer, keep apart, and leave nothing behind."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import redis

from tests.servers import Databases, PostgresServer, Server, postgres_server, redis_server, setpriv

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[1]


async def answer(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement, timeout=10)
    finally:
        await connection.close()


def assert_gone(server: Server, process_id: int) -> None:
    assert not server.answers()
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


def process_id(server: Server) -> int:
    assert server.process is not None
    return server.process.pid


def test_a_postgres_of_our_own_answers_and_is_gone_afterwards() -> None:
    with postgres_server(durable=False) as server:
        pid = process_id(server)
        assert asyncio.run(answer(server.url, "SHOW fsync")) == "off"
        assert asyncio.run(answer(server.url, "SELECT lower('ÄÖÜ')")) == "äöü"
    assert_gone(server, pid)


@pytest.mark.skipif(setpriv() is None, reason="there is no setpriv to tell a process that its parent is gone")
@pytest.mark.parametrize("server", ["PostgresServer", "RedisServer"])
def test_a_server_does_not_outlive_tests_that_are_killed(server: str) -> None:
    code = (
        f"from tests.servers import *; it = {server}().start(); print(it.process.pid, it.folder, flush=True); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as tests:
        assert tests.stdout is not None
        pid, folder = tests.stdout.readline().split()
        assert running(pid)
        tests.kill()
    until = time.monotonic() + 20
    while running(pid):
        assert time.monotonic() < until, "It is still there."
        time.sleep(0.02)
    shutil.rmtree(folder)


def running(pid: str) -> bool:
    """Whether there is such a process that has not ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_two_postgres_at_once_keep_apart_and_a_durable_one_survives_a_crash() -> None:
    with postgres_server() as one, postgres_server(durable=False) as other:
        assert one.port != other.port
        assert one.sql("SHOW fsync").strip() == "on"
        one.sql("CREATE TABLE sold (units int)")
        one.sql("INSERT INTO sold VALUES (7)")
        one.crash()
        assert not one.answers()
        one.start()
        assert one.sql("SELECT units FROM sold").strip() == "7"
        with pytest.raises(RuntimeError, match="does not exist"):
            other.sql("SELECT units FROM sold")


def test_a_database_is_copied_from_a_template_and_dropped_while_in_use(postgres: Databases) -> None:
    async def use_and_drop(url: str) -> object:
        connection = await asyncpg.connect(url, timeout=10)
        units = await connection.fetchval("SELECT units FROM sold", timeout=10)
        await asyncio.to_thread(postgres.drop, url)
        connection.terminate()
        return units

    with postgres.database() as template:
        asyncio.run(answer(template, "CREATE TABLE sold AS SELECT 7 AS units"))
        copy = postgres.create(template)
        assert asyncio.run(use_and_drop(copy)) == 7
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            asyncio.run(answer(copy, "SELECT 1"))


async def test_each_test_gets_a_database_of_its_own(postgres_url: str) -> None:
    assert await answer(postgres_url, "SELECT count(*) FROM pg_class WHERE relname = 'sold'") == 0


def test_a_redis_of_our_own_answers_comes_back_on_its_port_and_is_gone_afterwards() -> None:
    with redis_server() as one, redis_server() as other:
        pid = process_id(other)
        with redis.Redis.from_url(one.url) as client:
            client.set("sold", 7)
            with redis.Redis.from_url(other.url) as stranger:
                assert stranger.get("sold") is None
            one.stop()
            assert not one.answers()
            one.start()
            assert client.get("sold") is None
    assert_gone(other, pid)


def test_the_redis_of_a_test_is_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_server_that_cannot_start_says_what_its_log_says() -> None:
    with (
        pytest.raises(RuntimeError, match="max_connections"),
        postgres_server(settings={"max_connections": "no"}),
    ):
        raise AssertionError("it started")


def test_a_postgres_that_did_not_start_leaves_no_folder() -> None:
    server = PostgresServer({"max_connections": "no"})
    with pytest.raises(RuntimeError):
        server.start()
    server.remove()
    assert not server.folder.exists()
