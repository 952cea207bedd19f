"""Passwords: a new one by a mailed link, or for somebody who knows the old one."""

from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.attempts import account_of, check_pause, note_failure
from shop.application.commands.identity.opening import Doorkeeper, SignInRejected, end_sessions, prove_address, user_of
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import TokenPurpose
from shop.domain.kernel.identifiers import UserId
from shop.domain.passwords import normalised


@frozen(kw_only=True)
class ResetPassword(Command[UserId]):
    """Sets a new password with the token that was mailed, and signs everybody out. A second factor stays.

    One that was added before anybody had proved the address does not: it may be somebody else's.
    """

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)
    password: str = field(repr=False)


async def reset_password(
    command: ResetPassword, context: Context, *, uow: UnitOfWork, passwords: Passwords, doorkeeper: Doorkeeper
) -> UserId:
    async with uow(context) as tx:
        _, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.RESET_PASSWORD, context)
    password = await doorkeeper.checked_password(command.password, email=user.email, name=user.name)
    hashed = await passwords.hash(password)
    async with uow(context) as tx:
        token, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.RESET_PASSWORD, context)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        await prove_address(tx, user, context)  # who opens mailed links reads the mail
        user.set_password(hashed, context.now)
        tx.users.save(user)
        await end_sessions(tx, user.id, context)
    return user.id


@frozen(kw_only=True)
class ChangePassword(Command[None]):
    """Sets a new password for somebody who knows the old one, and signs out their other devices."""

    requires: ClassVar = CUSTOMER
    current: str = field(repr=False)
    password: str = field(repr=False)


async def change_password(
    command: ChangePassword, context: Context, *, uow: UnitOfWork, passwords: Passwords, doorkeeper: Doorkeeper
) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        account = account_of(user.email, doorkeeper.secrets)
        await check_pause(tx, account, context)
    verdict = await passwords.verify(normalised(command.current), user.password_hash)
    if not verdict.matches:
        async with uow(context) as tx:
            note_failure(tx, account, context, doorkeeper.ids)
        raise SignInRejected("The current password is another.")
    password = await doorkeeper.checked_password(command.password, email=user.email, name=user.name)
    hashed = await passwords.hash(password)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.set_password(hashed, context.now)
        tx.users.save(user)
        await end_sessions(tx, user.id, context, but=context.actor.session_id)
