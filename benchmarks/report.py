"""What was measured, what it stands beside, and whether it is as good as it was meant to be."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, define, field, frozen
from rich.console import Console
from rich.table import Table

OUTPUT = Path("build/bench.json")


@frozen(kw_only=True)
class Sample:
    """One round: rates by the second, latencies in milliseconds, processor time per unit in microseconds."""

    per_second: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    app_cpu_us: float = 0.0
    postgres_cpu_us: float = 0.0
    load_cpu_share: float = 0.0
    """What the load generator took of one core."""


def median(samples: Sequence[Sample]) -> Sample:
    """The median of each figure over the rounds."""
    names = asdict(samples[0])
    return Sample(**{name: statistics.median(getattr(sample, name) for sample in samples) for name in names})


@frozen(kw_only=True)
class Target:
    """How good it is meant to be."""

    what: str
    value: float
    bound: float
    at_most: bool

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{self.what} {self.value:.2f} ({sign} {self.bound:g}) {'met' if self.met else 'MISSED'}"


@frozen(kw_only=True)
class Row:
    """A measurement beside its limit, which was measured in the same minute."""

    name: str
    concurrency: int
    shop: Sample
    limit_name: str = ""
    limit: Sample | None = None
    targets: tuple[Target, ...] = ()

    def as_json(self) -> dict[str, Any]:
        limit = self.limit
        ratio = None
        if limit is not None:
            ratio = {
                "throughput": round(self.shop.per_second / limit.per_second, 3) if limit.per_second else None,
                "app_cpu": round(self.shop.app_cpu_us / limit.app_cpu_us, 3) if limit.app_cpu_us else None,
            }
        return {
            "name": self.name,
            "concurrency": self.concurrency,
            **_rounded(self.shop),
            "limit": {"name": self.limit_name, **_rounded(limit)} if limit is not None else None,
            "ratio": ratio,
            "targets": [_target(target) for target in self.targets],
        }


@define
class Report:
    """Everything that one run found out."""

    settings: dict[str, Any]
    rows: list[Row] = field(factory=list)
    round_trips: list[Target] = field(factory=list)
    scale: list[dict[str, Any]] = field(factory=list)
    notes: list[str] = field(factory=list)

    def write(self) -> None:
        OUTPUT.parent.mkdir(exist_ok=True)
        OUTPUT.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n")

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": machine(),
            "settings": self.settings,
            "rows": [row.as_json() for row in self.rows],
            "round_trips": [_target(target) for target in self.round_trips],
            "scale": self.scale,
            "notes": self.notes,
        }

    def print(self, console: Console) -> None:
        table = Table(title="The shop beside its limits (medians; CPU in µs per unit)")
        for name in ("what", "clients", "a second", "p50 ms", "p99 ms", "app", "PostgreSQL"):
            table.add_column(name, justify="left" if name == "what" else "right", no_wrap=True)
        table.add_column("limit")
        for name in ("a second", "app", "rate ÷", "app ×"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*_cells(row))
        console.print(table)
        for target in [*(target for row in self.rows for target in row.targets), *self.round_trips]:
            console.print(f"  {target}", style="green" if target.met else "bold red", highlight=False)
        if self.scale:
            console.print(_scale_table(self.scale))
        for note in self.notes:
            console.print(f"  {note}", highlight=False)


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_average_at_end": os.getloadavg()[0],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _cells(row: Row) -> list[str]:
    shop, limit = row.shop, row.limit
    cells = [
        row.name,
        str(row.concurrency),
        f"{shop.per_second:,.0f}",
        f"{shop.p50_ms:.1f}" if shop.p50_ms else "",
        f"{shop.p99_ms:.1f}" if shop.p99_ms else "",
        f"{shop.app_cpu_us:,.0f}" if shop.app_cpu_us else "",
        f"{shop.postgres_cpu_us:,.0f}" if shop.postgres_cpu_us >= 1 else "",
    ]
    if limit is None:
        return [*cells, row.limit_name, "", "", "", ""]
    by_app = limit.app_cpu_us > 0
    return [
        *cells,
        row.limit_name,
        f"{limit.per_second:,.0f}",
        f"{limit.app_cpu_us:,.0f}" if by_app else "",
        f"{shop.per_second / limit.per_second:.0%}" if limit.per_second else "",
        f"{shop.app_cpu_us / limit.app_cpu_us:.2f}" if by_app else "",
    ]


def _scale_table(scale: list[dict[str, Any]]) -> Table:
    table = Table(title="The same question of a small and a large catalogue (in process, one after the other)")
    for name in ("what", "products", "median ms", "app CPU µs", "PostgreSQL CPU µs"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for line in scale:
        table.add_row(
            line["name"],
            f"{line['products']:,}",
            f"{line['median_ms']:.2f}",
            f"{line['app_cpu_us']:,.0f}",
            f"{line['postgres_cpu_us']:,.0f}",
        )
    return table


def _rounded(sample: Sample) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(sample).items()}


def _target(target: Target) -> dict[str, Any]:
    return {
        "what": target.what,
        "value": round(target.value, 3),
        "bound": target.bound,
        "kind": "at most" if target.at_most else "at least",
        "met": target.met,
    }
