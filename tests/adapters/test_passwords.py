"""What only our own hashes and threads can get wrong."""

import asyncio
import hashlib
import logging
import threading
import time
from base64 import b64encode
from collections import Counter
from importlib import import_module
from typing import Any

import bcrypt
import pytest

from shop.adapters.passwords import hashing
from shop.adapters.passwords.argon2 import Argon2Hashes, open_argon2_passwords
from shop.adapters.passwords.bcrypt import BcryptHashes, open_bcrypt_passwords
from shop.adapters.passwords.hashing import HashedPasswords
from shop.adapters.passwords.pool import WorkPool
from shop.adapters.system import SystemClock, SystemIds
from shop.application.ports.options import Options
from shop.application.ports.passwords import PasswordsBusy, PasswordVerdict


def options(**environment: str) -> Options:
    return Options(environment=environment, clock=SystemClock(), ids=SystemIds())


async def test_s36_the_pre_hash_is_what_bcrypt_sees() -> None:
    """Written down once, since a changed pre-hash would lock everybody out."""
    hashed = "bcrypt-hmac-sha256$2b$04$xNTsITUVeJJvKKqVnOOfK.emrVybh79GSiqHPtetng5q7M3i63JNO"
    passwords = HashedPasswords(BcryptHashes(cost=4))
    assert await passwords.verify("correct horse battery staple", hashed) == PasswordVerdict(True, False)
    await passwords.close()


async def test_s36_a_stolen_sha256_is_not_the_password() -> None:
    """A pre-hash that anybody can compute would let lists of other shops' hashes be tried here."""
    passwords = HashedPasswords(BcryptHashes(cost=4))
    hashed = await passwords.hash("correct horse")
    for made_up in (hashlib.sha256(b"correct horse").hexdigest(), b64encode(hashlib.sha256(b"correct horse").digest())):
        text = made_up if isinstance(made_up, str) else made_up.decode()
        assert not (await passwords.verify(text, hashed)).matches
    await passwords.close()


async def test_s36_a_bare_bcrypt_hash_never_opens_for_more_than_it_read() -> None:
    """Other shops' bcrypt read 72 bytes: a longer password that begins alike is another one."""
    bare = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    passwords = HashedPasswords(BcryptHashes(cost=4))
    assert await passwords.verify("x" * 72, bare) == PasswordVerdict(True, True)
    assert not (await passwords.verify("x" * 73, bare)).matches
    assert not (await passwords.verify("x" * 71 + "\0", bare)).matches
    await passwords.close()


