"""Rounds of load, turn and turn about between the shop and what stands beside it, so that both see the same weather."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import uvloop
from attrs import frozen

from benchmarks.load import Script, put_load
from benchmarks.processes import HttpServer, Tree
from benchmarks.report import Sample, median

Scripts = Callable[[], Script | None]


@frozen
class Pace:
    """How long and how often."""

    warm_up_seconds: float
    round_seconds: float
    rounds: int


@frozen
class Load:
    """Load for one server."""

    server: HttpServer
    scripts: Scripts
    concurrency: int
    database: Tree

    def round(self, seconds: float) -> Sample:
        """Raises AnswerWrong."""
        before = self.server.tree.cpu_microseconds(), self.database.cpu_microseconds()
        own = time.process_time()
        found = uvloop.run(put_load(self.server.port, self.concurrency, self.scripts, seconds))
        units = max(len(found.latencies), 1)
        return Sample(
            per_second=found.per_second,
            p50_ms=found.percentile_ms(50),
            p99_ms=found.percentile_ms(99),
            app_cpu_us=(self.server.tree.cpu_microseconds() - before[0]) / units,
            postgres_cpu_us=(self.database.cpu_microseconds() - before[1]) / units,
            load_cpu_share=(time.process_time() - own) / found.seconds,
        )


def take_turns(what: Mapping[str, Callable[[float], Sample]], pace: Pace) -> dict[str, Sample]:
    """The medians of several rounds of each, one after the other, after a round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name in what}
    for run in what.values():
        run(pace.warm_up_seconds)
    for _ in range(pace.rounds):
        for name, run in what.items():
            samples[name].append(run(pace.round_seconds))
    return {name: median(taken) for name, taken in samples.items()}


def in_turn(names: Sequence[Any]) -> Callable[[], Any]:
    """One after the other, from the beginning again after the last."""
    position = 0

    def following() -> Any:
        nonlocal position
        position = (position + 1) % len(names)
        return names[position]

    return following
