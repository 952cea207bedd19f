"""Runs localstripe for the tests: on 127.0.0.1 only, at a port of its own, with its store in a file of ours.

    python -m tests.localstripe_runner STORE_FILE

Prints the port and serves until it is stopped.
"""

import asyncio
import pickle
import sys
from pathlib import Path

from aiohttp import web
from localstripe import resources
from localstripe.server import app


def keep_store_in(path: Path) -> None:
    """localstripe writes its store to one fixed place for everybody; ours goes where we say."""

    def dump_to_disk(store: object) -> None:
        path.write_bytes(pickle.dumps(store))

    resources.Store.dump_to_disk = dump_to_disk


async def serve() -> None:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    keep_store_in(Path(sys.argv[1]))
    asyncio.run(serve())
