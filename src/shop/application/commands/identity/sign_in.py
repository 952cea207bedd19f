"""Signing in and out: by password or by a mailed link, with a second step where there is one."""

from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.attempts import account_of, check_pause, note_failure
from shop.application.commands.identity.opening import (
    REFRESH_PREFIX,
    Device,
    Doorkeeper,
    SecondStepNeeded,
    SignedIn,
    SignInRejected,
    end_sessions,
    parse_session_token,
    prove_address,
    user_of,
)
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.identity import CredentialsRejected
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import (
    LIFETIMES,
    SessionNotFound,
    TokenPurpose,
    User,
    UserStatus,
)
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import SessionId
from shop.domain.passwords import normalised

SecondSteps = SignedIn | SecondStepNeeded


@frozen(kw_only=True)
class SignIn(Command[SecondSteps]):
    """Opens a session for whoever knows the password, or asks for the second step."""

    requires: ClassVar = PUBLIC
    email: str
    password: str = field(repr=False)
    device: Device = Device()


async def sign_in(
    command: SignIn, context: Context, *, uow: UnitOfWork, passwords: Passwords, doorkeeper: Doorkeeper
) -> SecondSteps:
    account = account_of(command.email, doorkeeper.secrets)
    password = normalised(command.password)
    async with uow(context) as tx:
        await check_pause(tx, account, context)
        user = await tx.users.find_by_email(email_key(command.email))
    # Outside the transaction, and of the same length whether or not somebody has this address.
    verdict = await passwords.verify(password, user.password_hash if user else "")
    right = user is not None and verdict.matches and user.status is UserStatus.ACTIVE
    better = await passwords.hash(password) if right and verdict.outdated else ""
    async with uow(context) as tx:
        opened = None
        if not right or user is None:
            note_failure(tx, account, context, doorkeeper.ids)
        else:
            if better:
                user.rehash(better)
                tx.users.save(user)
            opened = await open_account(tx, user, command.device, context, doorkeeper)
    if opened is None:
        raise SignInRejected
    return opened


async def open_account(
    tx: Transaction, user: User, device: Device, context: Context, doorkeeper: Doorkeeper
) -> SecondSteps:
    """A session for somebody whose first proof was right, or what the second one must be."""
    if not user.second_factor:
        return await doorkeeper.begin(tx, user, device, context, mfa=False)
    secret = doorkeeper.new_token(
        tx, TokenPurpose.SECOND_STEP, context, user=user, data="browser" if device.browser else ""
    )
    methods = []
    if user.totp is not None and user.totp.confirmed_at is not None:
        methods.append("totp")
    if user.passkeys:
        methods.append("passkey")
    if user.recovery_codes:
        methods.append("recovery_code")
    expires_at = context.now + LIFETIMES[TokenPurpose.SECOND_STEP]
    return SecondStepNeeded(token=secret, methods=tuple(methods), expires_at=expires_at)


@frozen(kw_only=True)
class UseMagicLink(Command[SecondSteps]):
    """Opens a session for whoever reads the account's mail. A second factor is asked for all the same.

    Who is the first to read it claims the account: no password, passkey or session of before opens it any more.
    """

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)
    device: Device = Device()


async def use_magic_link(
    command: UseMagicLink, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper
) -> SecondSteps:
    async with uow(context) as tx:
        token, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.MAGIC_LINK, context)
        if user.status is not UserStatus.ACTIVE:
            raise SignInRejected
        token.use(context.now)
        tx.one_time_tokens.save(token)
        if await prove_address(tx, user, context):  # who opens mailed links reads the mail
            tx.users.save(user)
        return await open_account(tx, user, command.device, context, doorkeeper)


@frozen(kw_only=True)
class RefreshSession(Command[SignedIn]):
    """A new access token, and the refresh token for the next time. One that was used before ends the session."""

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)


async def refresh_session(
    command: RefreshSession, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper
) -> SignedIn:
    session_id, secret = parse_session_token(REFRESH_PREFIX, command.token)
    fingerprint, going_on = doorkeeper.secrets.fingerprint(secret), None
    async with uow(context) as tx:
        try:
            session = await tx.sessions.get(session_id)
        except SessionNotFound:
            raise CredentialsRejected("This token is not of this shop.") from None
        if fingerprint in session.spent and session.revoked_at is None:
            session.reused(context.now)
            tx.sessions.save(session)
        elif fingerprint != session.fingerprint or not session.live(context.now):
            raise CredentialsRejected("The session is over: sign in again.")
        else:
            user = await tx.users.get(session.user_id)
            if user.status is not UserStatus.ACTIVE:
                raise CredentialsRejected("The session is over: sign in again.")
            following = doorkeeper.secrets.new_secret()
            rules, fingerprint = doorkeeper.rules, doorkeeper.secrets.fingerprint(following)
            session.rotate(fingerprint, context.now, rules.refresh_lifetime, rules.longest)
            tx.sessions.save(session)
            going_on = await doorkeeper.signed_in(tx, session, following, context)
    if going_on is None:
        raise CredentialsRejected("This token was used before, so its session is over: sign in again.")
    return going_on


@frozen(kw_only=True)
class SignOut(Command[None]):
    """Ends the session that asks."""

    requires: ClassVar = CUSTOMER


async def sign_out(command: SignOut, context: Context, *, uow: UnitOfWork) -> None:
    if context.actor.session_id is not None:
        await revoke_session(RevokeSession(session_id=context.actor.session_id), context, uow=uow)


@frozen(kw_only=True)
class RevokeSession(Command[None]):
    """Signs one of one's own devices out, within five seconds. Twice is once."""

    requires: ClassVar = CUSTOMER
    session_id: SessionId


async def revoke_session(command: RevokeSession, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        session = await tx.sessions.get(command.session_id)
        if session.user_id != user_of(context):
            raise SessionNotFound(f"There is no session {command.session_id}.")
        session.revoke(context.now)
        tx.sessions.save(session)


@frozen(kw_only=True)
class RevokeOtherSessions(Command[None]):
    """Signs every other device of one's own out."""

    requires: ClassVar = CUSTOMER


async def revoke_other_sessions(command: RevokeOtherSessions, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        await end_sessions(tx, user_of(context), context, but=context.actor.session_id)
