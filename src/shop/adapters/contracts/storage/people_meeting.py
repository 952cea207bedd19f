"""People in several hands: saved by who has not read them, opened by what opens another, and given what is removed."""

import pytest

from shop.adapters.contracts.storage.people import a_role, a_user
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.identity import OWNER, IdentityTaken, LinkedIdentity, Passkey
from shop.domain.kernel.identifiers import PasskeyId


class PeopleMeetingPromises(StoragePromises):
    """What `ports.people` promises when more than one transaction is about the same people."""

    @alone
    async def test_a_passkey_opens_one_account(self, bench: Bench) -> None:
        passkey = Passkey(
            id=bench.samples.new(PasskeyId),
            name="phone",
            credential_id=b"c",
            public_key=b"k",
            sign_count=0,
            created_at=bench.now,
        )
        await bench.save(a_user(bench, "a@example.com", passkeys=(passkey,)))
        with pytest.raises(IdentityTaken):
            await bench.save(a_user(bench, "b@example.com", passkeys=(passkey,)))

    @alone
    async def test_somebody_is_saved_later_than_they_were_read(self, bench: Bench) -> None:
        """What they were found by is known from storage, not from the transaction that read them."""
        role = a_role(bench)
        linked = tuple(LinkedIdentity(provider="google", subject=s, linked_at=bench.now) for s in "12")
        user = a_user(bench, identities=linked[:1], role_ids=frozenset({role.id}))
        await bench.save(role, user)
        user.role_ids, user.identities = frozenset({OWNER.id}), linked[1:]
        await bench.save(user)
        async with bench.transaction() as tx:
            assert state(await tx.users.get(user.id)) == state(user)
            assert await tx.users.find_by_identity("google", "1") is None
            assert state(await tx.users.find_by_identity("google", "2")) == state(user)
            assert (await tx.users.with_role(role.id, 5), await tx.users.with_role(OWNER.id, 5)) == ([], [user.id])
        async with bench.transaction() as tx:
            user.role_ids = frozenset({role.id})
            tx.users.save(user)
            read = await tx.users.get(user.id)
            read.role_ids, read.identities = frozenset({OWNER.id, role.id}), linked
            tx.users.save(read)  # saved twice, the last state counts
        async with bench.transaction() as tx:
            assert state(await tx.users.get(user.id)) == state(read)
            for subject in "12":
                assert await tx.users.find_by_identity("google", subject) is not None

    @alone
    async def test_a_role_is_not_removed_while_it_is_given(self, bench: Bench) -> None:
        """Whoever gives it saves it unchanged beside the user: so one of the two has to look again."""
        role, user = a_role(bench), a_user(bench)
        await bench.save(role, user)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as giving:
                given, to = await giving.roles.get(role.id), await giving.users.get(user.id)
                to.set_roles(frozenset({role.id}), bench.now)
                giving.users.save(to)
                giving.roles.save(given)
                async with bench.transaction() as removing:
                    removing.roles.delete(await removing.roles.get(role.id))
        async with bench.transaction() as tx:
            assert (await tx.users.get(user.id)).role_ids == frozenset()
            assert await tx.users.with_role(role.id, 5) == []
