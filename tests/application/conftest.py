"""What the tests of the application share: a small shop of their own for each."""

import pytest

from tests.shops import SmallShop, open_small_shop


@pytest.fixture
async def small() -> SmallShop:
    return await open_small_shop()
