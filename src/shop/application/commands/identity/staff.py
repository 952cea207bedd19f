"""What staff do with accounts: making, changing and suspending them, and giving roles."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, ClassVar

from attrs import field, frozen

from shop.application.access import ScopesBeyondOwn
from shop.application.commands.identity.opening import Doorkeeper, check_fresh, end_sessions
from shop.application.mails import invited
from shop.application.messages import PUBLIC, Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.notifications import Notifier
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import (
    BUILT_IN,
    OWNER,
    Invitation,
    InvitationNotFound,
    OwnerNeeded,
    Role,
    RoleInUse,
    RoleNotFound,
    TokenRejected,
    User,
    UserStatus,
    beyond,
)
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import InvitationId, RoleId, UserId
from shop.domain.kernel.metadata import merged_metadata
from shop.domain.passwords import checked_password


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
        changed = user.role_ids ^ command.role_ids
        _check_own(await roles_of(tx, changed), context)
        await _check_within_own(tx, user, context)
        if OWNER.id in user.role_ids - command.role_ids:
            await keep_an_owner(tx, user)
        user.set_roles(command.role_ids, context.now)
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
    _check_own([role], context)
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
        _check_scopes(before ^ role.scopes, context)
        tx.roles.save(role)


@frozen(kw_only=True)
class DeleteRole(Command[None]):
    """Removes a role that nobody has."""

    requires: ClassVar = "staff:write"
    role_id: RoleId


async def delete_role(command: DeleteRole, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        role = await role_of(tx, command.role_id)
        role.change(context.now)  # refuses a built-in one
        _check_scopes(role.scopes, context)
        if await tx.users.with_role(role.id, 1):
            raise RoleInUse
        tx.roles.delete(role)


@frozen(kw_only=True)
class InviteStaff(Command[InvitationId]):
    """Offers roles to whoever reads mail at an address. The answer does not tell whether they have an account."""

    requires: ClassVar = "staff:write"
    email: str
    role_ids: frozenset[RoleId]


async def invite_staff(command: InviteStaff, context: Context, *, uow: UnitOfWork, ids: Ids) -> InvitationId:
    check_fresh(context)
    async with uow(context) as tx:
        _check_own(await roles_of(tx, command.role_ids), context)
        invitation = Invitation.make(
            id=ids.new(InvitationId),
            email=command.email,
            role_ids=command.role_ids,
            invited_by=context.actor.user_id,
            at=context.now,
        )
        tx.invitations.save(invitation)
        tx.answer(invitation.id)
    return invitation.id


@frozen(kw_only=True)
class RevokeInvitation(Command[None]):
    """Takes an invitation back. Twice is once."""

    requires: ClassVar = "staff:write"
    invitation_id: InvitationId


async def revoke_invitation(command: RevokeInvitation, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        invitation = await tx.invitations.get(command.invitation_id)
        invitation.revoke(context.now)
        tx.invitations.save(invitation)


@frozen(kw_only=True)
class AcceptInvitation(Command[UserId]):
    """Takes an invitation: makes the account, or gives the roles to the one that the address has already.

    Somebody who has an account keeps their password; the roles are theirs at once.
    """

    requires: ClassVar = PUBLIC
    invitation_id: InvitationId
    token: str = field(repr=False)
    password: str = field(repr=False)
    name: str = ""


async def accept_invitation(
    command: AcceptInvitation,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    passwords: Passwords,
    doorkeeper: Doorkeeper,
) -> UserId:
    fingerprint = doorkeeper.secrets.fingerprint(command.token)
    async with uow(context) as tx:
        invitation = await _open_invitation(tx, command.invitation_id, fingerprint, context)
    password = checked_password(command.password, email=invitation.email, name=command.name)
    hashed = await passwords.hash(password)
    async with uow(context) as tx:
        invitation = await _open_invitation(tx, command.invitation_id, fingerprint, context)
        user = await tx.users.find_by_email(email_key(invitation.email))
        if user is None:
            user = User.register(
                id=ids.new(UserId), email=invitation.email, name=command.name, password_hash=hashed, at=context.now
            )
        elif user.status is not UserStatus.ACTIVE:
            raise TokenRejected
        user.verify_email(context.now)
        known = await roles_of(tx, invitation.role_ids, strict=False)  # a role may have been deleted meanwhile
        user.set_roles(user.role_ids | {role.id for role in known}, context.now)
        invitation.accept(context.now)
        tx.invitations.save(invitation)
        tx.users.save(user)
    return user.id


async def mail_invitation(
    invitation_id: InvitationId, context: Context, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Mails an open invitation; its token is made now, and kept as a fingerprint."""
    async with uow(context) as tx:
        invitation = await tx.invitations.get(invitation_id)
        if not invitation.open(context.now):
            return
        secret = doorkeeper.secrets.new_secret()
        invitation.fingerprint = doorkeeper.secrets.fingerprint(secret)
        tx.invitations.save(invitation)
    await notifier.send(invited(invitation, doorkeeper.rules.account_url, secret, str(context.caused_by)))


async def _open_invitation(
    tx: Transaction, invitation_id: InvitationId, fingerprint: bytes, context: Context
) -> Invitation:
    try:
        invitation = await tx.invitations.get(invitation_id)
    except InvitationNotFound:
        raise TokenRejected from None
    if not invitation.open(context.now) or invitation.fingerprint != fingerprint:
        raise TokenRejected
    return invitation


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
    _check_own(await roles_of(tx, user.role_ids, strict=False), context)


def _check_own(roles: Iterable[Role], context: Context) -> None:
    _check_scopes(frozenset().union(*(role.scopes for role in roles)), context)


def _check_scopes(scopes: Set[str], context: Context) -> None:
    if missing := beyond(scopes, context.actor.scopes):
        raise ScopesBeyondOwn(missing)
