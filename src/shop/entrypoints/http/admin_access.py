"""Secret keys, for staff."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from shop.application.commands.identity.keys import (
    NAME_LENGTH_MAX,
    CreateApiKey,
    NewApiKey,
    RevokeApiKey,
    RotateApiKey,
)
from shop.application.ports.views import ApiKeyView
from shop.application.queries.identity import GetApiKeys
from shop.domain.identity import KeyKind
from shop.domain.kernel.identifiers import ApiKeyId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who

endpoints = Endpoints("admin access")
_SECRET_SCHEMA = {"type": "string", "description": "The key itself. This is the only time that it is shown."}


class NewKey(Body):
    """A secret key to be minted, with some of the maker's own scopes."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    scopes: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^(\*|[a-z_]+:(read|write|erase))$", max_length=60)], ...],
        Meta(max_length=100),
    ] = ()
    kind: Annotated[str, Meta(pattern="^(secret|publishable)$")] = "secret"
    expires_in_days: Annotated[int, Meta(ge=1, le=3_650)] | None = None


class Rotation(Body):
    """For how long the old secret opens the key too."""

    overlap_hours: Annotated[int, Meta(ge=0, le=720)] = 24


@endpoints.get(
    "/api/admin/api-keys",
    "api_key_list",
    Who.STAFF,
    "Secret keys",
    scope="apikeys:read",
    shows=Shows(view=ApiKeyView, many=True),
)
async def api_key_list(call: Call) -> Answer:
    """All keys, the newest first: the last four characters of each, never the secret."""
    return call.whole(await call.ask(GetApiKeys()))


@endpoints.post(
    "/api/admin/api-keys",
    "api_key_create",
    Who.STAFF,
    "Mint a secret key",
    scope="apikeys:write",
    body=NewKey,
    example={"name": "till", "scopes": ["orders:read", "inventory:write"]},
    status=201,
    keys=Keys.NO,
    shows=Shows(view=ApiKeyView, besides={"secret": _SECRET_SCHEMA}),
    problems=("scope_unknown", "fresh_sign_in_required"),
)
async def api_key_create(call: Call) -> Answer:
    """Mints a key. Its secret is in this answer only, so this is the one POST that cannot be repeated by key."""
    body: NewKey = call.body
    days = body.expires_in_days
    new = await call.execute(
        CreateApiKey(
            name=body.name,
            scopes=frozenset(body.scopes),
            kind=KeyKind(body.kind),
            expires_at=call.context.now + timedelta(days=days) if days is not None else None,
        )
    )
    return await _with_secret(call, new)


@endpoints.post(
    "/api/admin/api-keys/{id}/rotate",
    "api_key_rotate",
    Who.STAFF,
    "A new secret for a key",
    scope="apikeys:write",
    body=Rotation,
    example={"overlap_hours": 24},
    body_optional=True,
    keys=Keys.NO,
    tier=2,
    shows=Shows(view=ApiKeyView, besides={"secret": _SECRET_SCHEMA}),
    problems=("not_found", "key_gone", "key_of_another", "fresh_sign_in_required", "conflict"),
)
async def api_key_rotate(call: Call) -> Answer:
    """The old secret opens it until the overlap is over. The new one is in this answer only."""
    overlap = timedelta(hours=call.body.overlap_hours)
    return await _with_secret(call, await call.execute(RotateApiKey(key_id=call.id(ApiKeyId), overlap=overlap)))


async def _with_secret(call: Call, new: NewApiKey) -> Answer:
    keys = await call.shop.ports.storage.readers.api_keys.all()
    return call.one(next(key for key in keys if key.id == new.id), besides={"secret": new.secret})


@endpoints.delete(
    "/api/admin/api-keys/{id}",
    "api_key_revoke",
    Who.STAFF,
    "Revoke a secret key",
    scope="apikeys:write",
    problems=("not_found", "conflict"),
)
async def api_key_revoke(call: Call) -> Answer:
    """Closes what the key opened, within five seconds. Revoking twice is once, so no If-Match is needed."""
    await call.execute(RevokeApiKey(key_id=call.id(ApiKeyId)))
    return call.nothing()
