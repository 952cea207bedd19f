"""Whatever is asked in whatever order: no 5xx, and every rule holds afterwards."""

import logging

import pytest

from tests.entrypoints.http.sites import OpenSite
from tests.entrypoints.http.walking import walk
from tests.scale import rounds

STEPS = 150


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(rounds(12, in_full=1_000)))
async def test_no_order_of_requests_breaks_it(site: OpenSite, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "shop"):
        stranger = await walk(site, seed, STEPS)
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
    done = [step for step in stranger.trail if step.endswith(("200", "201", "202", "204"))]
    assert len(done) > STEPS / 3
