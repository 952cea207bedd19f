"""A site with people."""

import pytest

from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.sites import OpenSite


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)
