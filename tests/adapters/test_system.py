"""The machine's clock, and ids: never twice, always upwards, and readable as UUIDv7."""

import os
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from shop.adapters.system import SystemClock, SystemIds
from shop.domain.kernel.identifiers import OrderId, ProductId


def test_the_clock_is_aware_and_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_ids_are_uuid7_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    uuid = SystemIds().new(OrderId).uuid
    after = time.time_ns() // 1_000_000
    assert uuid.version == 7
    assert uuid.variant == "specified in RFC 4122"
    assert before <= uuid.int >> 80 <= after


def test_each_id_is_above_the_one_before() -> None:
    ids = SystemIds()
    made = [ids.new(ProductId) for _ in range(20_000)]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_also_when_the_clock_goes_back_or_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = SystemIds()
    made = []
    for milliseconds in (5_000, 5_000, 4_000, 6_000):
        with monkeypatch.context() as patched:
            patched.setattr("time.time_ns", lambda at=milliseconds: at * 1_000_000)
            patched.setattr("shop.adapters.system._drawn", [2**64 - 1] * 4)
            made.append(ids.new(ProductId).uuid)
    first, second, third, fourth = made
    assert first < second < third < fourth
    assert all(uuid.version == 7 for uuid in (first, second, third, fourth))
    assert fourth.int >> 80 == 6_000


def test_two_sources_do_not_make_the_same() -> None:
    one, other = SystemIds(), SystemIds()
    made = {ids.new(ProductId) for _ in range(2_000) for ids in (one, other)}
    assert len(made) == 4_000


def test_threads_do_not_get_the_same() -> None:
    ids, made = SystemIds(), list[ProductId]()

    def make() -> None:
        made.extend([ids.new(ProductId) for _ in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(min(4, 2 * (os.cpu_count() or 1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(threads) * 2_000


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_others() -> None:
    ids = SystemIds()
    ids.new(ProductId)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"".join(ids.new(ProductId).uuid.bytes[6:] for _ in range(20)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 1_000)
    os.close(read)
    os.close(write)
    drawn = {theirs[at : at + 10] for at in range(0, len(theirs), 10)}
    assert len(drawn) == 20
    assert not drawn & {ids.new(ProductId).uuid.bytes[6:] for _ in range(20)}
