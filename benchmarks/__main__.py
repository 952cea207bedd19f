"""`make bench`: measures the shop beside its limits, prints a table and writes build/bench.json."""

import argparse

from rich.console import Console

from benchmarks.effort import FULL, QUICK
from benchmarks.measuring import measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one to two minutes, rougher figures")
    parser.add_argument(
        "--no-scale", action="store_true", help="leave out the catalogues of 1,000 and 100,000 products"
    )
    parser.add_argument("--scale", action="store_true", help="measure them with --quick too")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    console = Console(width=190)
    report = measure(effort, scale=given.scale or not (given.quick or given.no_scale), tell=console.log)
    report.write()
    report.print(console)


if __name__ == "__main__":
    main()
