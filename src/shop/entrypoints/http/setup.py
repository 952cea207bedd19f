"""The first run, and the keys that everybody may check access tokens with."""

from shop.application.commands.identity.setup import CompleteSetup, SetupAlreadyDone
from shop.application.limits import SIGN_IN
from shop.application.queries.identity import GetSetupStatus, GetSigningKeys
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.auth import TEXT, Email, Name, Password, Token, shape
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who

endpoints = Endpoints("auth")


class Setup(Body):
    """The owner of a new shop, with the token that was printed in the terminal."""

    token: Token
    email: Email
    password: Password
    name: Name = ""


@endpoints.get(
    "/api/auth/setup",
    "auth_setup_status",
    Who.PUBLIC,
    "Does the shop still wait for its owner",
    shows=Shows(schema=shape("setup", open={"type": "boolean"})),
    problems=("setup_already_done",),
)
async def auth_setup_status(call: Call) -> Answer:
    """404 once there is an owner."""
    if not await call.ask(GetSetupStatus()):
        raise SetupAlreadyDone
    return call.plain({"object": "setup", "open": True})


@endpoints.post(
    "/api/auth/setup",
    "auth_setup_complete",
    Who.PUBLIC,
    "Make the owner",
    body=Setup,
    example={"token": "from-the-terminal", "email": "ada@example.com", "password": "a few words of my own"},
    status=201,
    shows=Shows(schema=shape("setup", open={"type": "boolean"}, user_id=TEXT)),
    problems=("setup_already_done", "token_rejected", "email_taken", "passwords_busy", "conflict"),
    keys=Keys.NO,
    limit_class=SIGN_IN,
)
async def auth_setup_complete(call: Call) -> Answer:
    """Makes the owner with the one-time token that was printed in the terminal. Works once."""
    body: Setup = call.body
    command = CompleteSetup(token=body.token, email=body.email, password=body.password, name=body.name)
    user_id = await call.execute(command)
    return call.plain({"object": "setup", "open": False, "user_id": str(user_id)}, status=201)


@endpoints.get(
    "/.well-known/jwks.json",
    "auth_jwks_get",
    Who.PUBLIC,
    "Keys that access tokens are checked with",
    shows=Shows(schema={"type": "object", "properties": {"keys": {"type": "array"}}, "required": ["keys"]}),
)
async def auth_jwks_get(call: Call) -> Answer:
    """The public halves (RFC 7517), the newest first; those that sign no more stay until the last token has expired."""
    return call.plain({"keys": [dict(key.jwk) for key in await call.ask(GetSigningKeys())]})
