"""Roles: which scopes go together, and nobody gives away more than they have."""

from collections.abc import Iterable, Set
from typing import ClassVar

from attrs import frozen

from shop.application.access import ScopesBeyondOwn
from shop.application.commands.identity.opening import check_fresh
from shop.application.messages import Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import BUILT_IN, Role, RoleInUse, RoleNameTaken, RoleNotFound, beyond
from shop.domain.kernel.identifiers import RoleId


@frozen(kw_only=True)
class CreateRole(Command[RoleId]):
    """Makes a role of the shop's own, of scopes that its maker has."""

    requires: ClassVar = "staff:write"
    name: str
    title: str
    scopes: frozenset[str]


async def create_role(command: CreateRole, context: Context, *, uow: UnitOfWork, ids: Ids) -> RoleId:
    role = Role(
        id=ids.new(RoleId),
        name=command.name,
        title=command.title,
        scopes=command.scopes,
        created_at=context.now,
        updated_at=context.now,
    )
    if any(role.name == built_in.name for built_in in BUILT_IN.values()):
        raise RoleNameTaken(f"“{role.name}” is a role that every shop has.")
    check_own([role], context)
    async with uow(context) as tx:
        tx.roles.save(role)
        tx.answer(role.id)
    return role.id


@frozen(kw_only=True)
class UpdateRole(Command[None]):
    """Changes a role of the shop's own: for everybody who has it, within five seconds."""

    requires: ClassVar = "staff:write"
    role_id: RoleId
    title: str | None = None
    scopes: frozenset[str] | None = None
    expected_version: int | None = None


async def update_role(command: UpdateRole, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        role = await role_of(tx, command.role_id)
        check_version(role.version, command.expected_version)
        before = role.scopes
        role.change(context.now, title=command.title, scopes=command.scopes)
        check_scopes(before ^ role.scopes, context)
        tx.roles.save(role)


@frozen(kw_only=True)
class DeleteRole(Command[None]):
    """Removes a role that nobody has."""

    requires: ClassVar = "staff:write"
    role_id: RoleId
    expected_version: int | None = None


async def delete_role(command: DeleteRole, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        role = await role_of(tx, command.role_id)
        check_version(role.version, command.expected_version)
        role.change(context.now)  # refuses a built-in one
        check_scopes(role.scopes, context)
        if await tx.users.with_role(role.id, 1):
            raise RoleInUse
        tx.roles.delete(role)


async def role_of(tx: Transaction, role_id: RoleId) -> Role:
    """A built-in role, or one of the shop's own. Raises RoleNotFound."""
    return BUILT_IN[role_id] if role_id in BUILT_IN else await tx.roles.get(role_id)


async def roles_of(tx: Transaction, role_ids: Set[RoleId], *, strict: bool = True) -> list[Role]:
    """All of these. Raises RoleNotFound, unless those that are gone may be left out."""
    own = sorted(role_ids - BUILT_IN.keys())
    found = [BUILT_IN[role_id] for role_id in sorted(role_ids & BUILT_IN.keys())]
    found += await tx.roles.some(own) if own else []
    if strict and len(found) < len(role_ids):
        missing = role_ids - {role.id for role in found}
        raise RoleNotFound(f"There is no role {min(missing)}.")
    return found


def hold_on_to(tx: Transaction, roles: Iterable[Role]) -> None:
    """Lets nobody remove these at the moment at which somebody gets them."""
    for role in roles:
        if role.id not in BUILT_IN:
            tx.roles.save(role)


def check_own(roles: Iterable[Role], context: Context) -> None:
    check_scopes(scopes_of(roles), context)


def scopes_of(roles: Iterable[Role]) -> frozenset[str]:
    """What these open together."""
    return frozenset().union(*(role.scopes for role in roles))


def check_scopes(scopes: Set[str], context: Context) -> None:
    if missing := beyond(scopes, context.actor.scopes):
        raise ScopesBeyondOwn(missing)
