"""Secret keys, for staff."""

from typing import Annotated

from msgspec import Meta

from shop.application.commands.identity.keys import NAME_LENGTH_MAX, CreateApiKey, RevokeApiKey
from shop.application.ports.views import ApiKeyView
from shop.application.queries.identity import GetApiKeys
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
        list[Annotated[str, Meta(pattern=r"^(\*|[a-z_]+:(read|write|erase))$", max_length=60)]],
        Meta(min_length=1, max_length=100),
    ]


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
)
async def api_key_create(call: Call) -> Answer:
    """Mints a key. Its secret is in this answer only, so this is the one POST that cannot be repeated by key."""
    new = await call.execute(CreateApiKey(name=call.body.name, scopes=frozenset(call.body.scopes)))
    key = next(each for each in await call.ask(GetApiKeys()) if each.id == new.id)
    return call.one(key, besides={"secret": new.secret})


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
