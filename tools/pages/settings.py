"""docs/reference/settings.md, from the settings themselves."""

import attrs

from shop.entrypoints.settings import Settings
from tools.pages.page import Page, table

_ABOUT = """
All settings are environment variables. `shop doctor` says what is wrong with them.
"""
_MORE = """
`shop serve`, `shop worker` and `shop db` use `sqlite:///shop.sqlite3` where `SHOP_DATABASE_URL` is not set; so do the
other commands, unless there is only a demo in the folder (`shop-demo`): then they speak to that, and say so.
`shop.open_shop()` keeps everything in memory. `SHOP_PAYMENTS`, `SHOP_MAIL` and `SHOP_PASSWORDS` may also name an
adapter of an installed package, which finds its own variables in the same environment.

A rate limit is requests/seconds such as `600/60`, or `off`. The usual ones are a hundred times as high outside
production, where `SHOP_RATE_LIMIT=off` also turns off those classes that have no limit of their own; in production it
does not.
[The door](../security.md) says what is counted how.

In production (`SHOP_ENV=production`) the shop refuses to start with the default secret, the fake provider, storage in
memory, mail that nobody gets, passwords that are quick to guess, a base URL or an origin without TLS, or
`SHOP_LOG_LEVEL=DEBUG`. `*` is neither an origin nor a host anywhere.
"""


def _body() -> str:
    rows = []
    for attribute in attrs.fields(Settings):
        about = attribute.metadata
        if "variable" in about:
            default = f"`{attribute.default}`" if attribute.default != "" else ""
            if attribute.name == "secret_key":
                default = "(for development only)"
            rows.append((f"`{about['variable']}`", default, about["help"]))
    return table(("variable", "default", "meaning"), rows) + "\n" + _MORE


SETTINGS = Page("settings.md", "Settings", _ABOUT, "`src/shop/entrypoints/settings.py`", _body)
