"""`shop serve` and `shop worker`: the processes of a shop."""

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="How many server processes.")] = 1,
    with_worker: Annotated[bool, typer.Option("--with-worker", help="Run a worker beside them.")] = False,
) -> None:
    """Serve the HTTP API until Ctrl+C or SIGTERM."""
    # Server and web framework are loaded here only: `shop --help` has to be quick.
    from attrs import evolve

    from shop.entrypoints import run
    from shop.entrypoints.cli.output import say
    from shop.entrypoints.cli.session import read_settings
    from shop.entrypoints.cli.users import setup_link

    settings = read_settings()
    if "SHOP_BASE_URL" not in settings.environment:
        # Links lead here, as long as nobody says how the shop is called.
        name = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        settings = evolve(settings, base_url=f"http://{name}:{port}")
    if link := setup_link(settings):
        say(f"There is no owner yet. Make one, once: {link}")
    run.serve(settings, host=host, port=port, workers=workers, with_worker=with_worker)


def worker() -> None:
    """Take events to those who wait for them, and do what is due, until Ctrl+C or SIGTERM."""
    from shop.entrypoints import run
    from shop.entrypoints.cli.session import read_settings

    run.work(read_settings())
