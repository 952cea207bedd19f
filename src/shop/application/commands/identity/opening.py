"""What several use cases of accounts share: one-time tokens, and sessions that begin."""

from datetime import datetime, timedelta

from attrs import field, frozen

from shop.application.commands.identity.attempts import note_success
from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import CredentialsRejected, Secrets
from shop.application.ports.people import PeopleReader
from shop.application.ports.readers import StoreReader
from shop.application.ports.tokens import AccessClaims, AccessTokens
from shop.application.ports.unit_of_work import Transaction
from shop.domain.identity import (
    LIFETIMES,
    OneTimeToken,
    Session,
    SigningKey,
    TokenPurpose,
    TokenRejected,
    User,
    UserStatus,
)
from shop.domain.kernel.errors import Forbidden, Invalid
from shop.domain.kernel.identifiers import Identifier, OneTimeTokenId, SessionId, SigningKeyId, UserId
from shop.domain.passwords import checked_password

FRESH_FOR = timedelta(minutes=30)
SESSIONS_MAX = 5_000
"""More than anybody can begin between two looks at them: whoever is signed out is signed out everywhere."""
REFRESH_PREFIX, BROWSER_PREFIX = "rt", "bs"


class SignInRejected(CredentialsRejected):
    """Wrong, unknown or suspended: always the same words."""

    title = "These open no account"
    default_hint = "Check the address and the password, or ask for a new one: POST /api/auth/password/forgot."


class FreshSignInNeeded(Forbidden):
    """What is asked for could lock the owner out: whoever found an open device must not be able to do it."""

    code = "fresh_sign_in_required"
    title = "Sign in once more for this"
    default_hint = "Sign in again and repeat it within 30 minutes."


@frozen(kw_only=True)
class AccountRules:
    """How long people stay signed in, and what the shop asks of them.

    A program that refreshes stays signed in as long as it comes back within `refresh_lifetime`, but no longer than
    `longest`; a browser for `browser_lifetime`.
    """

    access_lifetime: timedelta = timedelta(minutes=5)
    refresh_lifetime: timedelta = timedelta(days=30)
    browser_lifetime: timedelta = timedelta(days=14)
    longest: timedelta = timedelta(days=90)
    owner_needs_second_factor: bool = False
    account_url: str = "http://127.0.0.1:8000/account"
    """Where the pages are that mailed links open: the shop's own, or a storefront's."""


@frozen(kw_only=True)
class SignedIn:
    """Somebody is signed in. A browser holds `token` in a cookie; a program refreshes with it."""

    user_id: UserId
    session_id: SessionId
    token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    access_expires_at: datetime | None = None
    expires_at: datetime


@frozen(kw_only=True)
class SecondStepNeeded:
    """The password was right; one of these has to be shown as well, together with the token."""

    token: str = field(repr=False)
    methods: tuple[str, ...]
    expires_at: datetime


@frozen(kw_only=True)
class Device:
    """What somebody signs in with: a browser that keeps a cookie, or a program that keeps tokens."""

    browser: bool = False
    user_agent: str = ""


