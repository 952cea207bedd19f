"""Coming in: registering, and proving that an e-mail address is one's own."""

from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import Doorkeeper, check_fresh, end_sessions, prove_address, user_of
from shop.application.limits import RECOVERY, REGISTER, AccountLimits
from shop.application.mails import (
    account_exists_already,
    address_taken,
    confirm_new_address,
    magic_link,
    new_address_asked_for,
    reset_password_link,
    verify_address,
)
from shop.application.messages import CUSTOMER, INTERNAL, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.notifications import Notification, Notifier
from shop.application.ports.passwords import Passwords
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import (
    AccountRequest,
    EmailTaken,
    RequestKind,
    TokenPurpose,
    TokenRejected,
    User,
    UserStatus,
)
from shop.domain.kernel.email import checked_email, email_key
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import AccountRequestId, UserId

_LINKS = (RequestKind.RESET_PASSWORD, RequestKind.MAGIC_LINK)
"""What is asked for with nothing but an address; the other kinds need more, and have commands of their own."""


@frozen(kw_only=True)
class RegisterUser(Command[AccountRequestId]):
    """Asks for an account. Answered alike whether or not the address has one; looked into afterwards."""

    requires: ClassVar = PUBLIC
    email: str
    password: str = field(repr=False)
    name: str = ""
    locale: str = ""


async def register_user(
    command: RegisterUser,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    passwords: Passwords,
    doorkeeper: Doorkeeper,
    limits: AccountLimits,
) -> AccountRequestId:
    email = checked_email(command.email)
    password = await doorkeeper.checked_password(command.password, email=email, name=command.name)
    hashed = await passwords.hash(password)
    # Whether the rest of it is well-formed is found out now, where it can still be said.
    User.register(id=ids.new(UserId), email=email, name=command.name, locale=command.locale, at=context.now)
    request = AccountRequest.make(
        id=ids.new(AccountRequestId),
        kind=RequestKind.REGISTER,
        email=email,
        name=command.name,
        locale=command.locale,
        password_hash=hashed,
        at=context.now,
    )
    return await _kept(request, REGISTER, context, uow, limits)


@frozen(kw_only=True)
class RequestMail(Command[AccountRequestId]):
    """Asks for a link by mail: to reset the password, or to sign in. Answered alike for every address."""

    requires: ClassVar = PUBLIC
    kind: RequestKind
    email: str


async def request_mail(
    command: RequestMail, context: Context, *, uow: UnitOfWork, ids: Ids, limits: AccountLimits
) -> AccountRequestId:
    if command.kind not in _LINKS:
        offered = " or ".join(_LINKS)
        raise Invalid(
            f"RequestMail takes {offered}; “{command.kind}” is asked for otherwise.",
            flaws=(Flaw("/kind", "kind_unknown", f"This is neither {offered.replace(' or ', ' nor ')}."),),
        )
    request = AccountRequest.make(id=ids.new(AccountRequestId), kind=command.kind, email=command.email, at=context.now)
    return await _kept(request, RECOVERY, context, uow, limits)


@frozen(kw_only=True)
class ChangeEmail(Command[AccountRequestId]):
    """Asks for another address. It is taken once its owner opened the link that is mailed there."""

    requires: ClassVar = CUSTOMER
    email: str


async def change_email(
    command: ChangeEmail, context: Context, *, uow: UnitOfWork, ids: Ids, limits: AccountLimits
) -> AccountRequestId:
    check_fresh(context)
    request = AccountRequest.make(
        id=ids.new(AccountRequestId),
        kind=RequestKind.CHANGE_EMAIL,
        email=command.email,
        user_id=user_of(context),
        at=context.now,
    )
    return await _kept(request, RECOVERY, context, uow, limits)


async def _kept(
    request: AccountRequest, limit_class: str, context: Context, uow: UnitOfWork, limits: AccountLimits
) -> AccountRequestId:
    """Keeps the request to be looked into; beyond the limit of its account it is answered alike, and dropped.

    Each kind is counted by itself: whoever asks for the one in somebody's name does not keep them from the others, and
    what they asked for of the same kind has brought them a link that is good.
    """
    if await limits.allows(limit_class, request.kind, request.email):
        async with uow(context) as tx:
            tx.account_requests.save(request)
    return request.id


@frozen(kw_only=True)
class LookIntoRequest(Command[None]):
    """Does what was asked for about an account: makes it, or sends the mail. Nobody waits for this."""

    requires: ClassVar = INTERNAL
    request_id: AccountRequestId


