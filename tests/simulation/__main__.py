"""Runs one seed and prints all that happened, or many and prints what fails.

python -m tests.simulation SEED
python -m tests.simulation FIRST COUNT
python -m tests.simulation FIRST COUNT prints
"""

import sys
import time
from collections.abc import Sequence

from attrs import frozen
from pytest import MonkeyPatch  # noqa: PT013 - a type, not a fixture

from tests.invariants import Broken
from tests.simulation.bugs import BUGS, Plant
from tests.simulation.cast import everybody
from tests.simulation.chances import chances_of
from tests.simulation.world import Outcome, SeedFailed, World


def run(seed: int) -> Outcome:
    """One run. Raises SeedFailed."""
    return World(chances_of(seed)).run(everybody)


def footprint(seed: int) -> str:
    """What is the same whenever and wherever this seed runs: every pick of the loop, and the state at the end."""
    outcome = run(seed)
    return f"{outcome.seed} {outcome.steps} {outcome.fingerprint:012x} {outcome.state}"


def show(seed: int) -> None:
    """Prints the whole run of one seed. Raises SeedFailed."""
    world = World(chances_of(seed), tracing=True)
    try:
        outcome = world.run(everybody)
    finally:
        print("\n".join([*world.chances.lines, *world.trace]))
    print(outcome)


def survey(seeds: Sequence[int]) -> int:
    """Runs many seeds, and prints those that fail and how fast it went. How many failed."""
    began, steps, failed = time.process_time(), 0, 0
    for seed in seeds:
        try:
            steps += run(seed).steps
        except SeedFailed as error:
            failed += 1
            print(f"seed {seed}: {error.what!r}", flush=True)
    seconds = time.process_time() - began
    each = 1000 * seconds / len(seeds)
    print(f"{len(seeds)} seeds, {failed} failed; {each:.0f} ms each, {steps:,} steps, {steps / seconds:,.0f} a second")
    return failed


@frozen
class Found:
    """How a planted bug was found: after how many seeds, and the rule that it broke."""

    seeds: int
    rule: str


def seeds_until_found(plant: Plant, most: int, first: int = 0) -> Found | None:
    """Runs worlds in which this bug is planted, until one breaks a rule: those from `first` on, then those before."""
    for tried, seed in enumerate([*range(first, most), *range(first)], 1):
        with MonkeyPatch.context() as patch:
            plant(patch)
            try:
                run(seed)
            except SeedFailed as error:
                rule = str(error.what).partition(":")[0] if isinstance(error.what, Broken) else repr(error.what)
                return Found(tried, rule)
    return None


def show_bugs() -> int:
    """Prints after how many seeds each planted bug was found, as rows of a table. 1 when one was not."""
    missed = 0
    for plant in BUGS:
        found = seeds_until_found(plant, 1_000)
        missed += found is None
        about = (plant.__doc__ or "").strip()
        print(f"| `{plant.__name__}` | {about} | {found.rule if found else '-'} | {found.seeds if found else '-'} |")
    return min(missed, 1)


def main(arguments: Sequence[str]) -> int:
    """0 when no rule was broken."""
    if arguments == ["bugs"]:
        return show_bugs()
    numbers = [int(argument) for argument in arguments[:2]]
    if len(numbers) == 1:
        show(numbers[0])
        return 0
    seeds = range(numbers[0], sum(numbers))
    if arguments[2:] == ["prints"]:
        print("\n".join(footprint(seed) for seed in seeds))
        return 0
    return min(survey(seeds), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
