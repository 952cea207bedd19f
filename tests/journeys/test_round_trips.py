"""How often the shop goes to its database: budgets, counted and not timed."""

import pytest

from benchmarks.catalogue import stock_up
from benchmarks.measuring import ROUND_TRIPS_MOST
from benchmarks.placing import cast_moulds
from shop.entrypoints.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.journey]


async def test_no_question_and_no_order_goes_to_the_database_more_often_than_its_budget(postgres_url: str) -> None:
    catalogue = await stock_up(postgres_url, 60)
    moulds = await cast_moulds(Settings(database_url=postgres_url, rate_limit="off"), catalogue)
    counted = moulds.round_trips
    over = {name: counted[name] for name, most in ROUND_TRIPS_MOST.items() if counted[name] > most}
    assert not over
    assert counted["place order, 1 line"] == counted["place order, 20 lines"], "a line costs no round trip"
    assert len(moulds.checkout.sent) == counted["full checkout"], "each transaction of a checkout is one statement"
