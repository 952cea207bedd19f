"""The second step: codes from an app, and recovery codes for the day the app is gone."""

from base64 import b32encode
from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.attempts import check_pause_of_second_step, note_wrong_code
from shop.application.commands.identity.opening import (
    Device,
    Doorkeeper,
    SignedIn,
    check_fresh,
    user_of,
)
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.readers import StoreReader
from shop.application.ports.second_step import TotpCodes, TotpEnrolment
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import TokenPurpose, TotpFactor, User
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import TotpFactorId

RECOVERY_CODES = 10
_CODE_LENGTH, _GROUP = 24, 4
PASSKEY_NAME_LENGTH_MAX = 100


class CodeRejected(Invalid):
    """Wrong, too old, or used before."""

    code = "code_rejected"
    title = "This code opens nothing"
    default_hint = "Wait for the next code, and look at the clock of the device that shows it."


class NoSecondFactor(Conflict):
    code = "no_second_factor"
    title = "There is no second factor"


@frozen(kw_only=True)
class RecoveryCodes:
    """Codes that each open the account once, in place of the second factor. Shown this once."""

    codes: tuple[str, ...] = field(repr=False)


@frozen(kw_only=True)
class EnrolTotp(Command[TotpEnrolment]):
    """Begins with an app that shows codes. It counts once a first code was confirmed."""

    requires: ClassVar = CUSTOMER


async def enrol_totp(
    command: EnrolTotp,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    secrets: Secrets,
    totp: TotpCodes,
    store: StoreReader,
) -> TotpEnrolment:
    check_fresh(context)
    settings = await store.settings()
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        factor = TotpFactor(id=ids.new(TotpFactorId), created_at=context.now)
        user.begin_totp(factor, context.now)
        tx.users.save(user)
    return totp.enrolment(_seed(factor, secrets), user.email, settings.store.name)


@frozen(kw_only=True)
class ConfirmTotp(Command[RecoveryCodes]):
    """Turns the codes of an app on with a first one. From now on a password alone opens nothing."""

    requires: ClassVar = CUSTOMER
    code: str = field(repr=False)


async def confirm_totp(
    command: ConfirmTotp, context: Context, *, uow: UnitOfWork, secrets: Secrets, totp: TotpCodes
) -> RecoveryCodes:
    codes = _new_codes(secrets)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        if user.totp is None:
            raise NoSecondFactor("Begin with POST /api/auth/mfa/totp.")
        if user.totp.confirmed_at is not None:
            raise Conflict("The codes of this app are on already.")
        step = totp.step_of(_seed(user.totp, secrets), command.code, context.now)
        if step is None:
            raise CodeRejected
        user.confirm_totp(step, _fingerprints(codes, secrets), context.now)
        tx.users.save(user)
        await _proved(tx, context)
    return codes


@frozen(kw_only=True)
class DisableTotp(Command[None]):
    """Turns the codes of an app off, for whoever can still show one (or a recovery code)."""

    requires: ClassVar = CUSTOMER
    code: str = field(repr=False)


async def disable_totp(
    command: DisableTotp, context: Context, *, uow: UnitOfWork, totp: TotpCodes, doorkeeper: Doorkeeper
) -> None:
    secrets, right = doorkeeper.secrets, False
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        if user.totp is None:
            raise NoSecondFactor
        before = await check_pause_of_second_step(tx, user, context, secrets)
        right = _shows(user, command.code, context, secrets, totp)
        if right:
            user.disable_totp(context.now)
            tx.users.save(user)
        else:
            note_wrong_code(tx, user, before, context, doorkeeper.ids, secrets)
    if not right:
        raise CodeRejected


@frozen(kw_only=True)
class RotateRecoveryCodes(Command[RecoveryCodes]):
    """New recovery codes in place of the old ones."""

    requires: ClassVar = CUSTOMER


async def rotate_recovery_codes(
    command: RotateRecoveryCodes, context: Context, *, uow: UnitOfWork, secrets: Secrets
) -> RecoveryCodes:
    check_fresh(context)
    codes = _new_codes(secrets)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        if not user.second_factor:
            raise NoSecondFactor
        user.set_recovery_codes(_fingerprints(codes, secrets), context.now)
        tx.users.save(user)
    return codes


@frozen(kw_only=True)
class CompleteSecondStep(Command[SignedIn]):
    """The second step of a sign-in: the token of the first with a code of the app, or a recovery code."""

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)
    code: str = field(repr=False)
    user_agent: str = ""


async def complete_second_step(
    command: CompleteSecondStep, context: Context, *, uow: UnitOfWork, totp: TotpCodes, doorkeeper: Doorkeeper
) -> SignedIn:
    signed_in, secrets = None, doorkeeper.secrets
    async with uow(context) as tx:
        token, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.SECOND_STEP, context)
        before = await check_pause_of_second_step(tx, user, context, secrets)
        if _shows(user, command.code, context, secrets, totp):
            token.use(context.now)
            tx.users.save(user)  # the code is used up
            device = Device(browser=token.data == "browser", user_agent=command.user_agent)
            signed_in = await doorkeeper.begin(tx, user, device, context, mfa=True)
        else:
            note_wrong_code(tx, user, before, context, doorkeeper.ids, secrets)
            token.tried()
        tx.one_time_tokens.save(token)
    if signed_in is None:
        raise CodeRejected
    return signed_in


def _seed(factor: TotpFactor, secrets: Secrets) -> bytes:
    """What the app and the shop both know: 160 bits, as RFC 4226 recommends, and stored nowhere."""
    return secrets.derive("totp", str(factor.id))[:20]


def _shows(user: User, code: str, context: Context, secrets: Secrets, totp: TotpCodes) -> bool:
    """Whether this is a code that is still good; it is used up by this."""
    if user.totp is not None and user.totp.confirmed_at is not None:
        step = totp.step_of(_seed(user.totp, secrets), code.strip(), context.now)
        if step is not None:
            return user.use_totp(step)
    return user.use_recovery_code(secrets.fingerprint(_plain(code)))


def _new_codes(secrets: Secrets) -> RecoveryCodes:
    """Codes of 120 random bits, in groups that people can type. So many may be kept as a plain hash (ASVS 5, 6.5.2)."""
    codes = []
    for _ in range(RECOVERY_CODES):
        text = b32encode(secrets.fingerprint(secrets.new_secret())).decode().lower()[:_CODE_LENGTH]
        codes.append("-".join(text[at : at + _GROUP] for at in range(0, _CODE_LENGTH, _GROUP)))
    return RecoveryCodes(codes=tuple(codes))


def _fingerprints(codes: RecoveryCodes, secrets: Secrets) -> tuple[bytes, ...]:
    return tuple(secrets.fingerprint(_plain(code)) for code in codes.codes)


def _plain(code: str) -> str:
    return code.strip().lower().replace("-", "").replace(" ", "")[:100]


async def _proved(tx: Transaction, context: Context) -> None:
    """The session that asks has shown the second factor: it need not sign in again to be trusted with it."""
    if context.actor.session_id is not None:
        session = await tx.sessions.get(context.actor.session_id)
        session.refreshed_proof(context.now, mfa=True)
        tx.sessions.save(session)
