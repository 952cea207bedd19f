"""pgbench: how fast PostgreSQL alone does what one unit of work makes it do."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.processes import Tree
from benchmarks.report import Sample
from benchmarks.templates import Mould
from shop.adapters.sql.postgres import SERVER_SETTINGS
from tests.servers import postgres_programs

_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+)", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_PLANNING = ("plan_cache_mode", "enable_seqscan", "jit", "synchronous_commit")


def pgbench(url: str, mould: Mould, *, first: int, clients: int, each: int, database: Tree) -> Sample:
    """The statements of the mould, prepared: each client does `each` units, numbered from `first` on.

    Raises RuntimeError with what pgbench complained of.
    """
    options = " ".join(f"-c {name}={SERVER_SETTINGS[name]}" for name in _PLANNING if name in SERVER_SETTINGS)
    with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder:
        script = Path(folder) / "unit.sql"
        script.write_text(mould.pgbench(first, each))
        before = database.cpu_microseconds()
        command = [postgres_programs() / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}"]
        command += [f"--transactions={each}", "--define=done=0", f"--file={script}", url]
        done = subprocess.run(
            list(map(str, command)),
            env={**os.environ, "PGOPTIONS": options},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    units = _found(_DONE, done.stdout)
    if done.returncode or not units:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-2000:]}")
    return Sample(
        per_second=_found(_RATE, done.stdout),
        p50_ms=_found(_LATENCY, done.stdout),
        postgres_cpu_us=(database.cpu_microseconds() - before) / units,
    )


def _found(pattern: re.Pattern[str], text: str) -> float:
    match = pattern.search(text)
    return float(match[1]) if match else 0.0
