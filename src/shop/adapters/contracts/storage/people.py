"""People: accounts, roles, sessions, and the small things that prove who somebody is."""

from datetime import timedelta
from typing import Any

import pytest

from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.people import UserFilter
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.identity import (
    BUILT_IN,
    OWNER,
    AccountRequest,
    DataExport,
    EmailTaken,
    ExportNotFound,
    IdentityTaken,
    Invitation,
    InvitationNotFound,
    LinkedIdentity,
    OneTimeToken,
    Passkey,
    RequestKind,
    Role,
    RoleNameTaken,
    RoleNotFound,
    SavedAddress,
    Session,
    SessionNotFound,
    SignInAttempt,
    SigningKey,
    TokenPurpose,
    TotpFactor,
    User,
    UserNotFound,
    UserStatus,
)
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    AddressId,
    ExportId,
    InvitationId,
    OneTimeTokenId,
    PasskeyId,
    RoleId,
    SessionId,
    SignInAttemptId,
    SigningKeyId,
    TotpFactorId,
    UserId,
)

DAY = timedelta(days=1)


def a_user(bench: Bench, email: str = "ada@example.com", **changes: Any) -> User:
    values: dict[str, Any] = {"id": bench.samples.new(UserId), "at": bench.now, "email": email, **changes}
    return User.register(**values)


def a_session(bench: Bench, user: User, **changes: Any) -> Session:
    values: dict[str, Any] = {"fingerprint": b"s" * 32, "source": "192.0.2.1", "user_agent": "curl", **changes}
    return Session.begin(at=bench.now, lifetime=DAY, id=bench.samples.new(SessionId), user_id=user.id, **values)


def a_role(bench: Bench, name: str = "night_shift", **changes: Any) -> Role:
    values: dict[str, Any] = {"title": "Night shift", "scopes": {"orders:read"}, "created_at": bench.now, **changes}
    return Role(id=bench.samples.new(RoleId), name=name, updated_at=bench.now, **values)


