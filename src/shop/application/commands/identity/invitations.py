"""Invitations: how somebody joins the staff."""

from collections.abc import Iterable
from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import Doorkeeper, check_fresh, prove_address
from shop.application.commands.identity.roles import check_own, hold_on_to, roles_of, scopes_of
from shop.application.mails import invited
from shop.application.messages import PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.notifications import Notifier
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import Invitation, InvitationNotFound, Role, TokenRejected, User, UserStatus, beyond
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import InvitationId, RoleId, UserId


@frozen(kw_only=True)
class InviteStaff(Command[InvitationId]):
    """Offers roles to whoever reads mail at an address. The answer does not tell whether they have an account."""

    requires: ClassVar = "staff:write"
    email: str
    role_ids: frozenset[RoleId]


async def invite_staff(command: InviteStaff, context: Context, *, uow: UnitOfWork, ids: Ids) -> InvitationId:
    check_fresh(context)
    async with uow(context) as tx:
        check_own(await roles_of(tx, command.role_ids), context)
        invitation = Invitation.make(
            id=ids.new(InvitationId),
            email=command.email,
            role_ids=command.role_ids,
            invited_by=context.actor.person,
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

    Somebody who has an account keeps their password; the roles are theirs at once. An account whose address nobody
    has proved is made anew: whoever registered it may be somebody else.
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
    password = await doorkeeper.checked_password(command.password, email=invitation.email, name=command.name)
    hashed = await passwords.hash(password)
    async with uow(context) as tx:
        invitation = await _open_invitation(tx, command.invitation_id, fingerprint, context)
        known = await roles_of(tx, invitation.role_ids, strict=False)  # a role may have been deleted meanwhile
        await _check_inviter(tx, invitation, known)
        user = await tx.users.find_by_email(email_key(invitation.email))
        if user is None:
            user = User.register(
                id=ids.new(UserId), email=invitation.email, name=command.name, password_hash=hashed, at=context.now
            )
            user.prove(context.now, mine=True)
        elif user.status is not UserStatus.ACTIVE:
            raise TokenRejected
        elif await prove_address(tx, user, context):
            user.describe(context.now, name=command.name)
            user.set_password(hashed, context.now)
        user.set_roles(user.role_ids | {role.id for role in known}, context.now)
        hold_on_to(tx, known)
        invitation.accept(context.now)
        tx.invitations.save(invitation)
        tx.users.save(user)
    return user.id


async def _check_inviter(tx: Transaction, invitation: Invitation, offered: Iterable[Role]) -> None:
    """An offer is as good as whoever made it: raises TokenRejected when they could not make it today.

    Else somebody who is about to lose their rights could leave them to a friend for a week. What they
    offered by a key of theirs is theirs; what the shop itself offered, or by a key that nobody made, stands until it is
    taken back.
    """
    if invitation.invited_by is None:
        return
    inviter = await tx.users.get(invitation.invited_by)
    theirs = scopes_of(await roles_of(tx, inviter.role_ids, strict=False))
    if inviter.status is not UserStatus.ACTIVE or beyond(scopes_of(offered) | {InviteStaff.requires}, theirs):
        raise TokenRejected


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
