"""How a test of a contract is run: in an event loop of its own, on a thing opened for it, and not for ever."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Protocol, TypeVar

import pytest

STORY_SECONDS = 60.0
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class Promises(Protocol[S_co]):
    """What opens the thing that a contract is about, and names the tests that cannot be run against it."""

    leaves_out: ClassVar[Mapping[str, str]]

    def open_subject(self) -> AbstractAsyncContextManager[S_co]: ...


def alone(story: Callable[[Any, S], Awaitable[None]]) -> Callable[[Any], None]:
    """Makes a test of a story. pytest is all it needs."""

    @functools.wraps(story)
    def test(contract: Promises[S]) -> None:
        if reason := contract.leaves_out.get(story.__name__):
            pytest.skip(reason)

        async def play() -> None:
            async with asyncio.timeout(STORY_SECONDS), contract.open_subject() as subject:
                await story(contract, subject)

        asyncio.run(play())

    # pytest reads what a test needs from its signature: this one needs only itself.
    test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    )
    return test
