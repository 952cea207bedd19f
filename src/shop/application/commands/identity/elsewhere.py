"""Signing in with an account elsewhere: at Google, GitHub or an OpenID provider."""

from enum import StrEnum
from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import Doorkeeper, check_fresh, prove_address, user_of
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.sign_in import (
    ProviderProfile,
    SignInProvider,
    SignInProviders,
    SignInProviderUnknown,
    SignInRefused,
)
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import (
    EmailTaken,
    IdentityTaken,
    LinkedIdentity,
    OneTimeToken,
    TokenPurpose,
    TokenRejected,
    User,
    UserStatus,
    on_one_line,
)
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import UserId

_LEAVING, _CONNECTING = "leaving", "connecting"


@frozen(kw_only=True)
class Departure:
    """Where the browser goes, and what it keeps until it comes back: nobody else's answer is taken from it."""

    address: str
    keepsake: str = field(repr=False)


class Arrival(StrEnum):
    """What somebody who came back can do with the token that they are given."""

    SIGN_IN = "sign_in"
    """It opens their account, as a mailed link does."""
    CONNECT = "connect"
    """There is an account with this address: whoever is signed in to it can let the provider open it, too."""


@frozen(kw_only=True)
class Arrived:
    arrival: Arrival
    token: str = field(repr=False)


@frozen(kw_only=True)
class LeaveForProvider(Command[Departure]):
    """Begins a sign-in with an account elsewhere."""

    requires: ClassVar = PUBLIC
    provider: str
    redirect_uri: str
    """The shop's own address to which the provider sends the browser back."""


async def leave_for_provider(
    command: LeaveForProvider, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, providers: SignInProviders
) -> Departure:
    provider = provider_of(command.provider, providers)
    new_secret = doorkeeper.secrets.new_secret
    nonce, verifier, keepsake = new_secret(), new_secret(), new_secret()
    data = " ".join((_LEAVING, provider.name, nonce, verifier, doorkeeper.secrets.fingerprint(keepsake).hex()))
    async with uow(context) as tx:
        state = doorkeeper.new_token(tx, TokenPurpose.SIGN_IN_ELSEWHERE, context, data=data)
    address = await provider.address(state=state, nonce=nonce, verifier=verifier, redirect_uri=command.redirect_uri)
    return Departure(address=address, keepsake=keepsake)


@frozen(kw_only=True)
class ReturnFromProvider(Command[Arrived]):
    """Learns who came back from a provider. Somebody new has an account from now on.

    An account is found by what never changes at the provider. By its address it is found only to say so: who has it
    connects the two while signed in, since a provider may be mistaken about an address, or lie.
    """

    requires: ClassVar = PUBLIC
    provider: str
    redirect_uri: str
    state: str = field(repr=False)
    keepsake: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None = None


async def return_from_provider(
    command: ReturnFromProvider,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    doorkeeper: Doorkeeper,
    providers: SignInProviders,
) -> Arrived:
    provider = provider_of(command.provider, providers)
    async with uow(context) as tx:  # used up before the provider is asked: a code is tried once
        token = await doorkeeper.redeem(tx, command.state, TokenPurpose.SIGN_IN_ELSEWHERE, context)
        nonce, verifier = _check_departure(token, command, doorkeeper)
        token.use(context.now)
        tx.one_time_tokens.save(token)
    profile = await provider.profile(
        code=command.code,
        nonce=nonce,
        verifier=verifier,
        redirect_uri=command.redirect_uri,
        issuer=command.issuer,
    )
    try:
        return await _arrive(profile, context, uow, ids, doorkeeper)
    except (EmailTaken, IdentityTaken):
        raise SignInRefused("Somebody made this account at the same moment.") from None


def _check_departure(token: OneTimeToken, command: ReturnFromProvider, doorkeeper: Doorkeeper) -> tuple[str, str]:
    kind, name, *rest = token.data.split(" ")
    if kind != _LEAVING or name != command.provider:
        raise TokenRejected
    nonce, verifier, kept = rest
    if not command.keepsake or doorkeeper.secrets.fingerprint(command.keepsake).hex() != kept:
        raise SignInRefused("This sign-in was begun in another browser, or its cookie is gone.")
    return nonce, verifier


async def _arrive(
    profile: ProviderProfile, context: Context, uow: UnitOfWork, ids: Ids, doorkeeper: Doorkeeper
) -> Arrived:
    async with uow(context) as tx:
        user = await tx.users.find_by_identity(profile.provider, profile.subject)
        if user is None:
            if not profile.email_verified:
                raise SignInRefused("The provider does not say that the e-mail address is yours.")
            holder = await tx.users.find_by_email(email_key(profile.email))
            if holder is not None:
                return _to_connect(tx, holder, profile, context, doorkeeper)
            user = _newcomer(profile, context, ids)
            tx.users.save(user)
        if user.status is not UserStatus.ACTIVE:
            raise SignInRefused("This account opens nothing here.")
        secret = doorkeeper.new_token(tx, TokenPurpose.MAGIC_LINK, context, user=user)
    return Arrived(arrival=Arrival.SIGN_IN, token=secret)


def _newcomer(profile: ProviderProfile, context: Context, ids: Ids) -> User:
    user = User.register(
        id=ids.new(UserId),
        email=profile.email,
        name=on_one_line(profile.name)[:200],
        at=context.now,
    )
    user.prove(context.now)
    user.link(_identity(profile.provider, profile.subject, context), context.now)
    return user


def _to_connect(
    tx: Transaction, holder: User, profile: ProviderProfile, context: Context, doorkeeper: Doorkeeper
) -> Arrived:
    data = f"{_CONNECTING} {profile.provider} {profile.subject}"
    secret = doorkeeper.new_token(tx, TokenPurpose.SIGN_IN_ELSEWHERE, context, user=holder, data=data)
    return Arrived(arrival=Arrival.CONNECT, token=secret)


@frozen(kw_only=True)
class ConnectProvider(Command[None]):
    """Lets an account elsewhere open one's own: its address is one's own, and one is signed in."""

    requires: ClassVar = CUSTOMER
    token: str = field(repr=False)


async def connect_provider(
    command: ConnectProvider, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper
) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        token, user = await doorkeeper.redeem_of_user(tx, command.token, TokenPurpose.SIGN_IN_ELSEWHERE, context)
        kind, provider, *subject = token.data.split(" ", 2)
        if kind != _CONNECTING or user.id != user_of(context):
            raise TokenRejected
        # The provider has made sure of it, and who asks is signed in with the account's own password.
        await prove_address(tx, user, context, mine=True)
        user.link(_identity(provider, subject[0], context), context.now)
        token.use(context.now)
        tx.one_time_tokens.save(token)
        tx.users.save(user)


@frozen(kw_only=True)
class DisconnectProvider(Command[None]):
    """The account at that provider opens one's own no more. Twice is once."""

    requires: ClassVar = CUSTOMER
    provider: str


async def disconnect_provider(command: DisconnectProvider, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.unlink(command.provider, context.now)
        tx.users.save(user)


def provider_of(name: str, providers: SignInProviders) -> SignInProvider:
    """Raises SignInProviderUnknown."""
    if name not in providers:
        known = ", ".join(sorted(providers)) or "none"
        raise SignInProviderUnknown(f"This shop does not sign in with “{name[:40]}”. There is: {known}.")
    return providers[name]


def _identity(provider: str, subject: str, context: Context) -> LinkedIdentity:
    return LinkedIdentity(provider=provider, subject=subject, linked_at=context.now)
