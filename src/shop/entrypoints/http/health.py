"""Whether the shop is up, for whoever keeps it running."""

import asyncio

from shop.domain.kernel.errors import Unavailable
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who

endpoints = Endpoints("system")
CHECK_SECONDS_MAX = 3.0
_STATUS = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}


class NotReady(Unavailable):
    title = "The shop is not ready"


@endpoints.get("/health/live", "health_live", Who.PUBLIC, "The process is up", shows=Shows(schema=_STATUS))
async def health_live(call: Call) -> Answer:
    """Answers as long as the process does."""
    return call.plain({"status": "live"})


@endpoints.get(
    "/health/ready",
    "health_ready",
    Who.PUBLIC,
    "The shop can sell",
    shows=Shows(schema=_STATUS),
    problems=("unavailable", "database_unavailable"),
)
async def health_ready(call: Call) -> Answer:
    """503 while the database cannot be reached or is behind on migrations; staff are told what is wrong."""
    try:
        await asyncio.wait_for(call.shop.ports.storage.check(), CHECK_SECONDS_MAX)
    except (Unavailable, TimeoutError) as error:
        detail = str(error) or "The database does not answer in time."
        raise NotReady(detail if call.actor.may("system:read") else "") from error
    return call.plain({"status": "ready"})
