"""Writes docs/reference/settings.md from the settings themselves. Run: python -m tools.write_settings"""

from pathlib import Path

import attrs

from shop.entrypoints.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
_HEAD = """# Settings

All settings are environment variables. `shop doctor` says what is wrong with them. This page is written by
`python -m tools.write_settings`.

| variable | default | meaning |
|---|---|---|
"""
_FOOT = """
`shop serve`, `shop worker` and the other commands use `sqlite:///shop.sqlite3` where `SHOP_DATABASE_URL` is not set;
`shop.open_shop()` keeps everything in memory. `SHOP_PAYMENTS` may also name an adapter of an installed package, which
finds its own variables in the same environment.

In production (`SHOP_ENV=production`) the shop refuses to start with the default secret, the fake provider, storage in
memory, or a base URL without TLS.
"""


def page() -> str:
    """The page as it should be."""
    rows = []
    for attribute in attrs.fields(Settings):
        about = attribute.metadata
        if "variable" in about:
            default = "(for development only)" if attribute.name == "secret_key" else f"`{attribute.default}`"
            rows.append(f"| `{about['variable']}` | {default if attribute.default != '' else ''} | {about['help']} |")
    return _HEAD + "\n".join(rows) + "\n" + _FOOT


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
