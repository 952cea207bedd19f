"""Keys: those of programs, and those that the shop signs access tokens with."""

from datetime import datetime, timedelta
from typing import ClassVar

from attrs import field, frozen

from shop.application.access import ScopesBeyondOwn
from shop.application.commands.identity.opening import AccountRules, check_fresh
from shop.application.messages import SYSTEM, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.people import PeopleReader
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import ApiKey, KeyKind, SigningKey, beyond, checked_scopes
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, SigningKeyId
from shop.domain.kernel.texts import storable

NAME_LENGTH_MAX = 100
OVERLAP = timedelta(days=1)


@frozen(kw_only=True)
class NewApiKey:
    """A key with its secret: the only time it is shown."""

    id: ApiKeyId
    secret: str = field(repr=False)


@frozen(kw_only=True)
class CreateApiKey(Command[NewApiKey]):
    """Mints a key: a secret one with some of the maker's own scopes (`*` is every scope), or a publishable one.

    A publishable key opens nothing that is not open to everybody: it says which storefront asks.
    """

    requires: ClassVar = "apikeys:write"
    name: str
    scopes: frozenset[str] = frozenset()
    kind: KeyKind = KeyKind.SECRET
    expires_at: datetime | None = None


async def create_api_key(
    command: CreateApiKey, context: Context, *, uow: UnitOfWork, ids: Ids, secrets: Secrets
) -> NewApiKey:
    check_fresh(context)
    if not 1 <= len(command.name.strip()) <= len(command.name) <= NAME_LENGTH_MAX or not storable(command.name):
        raise Invalid(f"A key has a name of 1 to {NAME_LENGTH_MAX} characters.")
    if command.expires_at is not None and command.expires_at <= context.now:
        raise Invalid("A key that has expired already opens nothing.")
    key_id = ids.new(ApiKeyId)
    if command.kind is KeyKind.PUBLISHABLE:
        if command.scopes:
            raise Invalid("A publishable key is shown to everybody, so it has no scopes.")
        scopes, secret = frozenset[str](), secrets.new_publishable_key(key_id)
    else:
        scopes, secret = checked_scopes(command.scopes), secrets.new_api_key(key_id)
        if missing := beyond(scopes, context.actor.scopes):
            raise ScopesBeyondOwn(missing)
    key = ApiKey(
        id=key_id,
        name=command.name,
        kind=command.kind,
        fingerprint=secrets.fingerprint(secret),
        last4=secret[-4:],
        scopes=scopes,
        created_at=context.now,
        created_by=context.actor.person,
        expires_at=command.expires_at,
    )
    key.created(context.now)
    async with uow(context) as tx:
        tx.api_keys.save(key)
    return NewApiKey(id=key_id, secret=secret)


@frozen(kw_only=True)
class RotateApiKey(Command[NewApiKey]):
    """A new secret for a key; the old one opens it until the overlap is over. It goes on acting for its maker.

    Only the maker gets a new secret of a secret key (and the shop itself): others would act in their name, and what
    somebody knows of a key of the shop would outlast what they may do.
    """

    requires: ClassVar = "apikeys:write"
    key_id: ApiKeyId
    overlap: timedelta = OVERLAP


async def rotate_api_key(command: RotateApiKey, context: Context, *, uow: UnitOfWork, secrets: Secrets) -> NewApiKey:
    check_fresh(context)
    async with uow(context) as tx:
        key = await tx.api_keys.get(command.key_id)
        if context.actor.kind != SYSTEM.kind:
            key.check_rotated_by(context.actor.person)
        if missing := beyond(key.scopes, context.actor.scopes):
            raise ScopesBeyondOwn(missing)
        publishable = key.kind is KeyKind.PUBLISHABLE
        secret = secrets.new_publishable_key(key.id) if publishable else secrets.new_api_key(key.id)
        key.rotate(secrets.fingerprint(secret), secret[-4:], command.overlap, context.now)
        tx.api_keys.save(key)
    return NewApiKey(id=key.id, secret=secret)


@frozen(kw_only=True)
class RevokeApiKey(Command[None]):
    """Closes everything that the key opened, within five seconds."""

    requires: ClassVar = "apikeys:write"
    key_id: ApiKeyId


async def revoke_api_key(command: RevokeApiKey, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        key = await tx.api_keys.get(command.key_id)
        key.revoke(context.now)
        tx.api_keys.save(key)


@frozen(kw_only=True)
class RotateSigningKeys(Command[SigningKeyId]):
    """From now on access tokens are signed with a new key; what an old one signed is believed until it expires."""

    requires: ClassVar = "system:write"


async def rotate_signing_keys(
    command: RotateSigningKeys,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    people: PeopleReader,
    rules: AccountRules,
) -> SigningKeyId:
    new = SigningKey(id=ids.new(SigningKeyId), created_at=context.now)
    async with uow(context) as tx:
        for known in await people.signing_keys(context.now):
            if known.retired_at is None:
                key = await tx.signing_keys.get(known.id)
                # A token may be signed with what another process read a moment ago.
                key.retire(context.now, rules.access_lifetime + timedelta(minutes=1))
                tx.signing_keys.save(key)
        tx.signing_keys.save(new)
    return new.id
