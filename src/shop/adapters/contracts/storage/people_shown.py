"""People as they are shown, what is theirs, and what is forgotten."""

from datetime import timedelta

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.people import DAY, a_role, a_session, a_user
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state, walk
from shop.adapters.contracts.stories import alone
from shop.application.ports.people import UserFilter
from shop.domain.identity import (
    OWNER,
    ApiKey,
    DataExport,
    ExportNotFound,
    Invitation,
    InvitationNotFound,
    KeyKind,
    SavedAddress,
    UserNotFound,
    UserStatus,
)
from shop.domain.identity.roles import SUPPORT
from shop.domain.kernel.identifiers import AddressId, ApiKeyId, ExportId, InvitationId, UserId
from shop.domain.kernel.money import AMOUNT_MAX


class PeopleShownPromises(StoragePromises):
    """The promises of `ports.people.PeopleReader`, and of what belongs to people elsewhere."""

    @alone
    async def test_users_as_staff_see_them(self, bench: Bench) -> None:
        people = [a_user(bench, f"{name}@example.com", name=name.title()) for name in ("ada", "bob", "adam", "eve")]
        people[1].role_ids = frozenset({OWNER.id})
        await bench.save(*people)
        order = await bench.placed(owner_id=people[0].id)
        order.confirm(bench.now)
        await bench.save(order)
        ask = bench.readers.people.users
        shown = await walk(lambda page: ask(UserFilter(), page), 3, ("email",))
        assert [view.email for view in shown] == sorted(user.email for user in people)
        ada = await bench.readers.people.user(people[0].id)
        assert (ada.orders, ada.spent, ada.last_order_at) == (1, [order.total], order.placed_at)
        for _ in range(2):
            most = {"subtotal": eur(AMOUNT_MAX), "shipping_total": eur(0), "total": eur(AMOUNT_MAX)}
            large = await bench.placed(owner_id=people[3].id, **most)
            large.confirm(bench.now)
            await bench.save(large)
        [spent] = (await bench.readers.people.user(people[3].id)).spent
        assert (spent.minor, spent.currency) == (2 * AMOUNT_MAX, "EUR")
        for which, found in (
            (UserFilter(words="ada"), {"ada@example.com", "adam@example.com"}),
            (UserFilter(words="Ev"), {"eve@example.com"}),
            (UserFilter(email="EVE@example.com"), {"eve@example.com"}),
            (UserFilter(staff=True), {"bob@example.com"}),
            (UserFilter(staff=False), {user.email for user in people} - {"bob@example.com"}),
            (UserFilter(role_id=OWNER.id), {"bob@example.com"}),
            (UserFilter(words="\x00"), set()),
        ):
            page = await ask(which, bench.page(total=True))
            assert {view.email for view in page.data} == found
            assert page.total == len(found)
        assert await bench.readers.people.has_owner()
        with pytest.raises(UserNotFound):
            await bench.readers.people.user(bench.samples.new(UserId))

    @alone
    async def test_somebody_as_they_see_themselves(self, bench: Bench) -> None:
        address = bench.samples.address()
        saved = SavedAddress(id=bench.samples.new(AddressId), address=address, default_shipping=True)
        user = a_user(bench, name="Ada", addresses=(saved,), consents=frozenset({"analytics"}))
        await bench.save(user)
        people = bench.readers.people
        me = await people.me(user.id)
        assert (me.email, me.name, me.roles, me.totp_enabled) == ("ada@example.com", "Ada", [], False)
        assert [(view.id, view.address, view.default_shipping) for view in await people.addresses(user.id)] == [
            (saved.id, address, True)
        ]
        assert {name for name, given in (await people.preferences(user.id)).consents.items() if given} == {"analytics"}
        assert not await people.has_owner()

    @alone
    async def test_carts_and_orders_of_a_person(self, bench: Bench) -> None:
        user = a_user(bench)
        await bench.save(user)
        mine, latest = (bench.samples.cart(owner_id=user.id) for _ in range(2))
        latest.updated_at = bench.later(1)
        await bench.save(mine, latest, bench.samples.cart())
        guest = await bench.placed(email="ada@example.com")
        await bench.placed(email="bob@example.com")
        async with bench.transaction() as tx:
            assert [cart.id for cart in await tx.carts.of_owner(user.id, 5)] == [latest.id, mine.id]
            assert len(await tx.carts.of_owner(user.id, 1)) == 1
            for written in ("ada@example.com", "ADA@Example.com"):
                assert await tx.orders.of_guest([written], 5) == [guest.id]
            assert await tx.orders.of_guest(["da@example.com"], 5) == []
            order = await tx.orders.get(guest.id)
            order.claim(user.id, bench.now)
            tx.orders.save(order)
        async with bench.transaction() as tx:
            assert await tx.orders.of_guest(["ada@example.com"], 5) == []
            assert (await tx.orders.get(guest.id)).owner_id == user.id

    @alone
    async def test_what_is_somebodys_goes_with_them(self, bench: Bench) -> None:
        ada, bob = a_user(bench), a_user(bench, "bob@example.com")
        await bench.save(ada, bob)
        kept = [a_session(bench, ada), a_session(bench, bob, fingerprint=b"t" * 32)]
        exports = [DataExport.request(id=bench.samples.new(ExportId), user_id=u.id, at=bench.now) for u in (ada, bob)]
        invitations = [
            Invitation.make(
                id=bench.samples.new(InvitationId),
                email=user.email,
                role_ids=frozenset({OWNER.id}),
                invited_by=None,
                at=bench.now,
            )
            for user in (ada, bob)
        ]
        await bench.save(*kept, *exports, *invitations)
        async with bench.transaction() as tx:
            tx.sessions.drop_of(ada.id)
            tx.exports.drop_of(ada.id)
            tx.invitations.drop_of(ada.email)
        async with bench.transaction() as tx:
            assert await tx.sessions.live_of(ada.id, bench.now) == []
            assert len(await tx.sessions.live_of(bob.id, bench.now)) == 1
            await tx.exports.get(exports[1].id)
            await tx.invitations.get(invitations[1].id)
            with pytest.raises(ExportNotFound):
                await tx.exports.get(exports[0].id)
            with pytest.raises(InvitationNotFound):
                await tx.invitations.get(invitations[0].id)

    @alone
    async def test_what_is_over_is_forgotten(self, bench: Bench) -> None:
        user = a_user(bench)
        await bench.save(user)
        await bench.save(a_session(bench, user))
        assert await bench.readers.people.forget(bench.now, 10) == 0
        assert await bench.readers.people.forget(bench.now + 2 * DAY, 10) == 1
        assert await bench.readers.people.sessions(user.id, bench.now, None) == []

    @alone
    async def test_a_key_is_found_by_its_old_secret_too(self, bench: Bench) -> None:
        key = ApiKey(
            id=bench.samples.new(ApiKeyId),
            name="till",
            kind=KeyKind.PUBLISHABLE,
            fingerprint=b"1" * 32,
            last4="abcd",
            scopes=frozenset(),
            created_at=bench.now,
            expires_at=bench.now + DAY,
        )
        key.rotate(b"2" * 32, "efgh", timedelta(hours=1), bench.now)
        await bench.save(key)
        for fingerprint in (b"1" * 32, b"2" * 32):
            found = await bench.readers.api_keys.find(fingerprint)
            assert found is not None
            assert (state(found.key), found.maker, found.maker_scopes) == (state(key), None, frozenset())
        (view,) = await bench.readers.api_keys.all()
        assert (view.kind, view.expires_at, view.old_until) == (key.kind, key.expires_at, key.old_until)

    @alone
    async def test_a_key_is_found_with_what_its_maker_may_do_at_this_moment(self, bench: Bench) -> None:
        role = a_role(bench)
        user = a_user(bench, role_ids=frozenset({SUPPORT.id, role.id}))
        key = bench.samples.api_key(created_by=user.id)
        await bench.save(role, user, key)
        keys = bench.readers.api_keys
        found = await keys.find(key.fingerprint)
        assert found is not None
        assert (found.maker, found.maker_scopes) == (UserStatus.ACTIVE, SUPPORT.scopes | role.scopes)
        assert [view.created_by for view in await keys.all()] == [user.id]
        user.set_roles(frozenset({role.id}), bench.later(1))
        user.suspend(bench.later(1))
        await bench.save(user)
        found = await keys.find(key.fingerprint)
        assert found is not None
        assert (found.maker, found.maker_scopes) == (UserStatus.SUSPENDED, role.scopes)

    @alone
    async def test_the_last_use_of_a_key_is_noted_beside_its_version(self, bench: Bench) -> None:
        key, other = bench.samples.api_key(), bench.samples.api_key()
        await bench.save(key, other)
        keys = bench.readers.api_keys
        for moment in (bench.now, bench.later(5), bench.later(1)):
            await keys.used(key.id, moment)
        await keys.used(bench.samples.new(ApiKeyId), bench.now)
        found = {view.id: view.last_used_at for view in await keys.all()}
        assert found == {key.id: bench.later(5), other.id: None}
        async with bench.transaction() as tx:
            stored = await tx.api_keys.get(key.id)
            assert (stored.version, stored.last_used_at) == (key.version, bench.later(5))
