"""One's own devices: where one is signed in."""

from shop.application.commands.identity.sign_in import RevokeOtherSessions, RevokeSession
from shop.application.ports.views import SessionView
from shop.application.queries.identity import GetMySessions
from shop.domain.kernel.identifiers import SessionId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who

endpoints = Endpoints("auth")


@endpoints.get(
    "/api/auth/sessions",
    "auth_session_list",
    Who.CUSTOMER,
    "My devices",
    shows=Shows(view=SessionView, many=True),
)
async def auth_session_list(call: Call) -> Answer:
    """Where one is signed in, the latest seen first."""
    return call.whole(await call.ask(GetMySessions()))


@endpoints.delete(
    "/api/auth/sessions/{session_id}",
    "auth_session_revoke",
    Who.CUSTOMER,
    "Sign one device out",
    problems=("not_found", "conflict"),
)
async def auth_session_revoke(call: Call) -> Answer:
    """Within five seconds. Twice is once."""
    await call.execute(RevokeSession(session_id=call.id(SessionId, "session_id")))
    return call.nothing()


@endpoints.delete(
    "/api/auth/sessions",
    "auth_session_revoke_others",
    Who.CUSTOMER,
    "Sign every other device out",
    problems=("conflict",),
)
async def auth_session_revoke_others(call: Call) -> Answer:
    """All but the one that asks, within five seconds."""
    await call.execute(RevokeOtherSessions())
    return call.nothing()
