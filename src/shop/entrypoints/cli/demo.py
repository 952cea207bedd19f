"""`shop demo`: a whole shop in one command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import console

# Server, database and web framework are loaded by the command: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.entrypoints.demo.card import Card


def demo(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")] = 8000,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo keeps its database and card.")] = Path(
        "shop-demo"
    ),
) -> None:
    """Start a seeded shop with a worker inside, and print its card. Ctrl+C stops it."""
    from shop.entrypoints import run

    run.demo(folder, port, lambda card: show_card(card, folder))


def _typed() -> str:
    """How this program was called: in a clone `.venv/bin/shop`, while nobody has activated that."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "shop" and not called.is_absolute() else "shop"


def show_card(card: "Card", folder: Path) -> None:
    """What a newcomer needs to know, on one screen."""
    from rich.panel import Panel
    from rich.table import Table

    from shop import __version__

    lines = Table(box=None, show_header=False, pad_edge=False)
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    lines.add_row("API", card.api_url)
    lines.add_row("Docs", card.docs_url)
    lines.add_row("OpenAPI", card.openapi_url)
    lines.add_row("Secret key", card.secret_key)
    lines.add_row("", f"also in {folder / 'card.json'}, for programs")
    lines.add_row(
        "Inside", f"{card.products} products, {card.orders} orders, a worker; payments: fake_card, no money moves"
    )
    lines.add_row("Try", card.curl)
    lines.add_row("", f"curl -s {card.api_url}/admin/orders?limit=1 -H 'Authorization: Bearer {card.secret_key}'")
    if card.setup_url:
        lines.add_row("Owner", f"{card.setup_url}  (once)")
    lines.add_row("Watch", f"SHOP_DATABASE_URL=sqlite:///{folder / 'shop.sqlite3'} {_typed()} events tail")
    lines.add_row("Stop", "Ctrl+C")
    out = console()
    if out.is_terminal:
        out.print(Panel(lines, title=f"shop {__version__} · demo shop “{card.shop}”", expand=False))
    else:
        # Folded in a file or a pipe, no address could be copied.
        for cells in zip(*(column.cells for column in lines.columns), strict=True):
            out.print("  ".join(f"{cell}" for cell in cells).strip(), soft_wrap=True, markup=False)
