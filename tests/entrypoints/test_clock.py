"""One clock for all processes of a shop: moved by one, followed by the others, refused in production."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from shop.application.commands.clock import MoveClock
from shop.application.commands.identity.keys import CreateApiKey
from shop.application.messages import SYSTEM
from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid
from shop.domain.orders import OrderStatus
from shop.entrypoints import run
from shop.entrypoints.cli.checks.examination import Verdict, examine
from shop.entrypoints.database import upgrade
from shop.entrypoints.demo.seed import configuration
from shop.entrypoints.embed import ClockMoved, open_shop
from shop.entrypoints.http.app import create_app
from shop.entrypoints.settings import Settings
from shop.entrypoints.worker.clock import advance_clock
from shop.entrypoints.worker.schedule import Chore, Schedule
from tests.entrypoints.test_settings import PRODUCTION
from tests.shops import START, SettableClock, open_small_shop

MONTH = timedelta(days=30)
LIVE = {**PRODUCTION, "SHOP_STRIPE_SECRET_KEY": "sk_live_x", "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_x"}


def settings(folder: Path, **more: str) -> Settings:
    return Settings.from_environment({"SHOP_DATABASE_URL": f"sqlite:///{folder / 'shop.db'}", **more})


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    await upgrade(settings(tmp_path))
    return tmp_path


async def test_a_moved_clock_is_moved_for_the_next_process(folder: Path) -> None:
    async with open_shop(settings(folder)) as shop:
        await shop.execute(MoveClock(to=datetime.now(UTC) + MONTH))
    async with open_shop(settings(folder)) as shop:
        assert abs(shop.ports.clock.now() - datetime.now(UTC) - MONTH) < timedelta(seconds=30)


async def test_a_process_that_runs_already_follows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CLOCK_LOOK_SECONDS", 0.01)
    async with (
        open_shop(settings(folder)) as one,
        open_shop(settings(folder)) as other,
        run._following_clock(other),
    ):
        await one.execute(MoveClock(to=datetime.now(UTC) + MONTH))
        async with asyncio.timeout(20):
            while other.ports.clock.now() < datetime.now(UTC) + MONTH - timedelta(minutes=5):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_production_refuses_a_database_whose_clock_was_moved(folder: Path) -> None:
    production = settings(folder, **{k: v for k, v in LIVE.items() if k != "SHOP_DATABASE_URL"})
    async with open_shop(production) as shop:
        assert shop.ports.movable_clock is None
    async with open_shop(settings(folder)) as shop:
        await shop.execute(MoveClock(to=datetime.now(UTC) + MONTH))
    with pytest.raises(ClockMoved, match="ahead of the real time"):
        async with open_shop(production):
            pytest.fail("it opened")


async def test_the_doctor_says_that_the_clock_was_moved(folder: Path) -> None:
    variables = {"SHOP_DATABASE_URL": f"sqlite:///{folder / 'shop.db'}"}
    assert {f.verdict for f in await examine(variables) if f.check == "clock"} == {Verdict.FINE}
    async with open_shop(settings(folder)) as shop:
        await shop.execute(MoveClock(to=datetime.now(UTC) + MONTH))
    assert {f.verdict for f in await examine(variables) if f.check == "clock"} == {Verdict.NOTE}
    found = await examine({**LIVE, **variables})
    assert any(f.verdict is Verdict.WRONG and "ahead of the real time" in f.detail for f in found), found


async def _client(shop: Shop, *scopes: str, settings: Settings | None = None) -> httpx.AsyncClient:
    key = (await shop.execute(CreateApiKey(name="k", scopes=frozenset(scopes)))).secret
    transport = httpx.ASGITransport(app=create_app(shop, settings, advance=advance_clock))  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://shop.test", headers=headers)


async def test_holds_run_out_on_the_way_and_the_answer_tells_of_it() -> None:
    async with open_shop() as shop:
        await shop.execute(configuration())
        client = await _client(shop, "settings:write")
        small = await open_small_shop()  # for its ways of buying only
        small.shop, small.storage, small.secrets = shop, shop.ports.storage, shop.ports.secrets  # type: ignore[assignment]
        order_id = await small.buy((await small.product(stock=3), 3), method="fake_card_3ds")
        answer = await client.post("/api/test/clock/advance", json={"by": "P2D"})
        assert answer.status_code == 200, answer.text
        moved = answer.json()
        assert 172_800 - 5 <= moved["offset_seconds"] <= 172_800
        assert {event["type"] for event in moved["events"]} == {"payment.voided", "order.cancelled"}
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        # Within a day of being due, and not all at the end.
        cancelled_at = datetime.fromisoformat(moved["events"][0]["at"])
        assert cancelled_at < datetime.fromisoformat(moved["now"]) - timedelta(hours=12)
        until = (shop.ports.clock.now() + timedelta(hours=1)).isoformat()
        assert (await client.post("/api/test/clock/advance", json={"to": until})).json()["events"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"by": "P1D", "to": "2100-01-01T00:00:00Z"},
        {"by": "soon"},
        {"by": "999999w"},
        {"to": "2020-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59-14:00"},
    ],
)
async def test_what_says_nothing_clear_is_refused(body: dict[str, str]) -> None:
    async with open_shop() as shop:
        client = await _client(shop, "settings:write")
        assert (await client.post("/api/test/clock/advance", json=body)).status_code == 422


async def test_more_than_a_year_at_once_is_too_much_for_one_answer() -> None:
    async with open_shop() as shop:
        with pytest.raises(Invalid, match="400 days"):
            await advance_clock(shop, shop.ports.clock.now() + timedelta(days=401), actor=SYSTEM)


async def test_a_test_key_with_the_scope_is_needed() -> None:
    async with open_shop() as shop:
        assert (await (await _client(shop, "orders:read")).post("/api/test/clock/advance")).status_code == 403
        client = await _client(shop, "*")
        live = client.headers["authorization"].replace("sk_test_", "sk_live_")
        refused = await client.post("/api/test/clock/advance", headers={"Authorization": live})
        assert refused.status_code == 401  # nobody has this key; and one that somebody had would be refused too
        del client.headers["authorization"]
        assert (await client.post("/api/test/clock/advance")).status_code == 401


async def test_a_live_key_moves_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_shop() as shop:
        client = await _client(shop, "*")
        monkeypatch.setattr("shop.entrypoints.http.calls.TEST_KEY", b" sk_trial_")
        answer = await client.post("/api/test/clock/advance", json={"by": "P1D"})
        assert (answer.status_code, answer.json()["code"]) == (403, "test_key_needed")


async def test_in_production_there_is_no_such_address() -> None:
    small = await open_small_shop()
    client = await _client(
        small.shop, "*", settings=Settings.from_environment({**PRODUCTION, "SHOP_ALLOWED_HOSTS": "shop.test"})
    )
    answer = await client.post("/api/test/clock/advance", json={"by": "P1D"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "/api/test" not in (await client.get("/api/openapi.json")).text


async def test_chores_go_on_after_the_clock_was_put_back() -> None:
    small = await open_small_shop()
    done: list[datetime] = []

    async def note(shop: Shop) -> int:
        done.append(shop.ports.clock.now())
        return 1

    schedule = Schedule([Chore("note", timedelta(minutes=1), note)], jitter=lambda: 0.5)
    clock: SettableClock = small.clock
    clock.forward(MONTH)
    await schedule.run_due(small.shop)
    await schedule.run_due(small.shop)
    clock.at = START
    await schedule.run_due(small.shop)
    assert done == [START + MONTH, START]
