"""What keeps the shop running: answers by key, secret keys, and its settings."""

from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.messages import GUEST, Actor
from shop.application.ports.answers import Answer
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import AnsweredAlready, StaleAggregate
from shop.domain.carts import CartNotFound
from shop.domain.identity import ApiKeyNotFound
from shop.domain.kernel.identifiers import ApiKeyId, UserId
from shop.domain.kernel.money import Money
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod, WeightStep
from shop.domain.store import Store

ROUTE = "POST /things"


class AnswerPromises(StoragePromises):
    """The promises of `Transaction.answer` and `Answers`."""

    @alone
    async def test_an_answer_is_kept_with_its_cause(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        context = bench.context(key="k", fingerprint=bytes(range(32)))
        async with bench.transaction(context) as tx:
            tx.carts.save(cart)
            tx.answer(cart.id)
            assert await bench.storage.answers.find("system", ROUTE, "k") is None
        answer = await bench.storage.answers.find("system", ROUTE, "k")
        assert answer == Answer(fingerprint=bytes(range(32)), result=str(cart.id))

    @alone
    async def test_without_a_key_nothing_is_kept(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        for context in (bench.context(), bench.context(actor=GUEST, key="k")):
            async with bench.transaction(context) as tx:
                tx.answer(cart.id)
        assert await bench.storage.answers.find("system", ROUTE, "") is None
        assert await bench.storage.answers.find("guest", ROUTE, "k") is None

    @alone
    async def test_the_second_answer_writes_nothing(self, bench: Bench) -> None:
        """I4, F-17: whoever comes second with a key finds the first one's answer."""
        first, second = bench.samples.cart(), bench.samples.cart()
        with pytest.raises(AnsweredAlready):
            async with bench.transaction(bench.context(key="k", fingerprint=b"2" * 32)) as slow:
                slow.carts.save(second)
                slow.answer(second.id)
                async with bench.transaction(bench.context(key="k")) as quick:
                    quick.carts.save(first)
                    quick.answer(first.id)
        async with bench.transaction() as tx:
            await tx.carts.get(first.id)
            with pytest.raises(CartNotFound):
                await tx.carts.get(second.id)
        answer = await bench.storage.answers.find("system", ROUTE, "k")
        assert answer == Answer(fingerprint=b"f" * 32, result=str(first.id))

    @alone
    async def test_an_earlier_answer_comes_before_other_guards(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        await bench.save(cart, session)
        async with bench.transaction(bench.context(key="k")) as tx:
            order = bench.samples.order(cart, session)
            tx.orders.save(order)
            tx.answer(order.id)
        with pytest.raises(AnsweredAlready):
            async with bench.transaction(bench.context(key="k")) as tx:
                again = bench.samples.order(cart, session)
                tx.orders.save(again)
                tx.answer(again.id)

    @alone
    async def test_keys_are_one_callers_and_one_routes(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        other = Actor(kind="key", id=bench.samples.new(ApiKeyId))
        for context in (bench.context(key="k"), bench.context(key="k", actor=other), bench.context(key="K")):
            async with bench.transaction(context) as tx:
                tx.answer(cart.id)
        find = bench.storage.answers.find
        assert await find(other.principal or "", ROUTE, "k") is not None
        assert await find("system", "POST /others", "k") is None
        assert await find("nobody", ROUTE, "k") is None

    @alone
    async def test_old_answers_are_forgotten(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        for number in range(3):
            async with bench.transaction(bench.context(key=str(number), now=bench.later(number))) as tx:
                tx.answer(cart.id)
        answers = bench.storage.answers
        assert await answers.forget(bench.later(2), 1) == 1
        assert await answers.forget(bench.later(2), 10) == 1
        assert await answers.forget(bench.later(2), 10) == 0
        assert await answers.find("system", ROUTE, "1") is None
        assert await answers.find("system", ROUTE, "2") is not None


class SettingsPromises(StoragePromises):
    """The promises of `ApiKeyRepository`, `ApiKeyReader`, `StoreRepository` and `StoreReader`."""

    @alone
    async def test_keys_come_back_as_they_were(self, bench: Bench) -> None:
        key = bench.samples.api_key(created_by=bench.samples.new(UserId))
        await bench.save(key)
        key.revoke(bench.later(1))
        await bench.save(key)
        async with bench.transaction() as tx:
            assert state(await tx.api_keys.get(key.id)) == state(key)
            with pytest.raises(ApiKeyNotFound):
                await tx.api_keys.get(bench.samples.new(ApiKeyId))
        found = await bench.readers.api_keys.find(key.fingerprint)
        assert found is not None
        assert (state(found.key), found.maker) == (state(key), None)
        assert await bench.readers.api_keys.find(b"unknown") is None

    @alone
    async def test_keys_are_listed_the_newest_first_without_secrets(self, bench: Bench) -> None:
        old, new = bench.samples.api_key(), bench.samples.api_key(created_at=bench.later(1), name="Import")
        new.revoke(bench.later(2))
        await bench.save(new, old)
        views = await bench.readers.api_keys.all()
        assert [(v.id, v.name, v.revoked_at) for v in views] == [
            (new.id, "Import", bench.later(2)),
            (old.id, "Back office", None),
        ]
        assert (views[1].last4, views[1].scopes) == ("abcd", ["catalog:read", "orders:write"])

    @alone
    async def test_a_new_shop_has_the_default_settings(self, bench: Bench) -> None:
        defaults = StoreSettings(store=Store(), taxes=TaxTable(), shipping_methods=())
        async with bench.transaction() as tx:
            assert await tx.store.get() == defaults
        assert await bench.readers.store.settings() == defaults

    @alone
    async def test_settings_come_back_as_they_were(self, bench: Bench) -> None:
        settings = _settings()
        await bench.save(settings)
        async with bench.transaction() as tx:
            found = await tx.store.get()
        assert found == evolve(settings, version=1)
        assert [str(rate.rate) for rate in found.taxes.rates] == ["0.190", "0.0825"]

    @alone
    async def test_settings_that_changed_meanwhile_are_stale(self, bench: Bench) -> None:
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.store.get()
                await bench.save(_settings())
                slow.store.save(evolve(mine, store=Store(name="Mine")))
        async with bench.transaction() as tx:
            found = await tx.store.get()
            tx.store.save(evolve(found, store=Store(name="Second")))
        async with bench.transaction() as tx:
            again = await tx.store.get()
        assert (found.store.name, again.store.name, again.version) == ("Nähstube", "Second", 2)


def _settings() -> StoreSettings:
    return StoreSettings(
        store=Store(
            name="Nähstube",
            country="AT",
            currencies=("EUR", "JPY"),
            locales=("de", "en"),
            ships_to=("AT", "DE"),
            refund_limits=(eur(10000), Money(15000, "JPY")),
            unheld_methods=("fake_debit", "stripe_direct"),
        ),
        taxes=TaxTable(
            prices_include_tax=False,
            rates=(
                TaxRate(name="MwSt", country="DE", rate=Decimal("0.190")),
                TaxRate(
                    name="Sales tax",
                    country="US",
                    region="TX",
                    tax_class="books",
                    rate=Decimal("0.0825"),
                    rounding="ROUND_HALF_UP",
                ),
            ),
        ),
        shipping_methods=(
            ShippingMethod(code="flat", name="Parcel", countries=frozenset({"AT", "DE"}), flat=(eur(490),), days_max=9),
            ShippingMethod(
                code="weight",
                name="Freight",
                by_weight=(WeightStep(up_to_grams=1000, price=eur(590)),),
                tax_class="reduced",
                days_min=2,
            ),
        ),
    )


class ClockPromises(StoragePromises):
    """The promises of `ClockOffsets`."""

    @alone
    async def test_a_clock_that_nobody_moved_tells_the_real_time(self, bench: Bench) -> None:
        assert await bench.storage.clock.read() == timedelta(0)

    @alone
    async def test_the_offset_is_kept_to_the_microsecond(self, bench: Bench) -> None:
        ahead = timedelta(days=3660, microseconds=1)
        await bench.storage.clock.write(timedelta(days=30))
        await bench.storage.clock.write(ahead)
        assert await bench.storage.clock.read() == ahead
        await bench.storage.clock.write(timedelta(0))
        assert await bench.storage.clock.read() == timedelta(0)