class PeoplePromises(StoragePromises):
    """The promises of `ports.people`."""

    @alone
    async def test_a_user_is_kept_whole(self, bench: Bench) -> None:
        new = bench.samples.new
        user = a_user(bench, "Ada@Example.com", name="Ada", phone="+49 30 1", locale="en-GB", password_hash="h")
        user.role_ids = frozenset({OWNER.id, new(RoleId)})
        user.totp = TotpFactor(id=new(TotpFactorId), created_at=bench.now, confirmed_at=bench.later(1), last_step=7)
        user.recovery_codes = (bytes(range(32)), b"r" * 32)
        user.passkeys = (
            Passkey(
                id=new(PasskeyId),
                name="phone",
                credential_id=b"\x00\xff",
                public_key=b"k",
                sign_count=3,
                transports=("usb",),
                created_at=bench.now,
                last_used_at=bench.later(2),
            ),
        )
        user.identities = (LinkedIdentity(provider="google", subject="1", linked_at=bench.now),)
        address = bench.samples.cart(shipping_address=bench.samples.address()).shipping_address
        assert address is not None
        user.addresses = (SavedAddress(id=new(AddressId), address=address, default_billing=True),)
        user.consents = frozenset({"analytics"})
        user.tags, user.note, user.metadata = ("vip",), "kind", {"a": "b"}
        await bench.save(user)
        async with bench.transaction() as tx:
            assert state(await tx.users.get(user.id)) == state(user)
            assert state(await tx.users.find_by_email("ada@example.com")) == state(user)
            assert state(await tx.users.find_by_identity("google", "1")) == state(user)
            assert state(await tx.users.find_by_passkey(b"\x00\xff")) == state(user)
            assert await tx.users.with_role(OWNER.id, 5) == [user.id]

    @alone
    async def test_what_is_taken_away_finds_nobody(self, bench: Bench) -> None:
        user = a_user(bench)
        user.role_ids = frozenset({OWNER.id})
        user.identities = (LinkedIdentity(provider="google", subject="1", linked_at=bench.now),)
        await bench.save(user)
        async with bench.transaction() as tx:
            again = await tx.users.get(user.id)
            again.role_ids, again.identities = frozenset(), ()
            tx.users.save(again)
        async with bench.transaction() as tx:
            assert await tx.users.find_by_identity("google", "1") is None
            assert await tx.users.with_role(OWNER.id, 5) == []
            assert await tx.users.find_by_email("nobody@example.com") is None
            assert await tx.users.find_by_passkey(b"none") is None
            with pytest.raises(UserNotFound):
                await tx.users.get(bench.samples.new(UserId))

    @alone
    async def test_one_address_is_one_account(self, bench: Bench) -> None:
        await bench.save(a_user(bench, "ada@example.com"))
        with pytest.raises(EmailTaken):
            await bench.save(a_user(bench, "ADA@example.com"))

    @alone
    async def test_two_who_register_at_once_are_one(self, bench: Bench) -> None:
        with pytest.raises(EmailTaken):
            async with bench.transaction() as slow:
                slow.users.save(a_user(bench))
                async with bench.transaction() as quick:
                    quick.users.save(a_user(bench))

    @alone
    async def test_an_account_elsewhere_opens_one_here(self, bench: Bench) -> None:
        linked = (LinkedIdentity(provider="google", subject="1", linked_at=bench.now),)
        await bench.save(a_user(bench, "a@example.com", identities=linked))
        with pytest.raises(IdentityTaken):
            await bench.save(a_user(bench, "b@example.com", identities=linked))

    @alone
    async def test_the_erased_are_in_nobodys_way(self, bench: Bench) -> None:
        for _ in range(2):
            user = a_user(bench)
            await bench.save(user)
            async with bench.transaction() as tx:
                found = await tx.users.get(user.id)
                found.erase(bench.now)
                tx.users.save(found)
        page = await bench.readers.people.users(UserFilter(statuses=frozenset({UserStatus.ERASED})), bench.page())
        assert len(page.data) == 2
        assert (await bench.readers.people.users(UserFilter(), bench.page())).data == []

    @alone
    async def test_two_owners_do_not_leave_at_once(self, bench: Bench) -> None:
        """Each saves the other unchanged beside themselves: so one of them has to look again."""
        one, two = (a_user(bench, f"{n}@example.com", role_ids=frozenset({OWNER.id})) for n in "ab")
        await bench.save(one, two)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                leaving, staying = await slow.users.get(one.id), await slow.users.get(two.id)
                leaving.set_roles(frozenset(), bench.now)
                slow.users.save(leaving)
                slow.users.save(staying)
                async with bench.transaction() as quick:
                    other, guard = await quick.users.get(two.id), await quick.users.get(one.id)
                    other.set_roles(frozenset(), bench.now)
                    quick.users.save(other)
                    quick.users.save(guard)
        async with bench.transaction() as tx:
            assert await tx.users.with_role(OWNER.id, 5) == [one.id]

    @alone
    async def test_roles_of_the_shops_own(self, bench: Bench) -> None:
        role = a_role(bench)
        await bench.save(role)
        with pytest.raises(RoleNameTaken):
            await bench.save(a_role(bench))
        async with bench.transaction() as tx:
            assert state(await tx.roles.get(role.id)) == state(role)
            assert [found.id for found in await tx.roles.some([role.id, OWNER.id])] == [role.id]
            with pytest.raises(RoleNotFound):
                await tx.roles.get(OWNER.id)
        views = await bench.readers.people.roles()
        assert [view.id for view in views] == [*BUILT_IN, role.id]
        assert (views[-1].scopes, views[-1].built_in, views[0].built_in) == (["orders:read"], False, True)
        async with bench.transaction() as tx:
            tx.roles.delete(await tx.roles.get(role.id))
        assert [view.id for view in await bench.readers.people.roles()] == [*BUILT_IN]

    @alone
    async def test_a_role_that_somebody_has_stays(self, bench: Bench) -> None:
        role = a_role(bench)
        await bench.save(role, a_user(bench, role_ids=frozenset({role.id})))
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.roles.delete(await tx.roles.get(role.id))

    @alone
    async def test_sessions_and_what_they_open(self, bench: Bench) -> None:
        role = a_role(bench)
        user = a_user(bench, role_ids=frozenset({role.id, next(iter(BUILT_IN))}))
        await bench.save(role, user)
        session = a_session(bench, user, mfa=True, spent=(b"o" * 32,))
        other = a_session(bench, user, browser=True, fingerprint=b"t" * 32)
        await bench.save(session, other)
        async with bench.transaction() as tx:
            assert state(await tx.sessions.get(session.id)) == state(session)
            assert {found.id for found in await tx.sessions.live_of(user.id, bench.now)} == {session.id, other.id}
            with pytest.raises(SessionNotFound):
                await tx.sessions.get(bench.samples.new(SessionId))
        access = await bench.readers.people.access(session.id)
        assert access is not None
        assert access.user_id == user.id
        assert access.scopes == {"orders:read", "*"}
        assert (access.mfa, access.browser, access.email_verified) == (True, False, False)
        assert await bench.readers.people.access(bench.samples.new(SessionId)) is None
        async with bench.transaction() as tx:
            ending = await tx.sessions.get(session.id)
            ending.revoke(bench.now)
            tx.sessions.save(ending)
        shown = await bench.readers.people.sessions(user.id, bench.now, other.id)
        assert [(view.id, view.current, view.source) for view in shown] == [(other.id, True, "192.0.2.1")]
        assert await bench.readers.people.sessions(user.id, bench.now + DAY, None) == []

    @alone
    async def test_of_two_refreshes_at_once_one_counts(self, bench: Bench) -> None:
        user = a_user(bench)
        await bench.save(user)
        session = a_session(bench, user)
        await bench.save(session)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.sessions.get(session.id)
                mine.rotate(b"1" * 32, bench.now, DAY, 9 * DAY)
                slow.sessions.save(mine)
                async with bench.transaction() as quick:
                    theirs = await quick.sessions.get(session.id)
                    theirs.rotate(b"2" * 32, bench.now, DAY, 9 * DAY)
                    quick.sessions.save(theirs)
        async with bench.transaction() as tx:
            assert (await tx.sessions.get(session.id)).fingerprint == b"2" * 32

    @alone
    async def test_one_time_tokens_are_found_by_their_fingerprint(self, bench: Bench) -> None:
        user = a_user(bench)
        await bench.save(user)
        token = OneTimeToken(
            id=bench.samples.new(OneTimeTokenId),
            purpose=TokenPurpose.RESET_PASSWORD,
            fingerprint=b"f" * 32,
            user_id=user.id,
            binding=user.binding,
            data="more",
            created_at=bench.now,
            expires_at=bench.later(60),
        )
        await bench.save(token)
        async with bench.transaction() as tx:
            found = await tx.one_time_tokens.find(b"f" * 32)
            assert state(found) == state(token)
            assert found is not None
            found.tried()
            found.use(bench.later(1))
            tx.one_time_tokens.save(found)
        async with bench.transaction() as tx:
            used = await tx.one_time_tokens.find(b"f" * 32)
            assert used is not None
            assert (used.used_at, used.tries) == (bench.later(1), 1)
            assert await tx.one_time_tokens.find(b"g" * 32) is None

    @alone
    async def test_one_time_tokens_go_with_their_person(self, bench: Bench) -> None:
        ada, bob = a_user(bench), a_user(bench, email="bob@example.com")
        for number, user in ((1, ada), (2, ada), (3, bob), (4, None)):
            token = OneTimeToken(
                id=bench.samples.new(OneTimeTokenId),
                purpose=TokenPurpose.CHANGE_EMAIL,
                fingerprint=bytes([number]) * 32,
                user_id=user.id if user else None,
                created_at=bench.now,
                expires_at=bench.later(60),
            )
            if number != 2 and user is not None:
                await bench.save(user)
            await bench.save(token)
        async with bench.transaction() as tx:
            tx.one_time_tokens.drop_of(ada.id)
        async with bench.transaction() as tx:
            left = [await tx.one_time_tokens.find(bytes([number]) * 32) is not None for number in (1, 2, 3, 4)]
        assert left == [False, False, True, True]

    @alone
    async def test_attempts_of_one_account_the_newest_first(self, bench: Bench) -> None:
        for number, account in enumerate((b"a" * 32, b"b" * 32, b"a" * 32, b"a" * 32)):
            async with bench.transaction() as tx:
                tx.sign_in_attempts.add(
                    SignInAttempt(
                        id=bench.samples.new(SignInAttemptId),
                        account=account,
                        source="192.0.2.1",
                        at=bench.later(number),
                        succeeded=number == 3,
                    )
                )
        async with bench.transaction() as tx:
            latest = await tx.sign_in_attempts.latest(b"a" * 32, bench.later(1), 10)
            assert [attempt.at for attempt in latest] == [bench.later(3), bench.later(2)]
            assert [attempt.succeeded for attempt in latest] == [True, False]
            assert len(await tx.sign_in_attempts.latest(b"a" * 32, bench.now, 1)) == 1

    @alone
    async def test_networks_from_which_an_account_was_opened(self, bench: Bench) -> None:
        made = [("192.0.2.1", True), ("192.0.2.2", True), ("192.0.2.2", True), ("192.0.2.3", False)]
        made += [("198.51.100.1", False)] * 210
        async with bench.transaction() as tx:
            for number, (source, succeeded) in enumerate(made):
                tx.sign_in_attempts.add(
                    SignInAttempt(
                        id=bench.samples.new(SignInAttemptId),
                        account=b"a" * 32,
                        source=source,
                        at=bench.later(number),
                        succeeded=succeeded,
                    )
                )
        async with bench.transaction() as tx:
            networks = tx.sign_in_attempts.networks
            assert await networks(b"a" * 32, bench.now, 10) == {"192.0.2.1", "192.0.2.2"}
            assert await networks(b"a" * 32, bench.later(2), 10) == {"192.0.2.2"}
            assert await networks(b"a" * 32, bench.now, 1) == {"192.0.2.2"}
            assert await networks(b"b" * 32, bench.now, 10) == frozenset()

    @alone
    async def test_requests_are_kept_until_they_are_looked_into(self, bench: Bench) -> None:
        request = AccountRequest.make(
            id=bench.samples.new(AccountRequestId),
            kind=RequestKind.REGISTER,
            email="ada@example.com",
            name="Ada",
            password_hash="h",
            at=bench.now,
        )
        await bench.save(request)
        async with bench.transaction() as tx:
            found = await tx.account_requests.find(request.id)
            assert state(found) == state(request)
            assert found is not None
            tx.account_requests.delete(found)
        async with bench.transaction() as tx:
            assert await tx.account_requests.find(request.id) is None
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.account_requests.delete(request)

    @alone
    async def test_invitations_exports_and_signing_keys(self, bench: Bench) -> None:
        user = a_user(bench)
        await bench.save(user)
        invitation = Invitation.make(
            id=bench.samples.new(InvitationId),
            email="lin@example.com",
            role_ids=frozenset({OWNER.id}),
            invited_by=user.id,
            at=bench.now,
        )
        export = DataExport.request(id=bench.samples.new(ExportId), user_id=user.id, at=bench.now)
        export.finish(b"{}", bench.now)
        old = SigningKey(id=bench.samples.new(SigningKeyId), created_at=bench.now)
        new = SigningKey(id=bench.samples.new(SigningKeyId), created_at=bench.later(1))
        old.retire(bench.later(1), timedelta(seconds=60))
        await bench.save(invitation, export, old, new)
        people = bench.readers.people
        async with bench.transaction() as tx:
            assert state(await tx.invitations.get(invitation.id)) == state(invitation)
            assert state(await tx.exports.get(export.id)) == state(export)
            assert state(await tx.signing_keys.get(old.id)) == state(old)
            for missing, asked in (
                (InvitationNotFound, tx.invitations.get(bench.samples.new(InvitationId))),
                (ExportNotFound, tx.exports.get(bench.samples.new(ExportId))),
                (NotFound, tx.signing_keys.get(bench.samples.new(SigningKeyId))),
            ):
                with pytest.raises(missing):
                    await asked
        assert state(await people.export(export.id)) == state(export)
        assert [key.id for key in await people.signing_keys(bench.now)] == [new.id, old.id]
        assert [key.id for key in await people.signing_keys(bench.later(61))] == [new.id]
        assert [(view.id, view.roles) for view in await people.invitations(bench.now)] == [(invitation.id, ["owner"])]
        assert await people.invitations(bench.now + 8 * DAY) == []
