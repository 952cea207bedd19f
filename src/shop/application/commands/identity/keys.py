"""Secret keys: minting and revoking them."""

import re
from typing import ClassVar

from attrs import field, frozen

from shop.application.access import ScopeMissing
from shop.application.messages import Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import EVERY_SCOPE, ApiKey
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId

_SCOPE = re.compile(r"[a-z_]+:(?:read|write|erase)")
NAME_LENGTH_MAX = 100


class ScopesBeyondOwn(ScopeMissing):
    """Nobody gives away what they do not have."""

    title = "A key cannot open more than its maker"

    def __init__(self, scopes: list[str]) -> None:
        super().__init__(scopes[0])
        self.detail = f"You do not have: {', '.join(scopes)}."


@frozen(kw_only=True)
class NewApiKey:
    """A key with its secret: the only time it is shown."""

    id: ApiKeyId
    secret: str = field(repr=False)


@frozen(kw_only=True)
class CreateApiKey(Command[NewApiKey]):
    """Mints a secret key with some of the maker's own scopes. `*` is every scope."""

    requires: ClassVar = "apikeys:write"
    name: str
    scopes: frozenset[str]


async def create_api_key(
    command: CreateApiKey, context: Context, *, uow: UnitOfWork, ids: Ids, secrets: Secrets
) -> NewApiKey:
    if not 1 <= len(command.name.strip()) <= len(command.name) <= NAME_LENGTH_MAX or "\x00" in command.name:
        raise Invalid(f"A key has a name of 1 to {NAME_LENGTH_MAX} characters.")
    wrong = sorted(s for s in command.scopes if s != EVERY_SCOPE and not _SCOPE.fullmatch(s))
    if wrong or not command.scopes:
        raise Invalid(f"Not a scope: {', '.join(wrong) or '(none given)'}.", hint="A scope is such as orders:read.")
    beyond = sorted(scope for scope in command.scopes if not context.actor.may(scope))
    if beyond:
        raise ScopesBeyondOwn(beyond)
    key_id = ids.new(ApiKeyId)
    secret = secrets.new_api_key(key_id)
    async with uow(context) as tx:
        tx.api_keys.save(
            ApiKey(
                id=key_id,
                name=command.name,
                fingerprint=secrets.fingerprint(secret),
                last4=secret[-4:],
                scopes=command.scopes,
                created_at=context.now,
            )
        )
    return NewApiKey(id=key_id, secret=secret)


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
