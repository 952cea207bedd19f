"""The audit log: each change has its entry in the same step, nobody rewrites it, and the chain has one order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, walk
from shop.adapters.contracts.stories import alone
from shop.application.auditing import GENESIS, SILENT, entry_of, link_of, seal_some, verify
from shop.application.messages import Actor
from shop.application.ports.audit import AuditEntry, AuditFilter, Change
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import AuditEntryView
from shop.domain.catalog import Option, Price, ProductStatus
from shop.domain.identity import ApiKey, Role, User
from shop.domain.kernel.identifiers import RoleId, UserId
from shop.domain.orders import PaymentStatus
from shop.domain.store import Store

_ALL = AuditFilter()


async def _log(bench: Bench, narrowed: AuditFilter = _ALL) -> list[AuditEntryView]:
    return (await bench.storage.audit.log(PageRequest(limit=100), narrowed)).data


async def _told(bench: Bench, subject: object) -> list[tuple[str, object, object]]:
    """What the latest entry about this says of it."""
    latest = (await _log(bench, AuditFilter(subject=str(subject))))[0]
    return [(c.field, c.before, c.after) for c in latest.changes if c.subject_id == str(subject)]


def _entry(bench: Bench, seconds: float = 0, **changes: Any) -> AuditEntry:
    change = Change(subject="settings", field="store.name", before="a", after={"ü": [1, None, True]})
    context = bench.context(now=bench.later(seconds))
    return evolve(entry_of(bench.samples, context, [change], action="ConfigureStore"), **changes)


class AuditPromises(StoragePromises):
    """The promises of `AuditTrail`, and of what the unit of work writes into it."""

    @alone
    async def test_a_change_says_who_when_from_where_before_and_after(self, bench: Bench) -> None:
        key = bench.samples.api_key()
        await bench.save(key)
        actor = Actor(kind="user", id=bench.samples.new(UserId))
        context = evolve(bench.context(actor=actor, now=bench.later(5)), source="192.0.2.7", action="RevokeApiKey")
        async with bench.transaction(context) as tx:
            stored = await tx.api_keys.get(key.id)
            stored.revoke(context.now)
            tx.api_keys.save(stored)
        latest, first = await _log(bench)
        assert (latest.actor, latest.actor_id, latest.source) == ("user", str(actor.id), "192.0.2.7")
        assert (latest.at, latest.request_id, latest.action) == (context.now, str(context.request_id), "RevokeApiKey")
        [change] = latest.changes
        assert (change.subject_id, change.field, change.before) == (str(key.id), "revoked_at", None)
        assert str(change.after).endswith("Z")
        assert latest.position is None
        assert {change.field for change in first.changes} == {"kind", "scopes", "fingerprint"}

    @alone
    async def test_what_is_secret_is_told_only_to_have_changed(self, bench: Bench) -> None:
        key = bench.samples.api_key()
        await bench.save(key)
        key.rotate(b"n" * 32, "wxyz", timedelta(0), bench.now)
        await bench.save(key)
        assert ("fingerprint", SILENT, SILENT) in await _told(bench, key.id)

    @alone
    async def test_permissions_are_told_of_and_nothing_of_the_person(self, bench: Bench) -> None:
        role = Role(id=bench.samples.new(RoleId), name="night", title="Nights", scopes=frozenset({"orders:read"}))
        user = User.register(id=bench.samples.new(UserId), email="ada@example.com", name="Ada", at=bench.now)
        await bench.save(role, user)
        async with bench.transaction() as tx:
            stored = await tx.users.get(user.id)
            stored.set_roles(frozenset({role.id}), bench.now)
            stored.set_password("another hash", bench.now)
            stored.describe(bench.now, name="Ada King")
            tx.users.save(stored)
        assert await _told(bench, user.id) == [("role_ids", [], [str(role.id)]), ("stamp", 0, 1)]
        async with bench.transaction() as tx:
            stored = await tx.users.get(user.id)
            stored.set_roles(frozenset(), bench.now)
            tx.users.save(stored)
        async with bench.transaction() as tx:
            tx.roles.delete(await tx.roles.get(role.id))
        assert await _told(bench, role.id) == [("removed", {"name": "night", "scopes": ["orders:read"]}, None)]
        told = repr(await _log(bench))
        assert not [word for word in ("ada@", "Ada", "hash") if word in told]

    @alone
    async def test_money_is_told_of_on_payment_order_and_books(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        async with bench.transaction() as tx:
            order = await tx.orders.get(order.id)
            payment = await tx.payments.get(payment.id)
            payment.captured = eur(2380)
            order.payment_status = PaymentStatus.PAID
            tx.payments.save(payment)
            tx.orders.save(order)
            tx.ledger.book(bench.samples.entry(payment))
        latest = (await _log(bench))[0]
        assert {change.subject_id for change in latest.changes} == {str(payment.id), str(order.id)}
        zero, all_of_it = {"amount": 0, "currency": "EUR"}, {"amount": 2380, "currency": "EUR"}
        assert await _told(bench, payment.id) == [("captured", zero, all_of_it)]
        of_order = {field: after for field, _, after in await _told(bench, order.id)}
        assert of_order["payment_status"] == "paid"
        booked = of_order["books"]
        assert isinstance(booked, dict)
        assert booked["payment_id"] == str(payment.id)
        assert sum(minor for _, minor, _ in booked["postings"]) == 0

    @alone
    async def test_stock_is_told_of_by_movement_level_and_limit(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(7, backorder_limit=2)
        level = await bench.level(variant_id, location_id)
        async with bench.transaction() as tx:
            tx.stock.set_backorder_limit(level, 5)
            tx.stock.move(bench.samples.movement(variant_id, location_id, on_hand=-3))
        told = {field: (before, after) for field, before, after in await _told(bench, variant_id)}
        moved = told["stock"][1]
        assert isinstance(moved, dict)
        assert (moved["on_hand"], moved["reserved"], moved["location_id"]) == (-3, 0, str(location_id))
        assert told[f"backorder_limit at {location_id}"] == (2, 5)
        opened = (await _log(bench, AuditFilter(subject=str(variant_id))))[-1]
        assert {change.field for change in opened.changes} == {"level", "stock"}

    @alone
    async def test_prices_are_told_of_where_they_differ(self, bench: Bench) -> None:
        small = bench.samples.variant(options=("S",))
        large = bench.samples.variant(options=("L",), prices=(Price(amount=eur(500)),))
        size = Option(name="Size", values=("S", "L"))
        product = bench.samples.product(variants=(small, large), options=(size,), status=ProductStatus.DRAFT)
        await bench.save(product)
        product.change_variant(large.id, bench.later(1), prices=(Price(amount=eur(450), compare_at=eur(500)),))
        product.move_to(ProductStatus.ACTIVE, bench.later(1))
        await bench.save(product)
        before = [{"amount": {"amount": 500, "currency": "EUR"}, "compare_at": None}]
        after = [{"amount": {"amount": 450, "currency": "EUR"}, "compare_at": {"amount": 500, "currency": "EUR"}}]
        told = [("prices", {str(large.id): before}, {str(large.id): after}), ("status", "draft", "active")]
        assert sorted(await _told(bench, product.id), key=lambda change: change[0]) == told
        product.change(bench.later(2), description="Words are not told of.")
        await bench.save(product)
        assert len(await _log(bench, AuditFilter(subject=str(product.id)))) == 2

    @alone
    async def test_settings_are_told_of_by_the_part_that_differs(self, bench: Bench) -> None:
        async with bench.transaction() as tx:
            settings = await tx.store.get()
            tx.store.save(evolve(settings, store=Store(name="Other", currencies=("EUR", "USD"))))
        assert await _told(bench, "settings") == [
            ("store.name", "Shop", "Other"),
            ("store.currencies", ["EUR"], ["EUR", "USD"]),
        ]

    @alone
    async def test_saved_twice_in_one_transaction_is_told_once_and_saved_again_goes_on_from_there(
        self, bench: Bench
    ) -> None:
        location = bench.samples.location(priority=1)
        async with bench.transaction() as tx:
            tx.stock.save_location(location)
            location.priority = 2
            tx.stock.save_location(location)
        assert ("priority", None, 2) in await _told(bench, location.id)
        location.priority = 3
        await bench.save(location)
        assert await _told(bench, location.id) == [("priority", 2, 3)]

    @alone
    async def test_what_is_not_written_is_not_told_and_what_changes_nothing_neither(self, bench: Bench) -> None:
        key = bench.samples.api_key()
        await bench.save(key)
        before = len(await _log(bench))
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                mine = await tx.api_keys.get(key.id)
                await _revoked(bench, key)
                mine.revoke(bench.now)
                tx.api_keys.save(mine)
        assert len(await _log(bench)) == before + 1
        async with bench.transaction() as tx:
            tx.api_keys.save(await tx.api_keys.get(key.id))
            tx.carts.save(bench.samples.cart())
        assert len(await _log(bench)) == before + 1

    @alone
    async def test_an_entry_comes_back_as_it_was_noted(self, bench: Bench) -> None:
        entry = _entry(bench, source="2001:db8::", actor_kind="api_key", actor_id="key_1")
        await bench.storage.audit.note(entry)
        assert await bench.storage.audit.unsealed(None, 10) == [entry]

    @alone
    async def test_sealing_takes_the_oldest_first_and_looks_back_a_while(self, bench: Bench) -> None:
        trail = bench.storage.audit
        new, old, ancient = _entry(bench, 60), _entry(bench, 0), _entry(bench, -7200)
        await trail.note(new)
        await trail.note(old)
        assert await seal_some(trail) == 2
        late = _entry(bench, -60)
        await trail.note(late)
        await trail.note(ancient)
        assert await seal_some(trail) == 1, "an entry that was begun earlier and written later was passed over"
        assert [entry.id for entry in await trail.unsealed(None, 10)] == [ancient.id]
        assert await seal_some(trail, everything=True) == 1
        links = await trail.links(0, 10)
        assert [(link.position, entry) for link, entry in links] == [(1, old), (2, new), (3, late), (4, ancient)]
        assert await trail.links(2, 1) == links[2:3]
        tip = await trail.tip()
        assert tip is not None
        assert tip == (links[3][0], ancient.at)
        found = await verify(trail, bench.now, anchor=links[1][0])
        assert (found.fine, found.sealed, found.tip, found.unsealed) == (True, 4, links[3][0].hash, 0)
        assert [view.position for view in await _log(bench)] == [2, 1, 3, 4]

    @alone
    async def test_of_two_that_seal_at_once_one_wins_and_nothing_is_sealed_twice(self, bench: Bench) -> None:
        trail = bench.storage.audit
        entries = [_entry(bench, seconds) for seconds in range(3)]
        for entry in entries:
            await trail.note(entry)
        await trail.seal([link_of(GENESIS, 1, entries[0])])
        with pytest.raises(StaleAggregate):  # the place is taken
            await trail.seal([link_of(GENESIS, 1, entries[1])])
        with pytest.raises(StaleAggregate):  # the entry is sealed, and what came with it stays out
            await trail.seal([link_of(GENESIS, 2, entries[2]), link_of(GENESIS, 3, entries[0])])
        assert len(await trail.links(0, 10)) == 1

    @alone
    async def test_the_log_is_found_by_actor_subject_action_and_time(self, bench: Bench) -> None:
        trail = bench.storage.audit
        change = Change(subject="ord_1", field="total", before=1, after=2)
        wanted = _entry(bench, 10, actor_id="usr_1", action="CancelOrder", changes=(change, change))
        for entry in (_entry(bench, 0), wanted, _entry(bench, 20)):
            await trail.note(entry)
        for narrowed in (
            AuditFilter(actor="usr_1"),
            AuditFilter(subject="ord_1"),
            AuditFilter(action="CancelOrder"),
            AuditFilter(since=bench.later(10), until=bench.later(20)),
            AuditFilter(since=datetime(500, 1, 1, tzinfo=UTC), actor="usr_1"),
            AuditFilter(actor="usr_1", subject="ord_1", action="CancelOrder", until=bench.later(11)),
        ):
            assert [view.id for view in await _log(bench, narrowed)] == [wanted.id], narrowed
        for narrowed in (AuditFilter(actor="ord_1"), AuditFilter(subject="ord_"), AuditFilter(action="x\0")):
            assert await _log(bench, narrowed) == []
        for narrowed in (
            AuditFilter(since=datetime.max.replace(tzinfo=UTC)),
            AuditFilter(until=datetime(500, 1, 1, tzinfo=UTC)),
        ):
            assert await _log(bench, narrowed) == []

    @alone
    async def test_the_log_goes_page_by_page_the_latest_first(self, bench: Bench) -> None:
        entries = [_entry(bench, seconds) for seconds in (0, 1, 1, 2, 3)]
        for entry in entries:
            await bench.storage.audit.note(entry)

        async def ask(page: PageRequest) -> Page[AuditEntryView]:
            return await bench.storage.audit.log(page, AuditFilter(action="ConfigureStore"))

        newest_first = sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)
        assert [view.id for view in await walk(ask, 2)] == [entry.id for entry in newest_first]
        assert (await ask(PageRequest(total=True, limit=1))).total == 5


async def _revoked(bench: Bench, key: ApiKey) -> None:
    async with bench.transaction() as tx:
        stored = await tx.api_keys.get(key.id)
        stored.revoke(bench.now)
        tx.api_keys.save(stored)
