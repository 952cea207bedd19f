"""Signing in with an account elsewhere, such as Google's or GitHub's."""

from collections.abc import Mapping
from typing import ClassVar

from attrs import field, frozen

from shop.application.commands.identity.opening import Device, Doorkeeper, check_fresh, user_of
from shop.application.commands.identity.sign_in import SecondSteps, open_account
from shop.application.messages import CUSTOMER, PUBLIC, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.sign_in import ProviderProfile, SignInProvider, SignInProviderUnknown, SignInRefused
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.identity import IdentityTaken, LinkedIdentity, TokenPurpose, TokenRejected, User
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import UserId

SignInProviders = Mapping[str, SignInProvider]


class LinkFirst(SignInRefused):
    """There is an account of this address, and only its owner may let another one open it."""

    code = "link_first"
    title = "This address has an account here"
    default_hint = "Sign in with your password, then link the two: POST /api/auth/oauth/{provider}/link."


@frozen(kw_only=True)
class Departure:
    """Where the browser goes, and what it keeps in a cookie meanwhile: what comes back must come to the same one."""

    address: str
    state: str = field(repr=False)


@frozen(kw_only=True)
class BeginSignInElsewhere(Command[Departure]):
    """Sends a browser to a provider. For somebody who is signed in: to link the two accounts."""

    requires: ClassVar = PUBLIC
    provider: str
    redirect_uri: str
    browser: bool = False
    link: bool = False


async def begin_sign_in_elsewhere(
    command: BeginSignInElsewhere,
    context: Context,
    *,
    uow: UnitOfWork,
    providers: SignInProviders,
    doorkeeper: Doorkeeper,
) -> Departure:
    provider = _provider(command.provider, providers)
    if command.link:
        check_fresh(context)
    async with uow(context) as tx:
        linked = await tx.users.get(user_of(context)) if command.link else None
        data = f"{provider.name} {'browser' if command.browser else 'program'}"
        state = doorkeeper.new_token(tx, TokenPurpose.SIGN_IN_ELSEWHERE, context, user=linked, data=data)
    address = await provider.address(
        state=state,
        nonce=_word("nonce", state, doorkeeper),
        verifier=_word("verifier", state, doorkeeper),
        redirect_uri=command.redirect_uri,
    )
    return Departure(address=address, state=state)


@frozen(kw_only=True)
class FinishSignInElsewhere(Command[SecondSteps]):
    """The browser came back. `kept_state` is what it kept; the provider's word is asked for, not believed."""

    requires: ClassVar = PUBLIC
    provider: str
    redirect_uri: str
    state: str = field(repr=False)
    kept_state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None = None
    user_agent: str = ""


async def finish_sign_in_elsewhere(
    command: FinishSignInElsewhere,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    providers: SignInProviders,
    doorkeeper: Doorkeeper,
) -> SecondSteps:
    provider = _provider(command.provider, providers)
    if not command.state or command.state != command.kept_state:
        raise SignInRefused("This sign-in was not begun in this browser.")
    async with uow(context) as tx:
        try:
            token = await doorkeeper.redeem(tx, command.state, TokenPurpose.SIGN_IN_ELSEWHERE, context)
        except TokenRejected:
            raise SignInRefused("This sign-in is over, or was never begun.") from None
        begun_with, _, device = token.data.partition(" ")
        if begun_with != provider.name:
            raise SignInRefused("This sign-in was begun with another provider.")
        token.use(context.now)  # before the provider is asked: a code is tried once
        tx.one_time_tokens.save(token)
    profile = await provider.profile(
        code=command.code,
        nonce=_word("nonce", command.state, doorkeeper),
        verifier=_word("verifier", command.state, doorkeeper),
        redirect_uri=command.redirect_uri,
        issuer=command.issuer,
    )
    async with uow(context) as tx:
        if token.user_id is not None:
            user = await _link(tx, await tx.users.get(token.user_id), token.binding, profile, context)
        else:
            user = await _user_of(tx, profile, context, ids)
        return await open_account(
            tx, user, Device(browser=device == "browser", user_agent=command.user_agent), context, doorkeeper
        )


@frozen(kw_only=True)
class UnlinkIdentity(Command[None]):
    """A provider's account opens this one no more. Raises Conflict when nothing else would."""

    requires: ClassVar = CUSTOMER
    provider: str


async def unlink_identity(command: UnlinkIdentity, context: Context, *, uow: UnitOfWork) -> None:
    check_fresh(context)
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.unlink(command.provider, context.now)
        tx.users.save(user)


async def _link(tx: Transaction, user: User, binding: str, profile: ProviderProfile, context: Context) -> User:
    """The person proved the account here before they left, and the one there just now."""
    if user.binding != binding:
        raise SignInRefused("The account has changed since this was begun.")
    holder = await tx.users.find_by_identity(profile.provider, profile.subject)
    if holder is not None and holder.id != user.id:
        raise IdentityTaken
    if holder is None:
        user.link(_identity(profile, context), context.now)
        tx.users.save(user)
    return user


async def _user_of(tx: Transaction, profile: ProviderProfile, context: Context, ids: Ids) -> User:
    """The account that this one opens: the linked one, or a new one where nobody has the address.

    An account of the same address is never opened just because the provider names it: whoever made the account
    there could be somebody else.
    """
    user = await tx.users.find_by_identity(profile.provider, profile.subject)
    if user is not None:
        return user
    if not profile.email_verified:
        raise SignInRefused("The provider does not say that this e-mail address is yours.")
    if await tx.users.find_by_email(email_key(profile.email)) is not None:
        raise LinkFirst
    user = User.register(id=ids.new(UserId), email=profile.email, name=profile.name[:200], at=context.now)
    user.link(_identity(profile, context), context.now)
    user.verify_email(context.now)
    tx.users.save(user)
    return user


def _identity(profile: ProviderProfile, context: Context) -> LinkedIdentity:
    return LinkedIdentity(provider=profile.provider, subject=profile.subject, linked_at=context.now)


def _provider(name: str, providers: SignInProviders) -> SignInProvider:
    provider = providers.get(name)
    if provider is None:
        offered = ", ".join(sorted(providers)) or "none"
        raise SignInProviderUnknown(f"Nobody signs in with “{name[:40]}” here; there is: {offered}.")
    return provider


def _word(purpose: str, state: str, doorkeeper: Doorkeeper) -> str:
    """A secret of this one sign-in, in characters that may stand in a URL (RFC 7636 asks for 43 to 128 of them)."""
    return doorkeeper.secrets.derive(f"sign-in-{purpose}", state).hex()
