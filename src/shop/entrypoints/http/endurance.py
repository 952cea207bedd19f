"""Work that goes on when the client has hung up: money was about to move, and somebody wants to know how it ended."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")
_log = logging.getLogger("shop.http")

# The loop itself holds tasks weakly.
_under_way: "set[asyncio.Task[Any]]" = set()


async def carried_through(work: Coroutine[Any, Any, R]) -> R:
    """Waits for the work; whoever stops waiting does not stop the work."""
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


def afterwards(work: Coroutine[Any, Any, Any]) -> None:
    """Begins the work and lets nobody wait for it; the worker does again what fails here."""
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_landed)


def _landed(task: "asyncio.Task[Any]") -> None:
    _under_way.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.info("left to the worker: %s", error)
