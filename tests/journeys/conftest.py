"""Journeys go over both databases, each test on one of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.branches import Branches, open_branches


@pytest.fixture
async def branches(shop_url: str) -> AsyncIterator[Branches]:
    """Four branches of a shop on either database."""
    async with open_branches(shop_url) as opened:
        yield opened