@frozen
class Doorkeeper:
    """What it takes to let somebody in."""

    ids: Ids
    secrets: Secrets
    access_tokens: AccessTokens
    people: PeopleReader
    store: StoreReader
    rules: AccountRules

    async def checked_password(self, text: str, *, email: str, name: str) -> str:
        """A password that may be set for this person at this shop. Raises Invalid."""
        shop = (await self.store.settings()).store.name
        return checked_password(text, email=email, name=name, shop=shop)

    def new_token(
        self,
        tx: Transaction,
        purpose: TokenPurpose,
        context: Context,
        *,
        user: User | None = None,
        data: str = "",
    ) -> str:
        """A new one-time token, saved by its fingerprint; the secret itself."""
        secret = self.secrets.new_secret()
        token = OneTimeToken(
            id=self.ids.new(OneTimeTokenId),
            purpose=purpose,
            fingerprint=self.secrets.fingerprint(secret),
            user_id=user.id if user else None,
            binding=user.binding if user else "",
            data=data,
            created_at=context.now,
            expires_at=context.now + LIFETIMES[purpose],
        )
        tx.one_time_tokens.save(token)
        return secret

    async def redeem(self, tx: Transaction, secret: str, purpose: TokenPurpose, context: Context) -> OneTimeToken:
        """The token behind a secret, if it opens this now; it is not used up yet. Raises TokenRejected."""
        token = await tx.one_time_tokens.find(self.secrets.fingerprint(secret))
        if token is None:
            raise TokenRejected
        token.check(purpose, context.now)
        return token

    async def redeem_of_user(
        self, tx: Transaction, secret: str, purpose: TokenPurpose, context: Context
    ) -> tuple[OneTimeToken, User]:
        """The token and its user, as long as that user has not changed since. Raises TokenRejected."""
        token = await self.redeem(tx, secret, purpose, context)
        if token.user_id is None:
            raise TokenRejected
        user = await tx.users.get(token.user_id)
        token.check_binding(user.binding)
        return token, user

    async def begin(self, tx: Transaction, user: User, device: Device, context: Context, *, mfa: bool) -> SignedIn:
        """A new session of this user: never one that was there before (no fixation). Raises SignInRejected."""
        if user.status is not UserStatus.ACTIVE:
            raise SignInRejected
        session_id, secret = self.ids.new(SessionId), self.secrets.new_secret()
        session = Session.begin(
            at=context.now,
            lifetime=self.rules.browser_lifetime if device.browser else self.rules.refresh_lifetime,
            id=session_id,
            user_id=user.id,
            browser=device.browser,
            fingerprint=self.secrets.fingerprint(secret),
            mfa=mfa,
            source=context.source,
            user_agent=device.user_agent,
        )
        tx.sessions.save(session)
        note_success(tx, user, context, self.ids, self.secrets, mfa=mfa)
        return await self.signed_in(tx, session, secret, context)

    async def signed_in(self, tx: Transaction, session: Session, secret: str, context: Context) -> SignedIn:
        """What its user is told of a session that was begun or went on just now."""
        access, expires_at = "", None
        if not session.browser:
            expires_at = min(context.now + self.rules.access_lifetime, session.expires_at)
            claims = AccessClaims(
                user_id=session.user_id, session_id=session.id, issued_at=context.now, expires_at=expires_at
            )
            access = self.access_tokens.issue(claims, await self._signing_key(tx, context))
        return SignedIn(
            user_id=session.user_id,
            session_id=session.id,
            token=session_token(BROWSER_PREFIX if session.browser else REFRESH_PREFIX, session.id, secret),
            access_token=access,
            access_expires_at=expires_at,
            expires_at=session.expires_at,
        )

    async def _signing_key(self, tx: Transaction, context: Context) -> SigningKeyId:
        """The newest key that still signs; the shop's first one is made when it is first needed."""
        for key in await self.people.signing_keys(context.now):
            if key.retired_at is None:
                return key.id
        first = SigningKey(id=self.ids.new(SigningKeyId), created_at=context.now)
        tx.signing_keys.save(first)
        return first.id


def session_token(prefix: str, session_id: Identifier, secret: str) -> str:
    """`rt_<id>.<secret>`: the id finds the session, the secret opens it."""
    return f"{prefix}_{str(session_id).partition('_')[2]}.{secret}"


def parse_session_token(prefix: str, token: str) -> tuple[SessionId, str]:
    """The session and the secret. Raises CredentialsRejected."""
    head, _, secret = token.partition(".")
    kind, _, suffix = head.partition("_")
    if kind != prefix or not secret or len(token) > 200:
        raise CredentialsRejected("This token is not of this shop.")
    try:
        return SessionId.parse(f"{SessionId.prefix}_{suffix}"), secret
    except Invalid:
        raise CredentialsRejected("This token is not of this shop.") from None


def check_fresh(context: Context) -> None:
    """Raises FreshSignInNeeded when it is long ago that this person proved who they are."""
    fresh_at = context.actor.fresh_at
    if context.actor.user_id is not None and (fresh_at is None or context.now - fresh_at > FRESH_FOR):
        raise FreshSignInNeeded


def user_of(context: Context) -> UserId:
    """The person who asks: the door let only people pass."""
    assert context.actor.user_id is not None
    return context.actor.user_id


async def end_sessions(tx: Transaction, user_id: UserId, context: Context, *, but: SessionId | None = None) -> None:
    """Signs a person out everywhere, but for one device."""
    for session in await tx.sessions.live_of(user_id, context.now, SESSIONS_MAX):
        if session.id != but:
            session.revoke(context.now)
            tx.sessions.save(session)


async def prove_address(tx: Transaction, user: User, context: Context, *, mine: bool = False) -> bool:
    """Somebody reads the mail of this account: it is theirs from now on (see `User.prove`). Whether that is new.

    Whoever was signed in is signed out, and what they left in it is not shown to its owner. With `mine` the session
    that asks goes on, and carts stay. The caller saves the user.
    """
    if not user.prove(context.now, mine=mine):
        return False
    await end_sessions(tx, user.id, context, but=context.actor.session_id if mine else None)
    if not mine:
        tx.exports.drop_of(user.id)
        await forget_open_carts(user.id, context, tx, SESSIONS_MAX)
    return True


async def forget_open_carts(user_id: UserId, context: Context, tx: Transaction, limit: int) -> int:
    """Closes the carts that are open, or as many as can be at once; closed ones hold nothing personal. How many."""
    open_carts = await tx.carts.of_owner(user_id, limit)
    for cart in open_carts:
        cart.forget_person(context.now)
        tx.carts.save(cart)
    return len(open_carts)
