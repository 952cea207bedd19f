"""`make bench` goes all its ways: with figures too small to mean anything, so that it cannot rot."""

from io import StringIO

import pytest
from rich.console import Console

from benchmarks.effort import TINY
from benchmarks.measuring import ROUND_TRIPS_MOST, measure
from benchmarks.report import Row, Sample, Target, median

pytestmark = pytest.mark.integration

NAMES = {
    "list of 20",
    "product",
    "search by word",
    "list of 20, remembered",
    "product, remembered",
    "list of 20, signed in, warm",
    "list of 20, signed in, cold",
    "product, signed in, warm",
    "product, signed in, cold",
    "place order, in process",
    "add to cart",
    "place and pay an order",
    "full guest checkout",
    "checkout, everybody buys the same",
}


def test_the_benchmark_measures_everything_beside_its_limit() -> None:
    steps: list[str] = []
    report = measure(TINY, scale=True, tell=steps.append)
    told = report.as_json()
    assert {row["name"] for row in told["rows"]} == NAMES
    for row in told["rows"]:
        assert row["per_second"] > 0, row
        assert row["limit"] is None or row["limit"]["per_second"] > 0, row
    assert {target["what"].removesuffix(": round trips") for target in told["round_trips"]} == set(ROUND_TRIPS_MOST)
    assert all(target["met"] for target in told["round_trips"])
    assert {line["products"] for line in told["scale"]} == set(TINY.scale)
    out = StringIO()
    report.print(Console(file=out, width=190))
    assert all(name in out.getvalue() for name in NAMES)
    assert len(steps) >= 4


def test_a_target_that_is_missed_says_so() -> None:
    slow = Target(what="rate", value=0.5, bound=0.75, at_most=False)
    dear = Target(what="CPU", value=1.5, bound=1.4, at_most=True)
    good = Target(what="CPU", value=1.4, bound=1.4, at_most=True)
    assert ["MISSED" in str(target) for target in (slow, dear, good)] == [True, True, False]
    sample = Sample(per_second=10.0, app_cpu_us=300.0)
    limit = Sample(per_second=20.0, app_cpu_us=200.0)
    row = Row(name="list", concurrency=1, shop=sample, limit_name="driver", limit=limit, targets=(dear,)).as_json()
    assert row["ratio"] == {"throughput": 0.5, "app_cpu": 1.5}
    assert not row["targets"][0]["met"]


def test_rounds_are_told_by_their_median() -> None:
    assert median([Sample(per_second=rate) for rate in (5.0, 900.0, 7.0)]).per_second == 7.0
