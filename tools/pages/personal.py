"""docs/reference/personal-data.md, from the register of columns."""

from shop.adapters.sql.schema.personal import PERSONAL, About, columns_about
from tools.pages.page import Page, table

_ABOUT = """
What the shop keeps of people, table by table: what a record of processing activities (GDPR, article 30) has to list of
the database. [People](../accounts.md) tells how somebody gets their own data and how they are forgotten.
"""


def _body() -> str:
    parts = []
    for about in About:
        if about is About.SHOP:
            continue
        rows = [
            (f"`{name}`", ", ".join(f"`{column}`" for column in columns_about(name, about)))
            for name in sorted(PERSONAL)
            if columns_about(name, about)
        ]
        parts.append(
            f"## {about.name.capitalize()}\n\n{about.value.capitalize()}.\n\n" + table(("table", "columns"), rows)
        )
    rest = ", ".join(f"`{name}`" for name in sorted(PERSONAL) if set(PERSONAL[name].columns) == {About.SHOP})
    parts.append(f"## Nobody\n\nOf the shop and its goods only: {rest}.")
    return "\n\n".join(parts)


PERSONAL_DATA = Page("personal-data.md", "Personal data", _ABOUT, "`src/shop/adapters/sql/schema/personal.py`", _body)
