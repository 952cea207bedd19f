"""What staff do with accounts: making, changing and suspending them, and giving roles."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import frozen

from shop.application.commands.identity.opening import check_fresh, end_sessions
from shop.application.commands.identity.roles import check_own, hold_on_to, roles_of
from shop.application.messages import Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import OWNER, EmailUnverified, OwnerNeeded, User, UserStatus
from shop.domain.kernel.identifiers import RoleId, UserId
from shop.domain.kernel.metadata import merged_metadata


@frozen(kw_only=True)
class CreateUser(Command[UserId]):
    """Makes a customer's account for them: they set a password by mail, or sign in by a link."""

    requires: ClassVar = "customers:write"
    email: str
    name: str = ""
    phone: str = ""
    locale: str = ""


async def create_user(command: CreateUser, context: Context, *, uow: UnitOfWork, ids: Ids) -> UserId:
    user = User.register(
        id=ids.new(UserId),
        email=command.email,
        name=command.name,
        phone=command.phone,
        locale=command.locale,
        at=context.now,
    )
    async with uow(context) as tx:
        tx.users.save(user)
        tx.answer(user.id)
    return user.id


@frozen(kw_only=True)
class UpdateUser(Command[None]):
    """Changes what staff may change of somebody, or suspends them, which ends their sessions. None leaves a part."""

    requires: ClassVar = "customers:write"
    user_id: UserId
    name: str | None = None
    phone: str | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None
    metadata: Mapping[str, str | None] | None = None
    status: UserStatus | None = None
    expected_version: int | None = None


async def update_user(command: UpdateUser, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(command.user_id)
        check_version(user.version, command.expected_version)
        await _check_within_own(tx, user, context)
        named = ("name", "phone", "tags", "note")
        changes: dict[str, Any] = {name: value for name in named if (value := getattr(command, name)) is not None}
        if command.metadata is not None:
            changes["metadata"] = merged_metadata(user.metadata, command.metadata)
        user.describe(context.now, **changes)
        if command.status is UserStatus.SUSPENDED:
            await keep_an_owner(tx, user)
            user.suspend(context.now)
            await end_sessions(tx, user.id, context)
        elif command.status is UserStatus.ACTIVE:
            user.reactivate(context.now)
        tx.users.save(user)


@frozen(kw_only=True)
class SetUserRoles(Command[None]):
    """Sets somebody's roles. Nobody gives or takes away more than they have themselves."""

    requires: ClassVar = "staff:write"
    user_id: UserId
    role_ids: frozenset[RoleId]
    expected_version: int | None = None


async def set_user_roles(command: SetUserRoles, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(command.user_id)
        check_version(user.version, command.expected_version)
        changed = await roles_of(tx, user.role_ids ^ command.role_ids)
        check_own(changed, context)
        await _check_within_own(tx, user, context)
        if command.role_ids - user.role_ids and user.password_hash and user.email_verified_at is None:
            raise EmailUnverified(f"Nobody has proved {user.email}: who registered it may be somebody else.")
        if OWNER.id in user.role_ids - command.role_ids:
            await keep_an_owner(tx, user)
        user.set_roles(command.role_ids, context.now)
        hold_on_to(tx, [role for role in changed if role.id in command.role_ids])
        tx.users.save(user)


@frozen(kw_only=True)
class ResetSecondFactor(Command[None]):
    """Takes a lost second factor off an account, after staff made sure whose it is; ends its sessions."""

    requires: ClassVar = "staff:write"
    user_id: UserId


async def reset_second_factor(command: ResetSecondFactor, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(command.user_id)
        await _check_within_own(tx, user, context)
        user.reset_second_factor(context.now)
        tx.users.save(user)
        await end_sessions(tx, user.id, context)


async def keep_an_owner(tx: Transaction, user: User) -> None:
    """Raises OwnerNeeded when this is the last active owner.

    Another owner is saved unchanged beside this one: two who leave at the same moment each expect the other to be
    as they were read, so one of them has to look again.
    """
    if not user.owner or user.status is not UserStatus.ACTIVE:
        return
    others = [owner for owner in await tx.users.with_role(OWNER.id, 2) if owner != user.id]
    if not others:
        raise OwnerNeeded
    tx.users.save(await tx.users.get(others[0]))


async def _check_within_own(tx: Transaction, user: User, context: Context) -> None:
    """Nobody changes the account of somebody who may do more than they may: it could be taken over like that."""
    check_own(await roles_of(tx, user.role_ids, strict=False), context)
