"""A shop over HTTP, in this process: a small shop, the fake provider, a client that speaks ASGI."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.entrypoints.http.sites import OpenSite, open_site


@pytest.fixture
async def site() -> AsyncIterator[OpenSite]:
    async with open_site() as opened:
        yield opened


@pytest.fixture
def client(site: OpenSite) -> httpx.AsyncClient:
    """A guest."""
    return site.guest


@pytest.fixture
def staff(site: OpenSite) -> httpx.AsyncClient:
    """Somebody with a key to everything."""
    return site.staff
