"""Work that goes on when the client has hung up: money was about to move, and somebody wants to know how it ended."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")

# The loop itself holds tasks weakly.
_under_way: "set[asyncio.Task[Any]]" = set()


async def carried_through(work: Coroutine[Any, Any, R]) -> R:
    """Waits for the work; whoever stops waiting does not stop the work."""
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)
