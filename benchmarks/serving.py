"""`python -m benchmarks.serving PORT`: two server processes, exactly as `shop serve --workers 2` runs them.

With BENCH_APPLICATION they serve another application instead, in the same way.
"""

import os
import sys

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

from shop.entrypoints import run
from shop.entrypoints.settings import Settings

WORKERS = 2


def main(port: int) -> None:
    target = os.environ.get("BENCH_APPLICATION")
    if target is None:
        run.serve(Settings.from_environment(), host="127.0.0.1", port=port, workers=WORKERS)
        return
    Server(
        target,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        workers=WORKERS,
        loop=Loops.auto,
        factory=True,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    ).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
