"""S-08: whatever somebody asks for, and in which order, they and those for whom they ask may do no more than before."""

import asyncio
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.adapters.memory.tables import Tables
from shop.application.commands.identity.invitations import InviteStaff
from shop.application.commands.identity.keys import CreateApiKey, RevokeApiKey, RotateApiKey
from shop.application.commands.identity.roles import CreateRole, DeleteRole, UpdateRole
from shop.application.commands.identity.staff import CreateUser, SetUserRoles, UpdateUser
from shop.application.messages import Actor, Command
from shop.domain.identity import BUILT_IN, OWNER, Role, UserStatus, beyond
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import ApiKeyId, RoleId, UserId
from tests.shops import SmallShop, open_small_shop

SCOPES = ("orders:read", "orders:write", "staff:write", "apikeys:write", "customers:write", "refunds:write", "*")
HELD = st.sets(st.sampled_from(SCOPES[:-2])).map(lambda some: frozenset({*some, "staff:write", "apikeys:write"}))
WANTED = st.sets(st.sampled_from(SCOPES), min_size=1, max_size=3).map(frozenset)
NUMBERS = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make a role"), WANTED),
        st.tuples(st.just("change a role"), NUMBERS, WANTED),
        st.tuples(st.just("drop a role"), NUMBERS),
        st.tuples(st.just("give roles"), NUMBERS, st.sets(NUMBERS, max_size=3)),
        st.tuples(st.just("invite"), st.sets(NUMBERS, min_size=1, max_size=3)),
        st.tuples(st.just("mint a key"), WANTED),
        st.tuples(st.just("rotate a key"), NUMBERS),
        st.tuples(st.just("revoke a key"), NUMBERS),
        st.tuples(st.just("make an account"), NUMBERS),
        st.tuples(st.just("suspend"), NUMBERS),
    ),
    max_size=12,
)


@define
class Climb:
    """A shop with an owner, somebody with more rights, a key with more rights, and one who wants more."""

    small: SmallShop
    climber: UserId
    users: list[UserId]
    minted: set[ApiKeyId] = field(factory=set)
    """Keys whose secret the climber has seen."""
    made: int = 0

    @classmethod
    async def begin(cls, held: frozenset[str]) -> "Climb":
        small = await open_small_shop()
        shop = small.shop
        own = await shop.execute(CreateRole(name="climber", title="Climber", scopes=held))
        more = await shop.execute(
            CreateRole(name="more", title="More", scopes=frozenset({"refunds:write", "orders:read"}))
        )
        users = [
            await shop.execute(CreateUser(email=f"{name}@example.com")) for name in ("climber", "owner", "more", "ada")
        ]
        for user_id, role_id in zip(users, (own, OWNER.id, more), strict=False):
            await shop.execute(SetUserRoles(user_id=user_id, role_ids=frozenset({role_id})))
        await shop.execute(CreateApiKey(name="till", scopes=frozenset({"refunds:write"})))
        return cls(small, users[0], users)

    @property
    def tables(self) -> Tables:
        return self.small.tables

    def scopes_of(self, role_ids: frozenset[RoleId]) -> frozenset[str]:
        known: dict[RoleId, Role] = {**BUILT_IN, **self.tables.roles}
        return frozenset().union(*(known[role_id].scopes for role_id in role_ids if role_id in known))

    def rights(self) -> dict[str, frozenset[str]]:
        """What everybody may do, by name; of suspended people and revoked keys, nothing."""
        found = {}
        for user in self.tables.users.values():
            found[str(user.id)] = self.scopes_of(user.role_ids) if user.status is UserStatus.ACTIVE else frozenset()
        for key in self.tables.api_keys.values():
            found[str(key.id)] = key.scopes if key.revoked_at is None else frozenset()
        for invitation in self.tables.invitations.values():
            found[str(invitation.id)] = self.scopes_of(invitation.role_ids)
        return found

    def actor(self) -> Actor:
        return Actor(
            kind="user", id=self.climber, scopes=self.rights()[str(self.climber)], fresh_at=self.small.clock.now()
        )

    def command(self, step: tuple[Any, ...]) -> Command[Any]:
        what, *given_ = step
        self.made += 1
        roles = sorted({**BUILT_IN, **self.tables.roles})
        keys = sorted(self.tables.api_keys)
        match what, *given_:
            case "make a role", scopes:
                return CreateRole(name=f"role_{self.made}", title="R", scopes=scopes)
            case "change a role", number, scopes:
                return UpdateRole(role_id=roles[number % len(roles)], scopes=scopes)
            case "drop a role", number:
                return DeleteRole(role_id=roles[number % len(roles)])
            case "give roles", number, some:
                chosen = frozenset(roles[n % len(roles)] for n in some)
                return SetUserRoles(user_id=self.users[number % len(self.users)], role_ids=chosen)
            case "invite", some:
                chosen = frozenset(roles[n % len(roles)] for n in some)
                return InviteStaff(email=f"i{self.made}@example.com", role_ids=chosen)
            case "mint a key", scopes:
                return CreateApiKey(name="k", scopes=scopes)
            case "rotate a key", number:
                return RotateApiKey(key_id=keys[number % len(keys)])
            case "revoke a key", number:
                return RevokeApiKey(key_id=keys[number % len(keys)])
            case "make an account", _:
                return CreateUser(email=f"u{self.made}@example.com")
            case "suspend", number:
                return UpdateUser(user_id=self.users[number % len(self.users)], status=UserStatus.SUSPENDED)
            case _:
                raise AssertionError(step)


async def climb(held: frozenset[str], steps: list[tuple[Any, ...]]) -> None:
    climbing = await Climb.begin(held)
    limit = climbing.actor().scopes
    for step in steps:
        before, command, actor = climbing.rights(), climbing.command(step), climbing.actor()
        try:
            answer = await climbing.small.shop.execute(command, actor=actor)
        except ShopError:
            assert climbing.rights() == before, step
            continue
        if isinstance(command, CreateApiKey | RotateApiKey):
            climbing.minted.add(answer.id)
        elif isinstance(command, CreateUser):
            climbing.users.append(answer)
        after = climbing.rights()
        for name in after.keys() | before.keys():
            had, has = before.get(name, frozenset()), after.get(name, frozenset())
            assert not beyond(has - had, actor.scopes), (step, name, "was given", has - had)
            # Whoever may look after keys may close every one of them: a stolen one must not wait for its maker.
            if not isinstance(command, RevokeApiKey):
                assert not beyond(had - has, actor.scopes), (step, name, "lost", had - has)
        own = after[str(climbing.climber)].union(*(after[str(key_id)] for key_id in climbing.minted))
        assert not beyond(own, limit), (step, own - limit)
    owners = [u for u in climbing.tables.users.values() if u.owner and u.status is UserStatus.ACTIVE]
    assert owners, "nobody looks after the shop any more"


@settings(max_examples=400, deadline=None)
@given(HELD, STEPS)
def test_s08_no_sequence_of_requests_gives_more_rights(held: frozenset[str], steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(climb(held, steps))