@pytest.mark.parametrize(
    "greedy",
    [
        "bcrypt-hmac-sha256$2b$31$" + "." * 53,
        "$2b$17$" + "." * 53,
        "pbkdf2_sha256$9999999$salt$" + "A" * 43 + "=",
        "$argon2id$v=19$m=9999999,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
        "$argon2id$v=19$m=64,t=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    ],
)
async def test_a_hash_cannot_ask_for_hours_of_work(greedy: str, caplog: pytest.LogCaptureFixture) -> None:
    passwords = HashedPasswords(BcryptHashes(cost=4), [Argon2Hashes(time_cost=1, memory_kibibytes=64)])
    started = time.monotonic()
    with caplog.at_level(logging.ERROR, "shop.passwords"):
        assert not (await passwords.verify("correct horse", greedy)).matches
    assert time.monotonic() - started < 5
    assert "cannot be read" in caplog.text
    assert greedy not in caplog.text
    await passwords.close()


@pytest.mark.parametrize("name", ["", "bcrypt-hmac-sha256$2b$06$" + "." * 53, "$2b$04$" + "." * 53, "nonsense"])
async def test_s30_every_account_costs_the_same_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is none, an old hash or a new one: work of cost n counts 2^n."""
    work: Counter[str] = Counter()
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        work["done"] += 2 ** int(hashed[4:6])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    passwords = HashedPasswords(BcryptHashes(cost=6))
    for password in ("correct horse", "x" * 100):
        work.clear()
        assert not (await passwords.verify(password, name)).matches
        assert work["done"] == 2**6
    await passwords.close()


async def test_nobodys_hash_of_argon2_is_one() -> None:
    kind = Argon2Hashes(time_cost=1, memory_kibibytes=64)
    assert kind.reads(kind.nobodys)
    assert kind.is_current(kind.nobodys)
    assert not kind.matches(b"", kind.nobodys)


async def test_the_setting_says_the_cost() -> None:
    passwords = open_bcrypt_passwords(options(SHOP_BCRYPT_COST="5"))
    assert (await passwords.hash("correct horse")).startswith("bcrypt-hmac-sha256$2b$05$")
    await passwords.close()


async def test_twelve_is_what_nobody_set_and_what_a_shop_makes_now() -> None:
    passwords = open_bcrypt_passwords(options())
    assert (await passwords.hash("correct horse")).startswith("bcrypt-hmac-sha256$2b$12$")
    await passwords.close()


async def test_a_shop_changes_over_both_ways() -> None:
    one, other = open_bcrypt_passwords(options(SHOP_BCRYPT_COST="4")), open_argon2_passwords(options())
    hashed = await one.hash("correct horse")
    assert await other.verify("correct horse", hashed) == PasswordVerdict(True, True)
    again = await other.hash("correct horse")
    assert again.startswith("$argon2id$")
    assert await one.verify("correct horse", again) == PasswordVerdict(True, True)
    await one.close()
    await other.close()


async def test_without_the_other_library_its_hashes_open_nothing_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = import_module

    def without_argon2(name: str) -> Any:
        if name.endswith(".argon2"):
            raise ModuleNotFoundError("No module named 'argon2'", name="argon2")
        return real(name)

    hashed = Argon2Hashes(time_cost=1, memory_kibibytes=64).make(b"correct horse")
    monkeypatch.setattr(hashing, "import_module", without_argon2)
    passwords = open_bcrypt_passwords(options(SHOP_BCRYPT_COST="4"))
    with caplog.at_level(logging.ERROR, "shop.passwords"):
        assert not (await passwords.verify("correct horse", hashed)).matches
    assert "library" in caplog.text
    await passwords.close()


class Gate:
    """Work that waits until it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def pass_through(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            assert self.open.wait(30)
        finally:
            with self._lock:
                self.running -= 1
        return "done"


async def until(true: Any) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - threads tell no event
            await asyncio.sleep(0.005)


async def test_s37_five_hundred_at_once_leave_the_loop_alone() -> None:
    """Two are worked on, four wait, the others are told to come back: at once, and the loop never stands still."""
    gate, pool = Gate(), WorkPool(2, waiting_max=4, wait_seconds=30)
    tasks = [asyncio.create_task(pool.run(gate.pass_through)) for _ in range(500)]
    await until(lambda: sum(task.done() for task in tasks) == 494)
    assert gate.running == 2
    gate.open.set()
    answers = Counter(type(answer) for answer in await asyncio.gather(*tasks, return_exceptions=True))
    assert answers == {str: 6, PasswordsBusy: 494}
    assert gate.most == 2
    assert await pool.run(gate.pass_through) == "done"
    pool.close()


async def test_s37_the_loop_goes_on_while_passwords_are_hashed() -> None:
    passwords = HashedPasswords(BcryptHashes(cost=10), pool=WorkPool(1, waiting_max=50, wait_seconds=60))
    hashing = asyncio.gather(*(passwords.hash("correct horse") for _ in range(10)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(await hashing) == 10
    assert turns > 1000
    await passwords.close()


async def test_nobody_waits_for_ever() -> None:
    gate, pool = Gate(), WorkPool(1, waiting_max=4, wait_seconds=0.05)
    first = asyncio.create_task(pool.run(gate.pass_through))
    await until(lambda: gate.running == 1)
    with pytest.raises(PasswordsBusy):
        await pool.run(gate.pass_through)
    gate.open.set()
    assert await first == "done"
    pool.close()


async def test_who_goes_away_frees_no_thread_that_is_still_at_work() -> None:
    gate, pool = Gate(), WorkPool(1, waiting_max=1, wait_seconds=30)
    first = asyncio.create_task(pool.run(gate.pass_through))
    await until(lambda: gate.running == 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(pool.run(gate.pass_through))
    await asyncio.sleep(0.05)
    assert gate.most == 1
    with pytest.raises(PasswordsBusy):
        await pool.run(gate.pass_through)
    gate.open.set()
    assert await second == "done"
    assert gate.most == 1
    pool.close()


async def test_a_pool_that_was_closed_starts_nothing() -> None:
    pool = WorkPool(1, waiting_max=1)
    pool.close()
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await pool.run(lambda: "done")