async def look_into_request(
    command: LookIntoRequest, context: Context, *, uow: UnitOfWork, ids: Ids, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    async with uow(context) as tx:
        request = await tx.account_requests.find(command.request_id)
        if request is None:
            return
        user = await tx.users.find_by_email(request.email_key)
        if request.kind is RequestKind.REGISTER and user is None:
            tx.users.save(
                User.register(
                    id=ids.new(UserId),
                    email=request.email,
                    name=request.name,
                    locale=request.locale,
                    password_hash=request.password_hash,
                    at=context.now,
                )
            )
            tx.account_requests.delete(request)
            return
        mails = await _mails(request, user, tx, context, doorkeeper)
    # First the mail, then the request is dropped: cut short in between, the mail comes twice rather than never.
    for mail in mails:
        await notifier.send(mail)
    async with uow(context) as tx:
        tx.account_requests.delete(request)


async def _mails(
    request: AccountRequest, user: User | None, tx: Transaction, context: Context, doorkeeper: Doorkeeper
) -> list[Notification]:
    url, about = doorkeeper.rules.account_url, str(request.id)
    if request.kind is RequestKind.CHANGE_EMAIL:
        return await _mails_of_change(request, user, tx, context, doorkeeper)
    if user is None or user.status is not UserStatus.ACTIVE:
        return []
    if request.kind is RequestKind.REGISTER:
        return [account_exists_already(user, url, about)]
    if request.kind is RequestKind.RESET_PASSWORD:
        secret = doorkeeper.new_token(tx, TokenPurpose.RESET_PASSWORD, context, user=user)
        return [reset_password_link(user, url, secret, about)]
    if request.kind is RequestKind.MAGIC_LINK:
        secret = doorkeeper.new_token(tx, TokenPurpose.MAGIC_LINK, context, user=user)
        return [magic_link(user, url, secret, about)]
    return []


async def _mails_of_change(
    request: AccountRequest, holder: User | None, tx: Transaction, context: Context, doorkeeper: Doorkeeper
) -> list[Notification]:
    if request.user_id is None:
        return []
    user = await tx.users.get(request.user_id)
    if user.status is not UserStatus.ACTIVE:
        return []
    if user.email_verified_at is not None and request.created_at < user.email_verified_at:
        return []  # asked before the account had an owner, perhaps by somebody else
    about, told = str(request.id), [new_address_asked_for(user, str(request.id))]
    if holder is not None and holder.id != user.id:
        return [address_taken(holder, about), *told]
    secret = doorkeeper.new_token(tx, TokenPurpose.CHANGE_EMAIL, context, user=user, data=request.email)
    return [confirm_new_address(request.email, doorkeeper.rules.account_url, secret, about), *told]


@frozen(kw_only=True)
class SendVerification(Command[None]):
    """Mails the link that proves an address once more."""

    requires: ClassVar = CUSTOMER


async def send_verification(
    command: SendVerification, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    await mail_verification(user_of(context), str(context.request_id), context, uow, doorkeeper, notifier)


async def mail_verification(
    user_id: UserId, about: str, context: Context, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Welcomes somebody and lets them prove their address; nothing for somebody who has proved it."""
    async with uow(context) as tx:
        user = await tx.users.get(user_id)
        if user.email_verified_at is not None or user.status is not UserStatus.ACTIVE:
            return
        secret = doorkeeper.new_token(tx, TokenPurpose.VERIFY_EMAIL, context, user=user)
    await notifier.send(verify_address(user, doorkeeper.rules.account_url, secret, about))


@frozen(kw_only=True)
class VerifyEmail(Command[UserId]):
    """Proves an address with the token that was mailed there; of a new address, it is taken now.

    The link was mailed because somebody registered, so it is followed by who chose the password, which stays. Nothing
    else does that was there before: sessions but the one that asks, passkeys, codes, accounts elsewhere.
    """

    requires: ClassVar = PUBLIC
    token: str = field(repr=False)


async def verify_email(
    command: VerifyEmail, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> UserId:
    try:
        user_id, left = await _verify(command.token, context, uow, doorkeeper)
    except EmailTaken:  # somebody else took the address meanwhile, which is nobody's business here
        raise TokenRejected from None
    if left:
        # Nobody knows it any more when the person is to be forgotten, so what is kept of mail to it goes now.
        await notifier.forget(left)
    return user_id


async def _verify(secret: str, context: Context, uow: UnitOfWork, doorkeeper: Doorkeeper) -> tuple[UserId, str]:
    """Whose address it is, and the address that was theirs before, if they left one."""
    left = ""
    async with uow(context) as tx:
        found = await tx.one_time_tokens.find(doorkeeper.secrets.fingerprint(secret))
        purpose = found.purpose if found is not None else TokenPurpose.VERIFY_EMAIL
        if purpose not in (TokenPurpose.VERIFY_EMAIL, TokenPurpose.CHANGE_EMAIL):
            raise TokenRejected
        token, user = await doorkeeper.redeem_of_user(tx, secret, purpose, context)
        if context.actor.user_id not in (None, user.id):  # somebody else's link, opened in one's own session
            raise TokenRejected
        if purpose is TokenPurpose.CHANGE_EMAIL:
            if user.email_verified_at is None:  # the first proof of whose it is: see `prove_address`
                await end_sessions(tx, user.id, context, but=context.actor.session_id)
            else:
                left = user.email
            user.change_email(token.data, context.now)
        else:
            await prove_address(tx, user, context, mine=True)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        tx.users.save(user)
        if user.email_key == email_key(left):  # only written in another way
            left = ""
    return user.id, left
