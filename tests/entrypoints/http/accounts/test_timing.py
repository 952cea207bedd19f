"""S-30: no time tells whether somebody has an account. By ranks, so a busy machine proves nothing wrong.

Two samples that have the same distribution differ by chance: one comparison in a hundred would. So each is made twice,
and only what differs both times is a difference.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median

import httpx
import pytest
from attrs import evolve

from shop.adapters.passwords.bcrypt import BcryptHashes
from shop.adapters.passwords.hashing import HashedPasswords
from shop.application.shop import Shop
from shop.entrypoints.http import endurance
from shop.entrypoints.http.app import create_app
from tests.entrypoints.http.accounts.people import PASSWORD, Person, Town
from tests.entrypoints.http.sites import BASE, UNLIMITED
from tests.ranks import P_MIN, p_of
from tests.scale import rounds

KNOWN = "q135792.4@example.com"
MEDIANS_APART_MAX = 0.02
Send = Callable[[str], Awaitable[httpx.Response]]


async def _quiet() -> None:
    """What a request left to be done afterwards is done."""
    while under_way := set(endurance._under_way):
        await asyncio.wait(under_way, timeout=30)


@pytest.fixture
async def real(town: Town) -> Town:
    """A town whose passwords are hashed as a shop does, at a 64th of its cost: all else weighs so much more."""
    small = town.site.small
    passwords = HashedPasswords(BcryptHashes(cost=6))
    small.shop = Shop(evolve(small.shop.ports, passwords=passwords), jitter=lambda: 0.0)
    transport = httpx.ASGITransport(app=create_app(small.shop, UNLIMITED))  # type: ignore[arg-type]
    town.site.guest = httpx.AsyncClient(transport=transport, base_url=BASE)
    return town


async def times(town: Town, send: Send, count: int, chance: random.Random) -> tuple[list[float], list[float]]:
    """How long the answer took for an address with an account, and for others, in a random order."""
    tables = town.site.small.tables
    known: list[float] = []
    unknown: list[float] = []
    order = [True, False] * count
    chance.shuffle(order)
    for number, is_known in enumerate(order):
        email = KNOWN if is_known else f"q{chance.randrange(10**6):06}.{number % 10}@example.com"
        started = time.perf_counter()
        answer = await send(email)
        (known if is_known else unknown).append(time.perf_counter() - started)
        assert answer.status_code in (202, 401), answer.text
        await _quiet()
        tables.sign_in_attempts.clear()
        tables.account_requests.clear()
        for user_id in [user.id for user in tables.users.values() if user.email not in (KNOWN, "bob@example.com")]:
            del tables.users[user_id]
    return known, unknown


async def check(town: Town, send: Send) -> None:
    chance = random.Random(30)
    await times(town, send, 5, chance)  # whatever is made when it is first needed
    found = []
    for _ in range(2):
        known, unknown = await times(town, send, rounds(60, in_full=10_000), chance)
        p, apart = p_of(known, unknown), abs(median(known) / median(unknown) - 1)
        if p >= P_MIN:
            return
        found.append(f"p {p:.2g}, medians {apart:.1%} apart")
        if apart < MEDIANS_APART_MAX:
            return
    raise AssertionError(f"The time tells who has an account: {found}")


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", ["login", "register", "password/forgot", "magic-link"])
async def test_s30_no_time_tells_who_has_an_account(real: Town, way: str) -> None:
    await real.register(KNOWN)
    more = {"login": {"password": "wrong words"}, "register": {"password": PASSWORD}}.get(way, {})

    async def send(email: str) -> httpx.Response:
        return await real.guest.post(f"/api/auth/{way}", json={"email": email, **more})

    await check(real, send)


@pytest.mark.prove
@pytest.mark.timeout(1800)
async def test_s30_no_time_of_a_new_address_tells_who_has_it(real: Town) -> None:
    await real.register(KNOWN)
    bob: Person = await real.person("bob@example.com")
    client = httpx.AsyncClient(
        transport=real.guest._transport, base_url=BASE, headers={"Authorization": bob.client.headers["authorization"]}
    )

    async def send(email: str) -> httpx.Response:
        return await client.post("/api/users/me/email", json={"email": email})

    await check(real, send)
