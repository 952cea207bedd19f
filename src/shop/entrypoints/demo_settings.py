"""The settings of a demo's shop, by the names of their variables: for the demo, and for commands beside it."""

import json
from pathlib import Path
from typing import Any

DATABASE, CARD, SECRET = "shop.sqlite3", "card.json", "secret"
PROVIDER = ".provider"
"""What the fake provider's books are called after the database."""


def demo_settings(folder: Path, base_url: str, secret: str, database: str = DATABASE) -> dict[str, str]:
    path = folder.absolute() / database
    return {
        "SHOP_ENV": "demo",
        "SHOP_DATABASE_URL": f"sqlite:///{path}",
        "SHOP_FAKE_PAYMENTS_FILE": f"{path}{PROVIDER}",
        "SHOP_MAILBOX": str(folder.absolute() / "mail"),
        "SHOP_SECRET_KEY": secret,
        "SHOP_BASE_URL": base_url,
    }


def demo_with(database_url: str) -> Path | None:
    """The folder of the demo that has this database."""
    scheme, _, path = database_url.partition(":///")
    database = Path(path)
    demo = scheme == "sqlite" and database.name == DATABASE and (database.parent / CARD).exists()
    return database.parent if demo else None


def demo_settings_found(folder: Path) -> dict[str, str]:
    """Those of a demo that was started here before: what it signs, its mail and its provider are not another shop's."""
    base_url = read_card(folder / CARD).get("base_url")
    try:
        secret = (folder / SECRET).read_text(encoding="ascii")
    except (OSError, ValueError):
        secret = ""
    found = demo_settings(folder, base_url if isinstance(base_url, str) else "", secret)
    return {name: value for name, value in found.items() if value}


def read_card(path: Path) -> dict[str, Any]:
    """What a card says; nothing when there is none that can be read."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
