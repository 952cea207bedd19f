"""The audit log: what use cases leave in it, refusals, and a chain that no change passes unseen."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from shop.application.auditing import BATCH, Verification, canonical, link_of, plain, seal_some, verify
from shop.application.commands.audit import SealAuditLog
from shop.application.commands.carts import OpenCart
from shop.application.commands.inventory import AdjustStock
from shop.application.denials import PER_MINUTE_MAX, REST
from shop.application.messages import GUEST, Actor
from shop.application.ports.audit import AuditEntry, AuditFilter, Change, Link
from shop.application.ports.paging import PageRequest
from shop.application.ports.views import AuditEntryView
from shop.application.queries.audit import GetAuditLog
from shop.application.queries.carts import GetCart
from shop.domain.carts import CartNotFound
from shop.domain.kernel.errors import Forbidden, ShopError
from shop.domain.kernel.identifiers import ApiKeyId, AuditEntryId, Identifier, RequestId, UserId
from shop.domain.kernel.money import Money
from tests.shops import STAFF, SmallShop

READER = Actor(kind="api_key", id=ApiKeyId(UUID(int=9)), scopes=frozenset({"audit:read"}))
ENTRY = AuditEntry(
    id=AuditEntryId(UUID(int=1)),
    at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
    actor_kind="user",
    actor_id="user_1",
    source="192.0.2.1",
    request_id=RequestId(UUID(int=2)),
    action="AdjustStock",
    changes=(Change(subject="var_1", field="stock", before=1, after={"ü": [None, True]}),),
)


async def log_of(small: SmallShop, *, actor: str = "", subject: str = "", action: str = "") -> list[AuditEntryView]:
    """All entries, the latest first, once all refusals are written down."""
    await small.shop.denials.close()
    found: list[AuditEntryView] = []
    page = PageRequest(limit=100)
    while True:
        query = GetAuditLog(page=page, narrowed=AuditFilter(actor=actor, subject=subject, action=action))
        answer = await small.shop.ask(query, actor=READER)
        found += answer.data
        if answer.next is None:
            return found
        page = PageRequest(limit=100, after=answer.next)


async def checked(small: SmallShop, anchor: Link | None = None) -> Verification:
    return await verify(small.storage.audit, small.clock.now(), anchor=anchor)


class TestChanges:
    async def test_i16_what_is_done_says_who_why_and_what(self, small: SmallShop) -> None:
        variant_id = await small.product(stock=5)
        command = AdjustStock(variant_id=variant_id, delta=-2, reason="broken")
        await small.shop.execute(command, actor=STAFF)
        latest = (await log_of(small, subject=str(variant_id)))[0]
        assert (latest.actor, latest.actor_id, latest.action) == ("api_key", str(STAFF.id), "AdjustStock")
        [change] = [change for change in latest.changes if change.field == "stock"]
        assert isinstance(change.after, dict)
        assert change.after["on_hand"] == -2
        assert await log_of(small, actor=str(STAFF.id), action="AdjustStock") == [latest]

    async def test_i16_a_sale_is_told_of_from_order_to_books(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(stock=5), 1))
        await small.deliver()
        told = await log_of(small, subject=str(order_id))
        fields = [change.field for entry in told for change in entry.changes if change.subject_id == str(order_id)]
        assert {"total", "status", "payment_status", "books"} <= set(fields)
        stock = [change for entry in told for change in entry.changes if change.field == "stock"]
        assert stock

    async def test_carts_tell_nothing(self, small: SmallShop) -> None:
        before = len(await log_of(small))
        await small.shop.execute(OpenCart())
        assert len(await log_of(small)) == before

    async def test_a_process_has_a_name_where_no_caller_is_known(self, small: SmallShop) -> None:
        small.shop.source = "worker"
        variant_id = await small.product(stock=5)
        assert {entry.source for entry in await log_of(small, subject=str(variant_id))} == {"worker"}


class TestRefusals:
    async def test_a_missing_scope_and_the_cart_of_somebody_else_leave_a_trace(self, small: SmallShop) -> None:
        cart_id = await small.shop.execute(OpenCart(), actor=Actor(kind="user", id=UserId(UUID(int=1))))
        with pytest.raises(CartNotFound):
            await small.shop.ask(GetCart(cart_id=cart_id), actor=GUEST)
        with pytest.raises(Forbidden):
            await small.shop.execute(SealAuditLog(), actor=READER)
        told = [(e.actor, e.action, e.changes[0].subject_id, e.changes[0].after) for e in await log_of(small)]
        assert ("guest", "GetCart", str(cart_id), "not_found") in told
        assert ("api_key", "SealAuditLog", str(READER.id), "scope_missing") in told

    async def test_what_is_wrong_but_not_denied_leaves_none(self, small: SmallShop) -> None:
        before = len(await log_of(small))
        with pytest.raises(ShopError):
            await small.shop.execute(OpenCart(currency="JPY"))
        assert len(await log_of(small)) == before

    async def test_equal_ones_of_a_minute_are_one_and_a_number(self, small: SmallShop) -> None:
        async def knock(times: int) -> None:
            for _ in range(times):
                with pytest.raises(Forbidden):
                    await small.shop.execute(SealAuditLog(), actor=READER)

        await knock(5)
        small.clock.forward(timedelta(minutes=1))
        await knock(1)
        after = [entry.changes[0].after for entry in await log_of(small, action="SealAuditLog")]
        assert sorted(after, key=str) == ["scope_missing", "scope_missing", {"code": "scope_missing", "times_more": 4}]

    async def test_many_different_ones_do_not_fill_the_disk(self, small: SmallShop) -> None:
        for number in range(3 * PER_MINUTE_MAX):
            with pytest.raises(Forbidden):
                await small.shop.execute(SealAuditLog(), actor=evolve(READER, id=ApiKeyId(UUID(int=number + 100))))
        told = await log_of(small)
        assert len([entry for entry in told if entry.action == "SealAuditLog"]) == PER_MINUTE_MAX
        rest = [entry.changes[0].after for entry in told if entry.action == REST]
        assert {"code": "scope_missing", "times_more": 2 * PER_MINUTE_MAX - 1} in rest

    async def test_a_log_that_is_away_keeps_nobody_from_an_answer(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def away(entry: AuditEntry) -> None:
            raise RuntimeError("no disk")

        monkeypatch.setattr(small.shop.denials, "_trail", small.storage.audit)
        monkeypatch.setattr(small.storage.audit, "note", away)
        with pytest.raises(Forbidden):
            await small.shop.execute(SealAuditLog(), actor=READER)
        await small.shop.denials.close()
        assert "could not be noted" in caplog.text


class TestChain:
    async def _sealed(self, small: SmallShop) -> list[Link]:
        variant_id = await small.product(stock=5)
        for _ in range(4):
            await small.shop.execute(AdjustStock(variant_id=variant_id, delta=1, reason="found"))
        while await small.shop.execute(SealAuditLog()):
            pass
        return [link for link, _ in await small.storage.audit.links(0, BATCH)]

    async def test_what_nobody_touched_is_fine(self, small: SmallShop) -> None:
        links = await self._sealed(small)
        found = await checked(small, anchor=links[2])
        assert (found.fine, found.sealed, found.unsealed, found.overdue) == (True, len(links), 0, 0)

    async def test_s74_an_entry_that_is_changed_or_taken_out_is_seen(self, small: SmallShop) -> None:
        links = await self._sealed(small)
        entries = small.tables.audit_entries
        victim = entries[links[1].entry_id]
        entries[victim.id] = evolve(victim, actor_id="somebody else")
        [flaw] = (await checked(small)).flaws
        assert flaw.position == 2
        del entries[victim.id]
        [flaw] = (await checked(small)).flaws
        assert (flaw.position, "is gone" in flaw.detail) == (2, True)

    async def test_s74_links_that_are_gone_and_a_chain_that_was_made_anew_are_seen(self, small: SmallShop) -> None:
        links = await self._sealed(small)
        tables = small.tables
        chain = list(tables.audit_chain)
        tables.audit_chain[:] = chain[:-1]
        assert (await checked(small)).fine, "without a note elsewhere nobody sees that the end is gone"
        assert not (await checked(small, anchor=links[-1])).fine
        victim = tables.audit_entries[links[0].entry_id]
        tables.audit_entries[victim.id] = evolve(victim, actor_id="somebody else")
        tables.audit_chain.clear()
        tables.audit_places.clear()
        while await seal_some(small.storage.audit, everything=True):
            pass
        assert (await checked(small)).fine
        assert not (await checked(small, anchor=links[-1])).fine

    async def test_entries_that_nobody_seals_are_told(self, small: SmallShop) -> None:
        await small.product(stock=5)
        small.clock.forward(timedelta(hours=2))
        found = await checked(small)
        assert found.fine
        assert found.overdue == found.unsealed > 0

    @given(
        st.sampled_from(
            [
                evolve(ENTRY, id=AuditEntryId(UUID(int=3))),
                evolve(ENTRY, at=ENTRY.at + timedelta(microseconds=1)),
                evolve(ENTRY, actor_kind="api_key"),
                evolve(ENTRY, actor_id="user_2"),
                evolve(ENTRY, source="192.0.2.2"),
                evolve(ENTRY, request_id=RequestId(UUID(int=3))),
                evolve(ENTRY, action="CountStock"),
                evolve(ENTRY, changes=()),
                evolve(ENTRY, changes=(evolve(ENTRY.changes[0], before="1"),)),
                evolve(ENTRY, changes=(evolve(ENTRY.changes[0], after={"ü": [None, 1]}),)),
                evolve(ENTRY, changes=ENTRY.changes * 2),
            ]
        ),
        st.binary(min_size=32, max_size=32),
        st.integers(1, 2**63),
    )
    def test_s74_every_field_the_place_and_what_came_before_are_in_the_hash(
        self, other: AuditEntry, before: bytes, place: int
    ) -> None:
        link = link_of(before, place, ENTRY)
        assert link == link_of(before, place, ENTRY)
        changed = [link_of(before, place, other), link_of(before, place + 1, ENTRY), link_of(link.hash, place, ENTRY)]
        assert link.hash not in {each.hash for each in changed}

    @given(st.text(), st.text(), st.text(), st.text())
    def test_fields_do_not_run_into_each_other(self, one: str, two: str, three: str, four: str) -> None:
        first, second = (evolve(ENTRY, source=s, action=a) for s, a in ((one, two), (three, four)))
        assert (canonical(first) == canonical(second)) == ((one, two) == (three, four))


class Size(Enum):
    SMALL = "s"


def test_values_are_told_as_json_knows_them() -> None:
    assert plain(Size.SMALL) == "s"
    assert plain(Decimal("0.190")) == "0.190"
    assert plain(Money(5, "EUR")) == {"amount": 5, "currency": "EUR"}
    assert plain(frozenset({"b", "a"})) == ["a", "b"]
    assert plain({UserId(UUID(int=1)): (1, None)}) == {str(UserId(UUID(int=1))): [1, None]}
    assert plain(ENTRY.changes[0])["subject"] == "var_1"
    assert isinstance(plain(UserId(UUID(int=1))), str)
    assert issubclass(UserId, Identifier)
    with pytest.raises(TypeError):
        plain(1.5)
