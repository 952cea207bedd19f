"""Passkeys: a key in somebody's device, as the second step or in place of a password."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import (
    Device,
    Doorkeeper,
    SignedIn,
    SignInRejected,
    check_fresh,
    user_of,
)
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.second_step import Passkeys
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import Passkey, PasskeyNotFound, TokenPurpose, TokenRejected
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import PasskeyId
from shop.domain.kernel.texts import storable

NAME_LENGTH_MAX = 100


@frozen(kw_only=True)
class PasskeyQuestion:
    """What a browser is asked, and the token to send back with its answer."""

    token: str = field(repr=False)
    options: Mapping[str, Any]


@frozen(kw_only=True)
class OfferPasskey(Command[PasskeyQuestion]):
    """Begins with a new passkey."""

    requires: ClassVar = CUSTOMER


async def offer_passkey(
    command: OfferPasskey, context: Context, *, uow: UnitOfWork, passkeys: Passkeys, doorkeeper: Doorkeeper
) -> PasskeyQuestion:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.check_proved()
        secret = doorkeeper.new_token(tx, TokenPurpose.PASSKEY, context, user=user, data="add")
    options = passkeys.registration(
        user_id=user.id,
        email=user.email,
        name=user.name or user.email,
        known=[passkey.credential_id for passkey in user.passkeys],
        challenge=_challenge(secret, doorkeeper),
    )
    return PasskeyQuestion(token=secret, options=options)


@frozen(kw_only=True)
class AddPasskey(Command[PasskeyId]):
    """Keeps the passkey that a browser made."""

    requires: ClassVar = CUSTOMER
    token: str = field(repr=False)
    name: str
    answer: Mapping[str, Any] = field(repr=False)


async def add_passkey(
    command: AddPasskey,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    passkeys: Passkeys,
    doorkeeper: Doorkeeper,
) -> PasskeyId:
    if not 1 <= len(command.name.strip()) <= len(command.name) <= NAME_LENGTH_MAX or not storable(command.name):
        raise Invalid(f"A passkey has a name of 1 to {NAME_LENGTH_MAX} characters.")
    async with uow(context) as tx:
        token, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.PASSKEY, context)
        if user.id != user_of(context) or token.data != "add":
            raise TokenRejected
        made = passkeys.register(command.answer, challenge=_challenge(command.token, doorkeeper))
        passkey = Passkey(
            id=ids.new(PasskeyId),
            name=command.name,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            created_at=context.now,
        )
        user.add_passkey(passkey, context.now)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        tx.users.save(user)
    return passkey.id


@frozen(kw_only=True)
class RemovePasskey(Command[None]):
    """Forgets a passkey."""

    requires: ClassVar = CUSTOMER
    passkey_id: PasskeyId


async def remove_passkey(command: RemovePasskey, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.remove_passkey(command.passkey_id, context.now)
        tx.users.save(user)


@frozen(kw_only=True)
class AskForPasskey(Command[PasskeyQuestion]):
    """Asks a browser for a passkey: of one account where a password was right before, else of any."""

    requires: ClassVar = PUBLIC
    second_step_token: str = field(default="", repr=False)


async def ask_for_passkey(
    command: AskForPasskey, context: Context, *, uow: UnitOfWork, passkeys: Passkeys, doorkeeper: Doorkeeper
) -> PasskeyQuestion:
    known: list[bytes] = []
    async with uow(context) as tx:
        user = None
        if command.second_step_token:
            _, user = await doorkeeper.redeem_of_user(tx, command.second_step_token, TokenPurpose.SECOND_STEP, context)
            known = [passkey.credential_id for passkey in user.passkeys]
        secret = doorkeeper.new_token(tx, TokenPurpose.PASSKEY, context, user=user, data="use")
    options = passkeys.sign_in(known=known, challenge=_challenge(secret, doorkeeper))
    return PasskeyQuestion(token=secret, options=options)


@frozen(kw_only=True)
class SignInWithPasskey(Command[SignedIn]):
    """Opens a session for whoever holds the passkey. It is both steps in one: a device, and what unlocks it."""

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)
    answer: Mapping[str, Any] = field(repr=False)
    device: Device = Device()


async def sign_in_with_passkey(
    command: SignInWithPasskey, context: Context, *, uow: UnitOfWork, passkeys: Passkeys, doorkeeper: Doorkeeper
) -> SignedIn:
    credential_id = passkeys.credential_of(command.answer)
    async with uow(context) as tx:
        token = await doorkeeper.redeem(tx, command.token, TokenPurpose.PASSKEY, context)
        user = await tx.users.find_by_passkey(credential_id)
        if user is None or token.data != "use":
            raise SignInRejected
        if token.user_id is not None:
            if token.user_id != user.id:
                raise SignInRejected
            token.check_binding(user.binding)
        try:
            passkey = user.passkey_of(credential_id)
        except PasskeyNotFound:
            raise SignInRejected from None
        count = passkeys.verify(
            command.answer,
            challenge=_challenge(command.token, doorkeeper),
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
        )
        user.use_passkey(credential_id, count, context.now)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        tx.users.save(user)
        return await doorkeeper.begin(tx, user, command.device, context, mfa=True)


def _challenge(secret: str, doorkeeper: Doorkeeper) -> bytes:
    """What the device signs: follows from the token, so that an answer is to this question and no other."""
    return doorkeeper.secrets.derive("passkey-challenge", secret)
