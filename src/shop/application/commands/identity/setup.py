"""The first run: the one-time link with which a shop gets its owner. There is no default password anywhere."""

from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import Doorkeeper
from shop.application.messages import INTERNAL, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import OWNER, TokenPurpose, User
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import UserId


class SetupAlreadyDone(NotFound):
    """Once there is an owner there is nothing to set up."""

    code = "setup_already_done"
    title = "There is nothing to set up"


@frozen(kw_only=True)
class OfferSetup(Command[str]):
    """A one-time link for whoever sees the terminal; empty once the shop has an owner."""

    requires: ClassVar = INTERNAL


async def offer_setup(command: OfferSetup, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper) -> str:
    if await doorkeeper.people.has_owner():
        return ""
    async with uow(context) as tx:
        secret = doorkeeper.new_token(tx, TokenPurpose.SETUP, context)
    return f"{doorkeeper.rules.account_url}/setup?token={secret}"


@frozen(kw_only=True)
class CompleteSetup(Command[UserId]):
    """Makes the owner. Works once: as soon as there is one, no link of this kind opens anything."""

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)
    email: str
    password: str = field(repr=False)
    name: str = ""


async def complete_setup(
    command: CompleteSetup,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    passwords: Passwords,
    doorkeeper: Doorkeeper,
) -> UserId:
    async with uow(context) as tx:
        await doorkeeper.redeem(tx, command.token, TokenPurpose.SETUP, context)
    email = checked_email(command.email)
    password = await doorkeeper.checked_password(command.password, email=email, name=command.name)
    hashed = await passwords.hash(password)
    async with uow(context) as tx:
        token = await doorkeeper.redeem(tx, command.token, TokenPurpose.SETUP, context)
        if await tx.users.with_role(OWNER.id, 1):
            raise SetupAlreadyDone
        user = User.register(id=ids.new(UserId), email=email, name=command.name, password_hash=hashed, at=context.now)
        user.prove(context.now, mine=True)  # whoever sees the terminal is believed
        user.set_roles(frozenset({OWNER.id}), context.now)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        tx.users.save(user)
    return user.id
