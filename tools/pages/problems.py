"""docs/reference/problems.md, from the catalogue of problems and from the errors themselves."""

import importlib
import pkgutil

import shop
from shop.domain.kernel.errors import ShopError
from shop.entrypoints.cli.output import EXIT_CODES, exit_code
from shop.entrypoints.http.problems import PROBLEMS
from tools.pages.page import Page, first_paragraph, table

_ABOUT = f"""
Every error has a stable `code`; programs look at nothing else. Over HTTP it comes as `application/problem+json`
(RFC 9457), and a running shop explains each code at `/problems/<code>`. On the command line it is printed with its
hint, and its kind is the exit code: {", ".join(f"{kind.__name__} {number}" for kind, number in EXIT_CODES)}.

A 409 of `conflict`, a 429 and every 503 may be repeated with the same `Idempotency-Key`; the others need another
request.
"""
_APART = ("shop.adapters.contracts", "shop.adapters.sql.migrations")


def errors_by_code() -> dict[str, list[type[ShopError]]]:
    """All errors that the shop defines, by their code."""
    for module in pkgutil.walk_packages(shop.__path__, "shop."):
        if not module.name.startswith(_APART) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, list[type[ShopError]]] = {}
    waiting: list[type[ShopError]] = [ShopError]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("shop.") and kind is not ShopError:
            found.setdefault(kind.code, []).append(kind)
    return {code: sorted(kinds, key=_rank) for code, kinds in found.items()}


def _rank(kind: type[ShopError]) -> tuple[bool, bool, str]:
    """Who defines the code before who takes it over, one technology's last; never as they were imported."""
    return "code" not in vars(kind), kind.__module__.startswith("shop.adapters."), str(kind)


def _hint(kinds: list[type[ShopError]]) -> str:
    """What whoever defines the code advises."""
    return next((kind.default_hint for kind in kinds if "code" in vars(kind) and kind.default_hint), "")


def _body() -> str:
    errors = errors_by_code()
    answered = [
        (f"`{code}`", ", ".join(map(str, problem.statuses)), problem.meaning, _hint(errors[code]))
        for code, problem in sorted(PROBLEMS.items())
    ]
    others = [
        (f"`{code}`", str(exit_code(kinds[0]())), first_paragraph(kinds[0].__doc__) or kinds[0].title, _hint(kinds))
        for code, kinds in sorted(errors.items())
        if code not in PROBLEMS
    ]
    return "\n".join(
        (
            "## Over HTTP\n",
            table(("code", "status", "meaning", "hint"), answered),
            "\n## At the start, on the command line and inside a program only\n",
            table(("code", "exit code", "meaning", "hint"), others),
        )
    )


PROBLEMS_PAGE = Page(
    "problems.md", "Problem codes", _ABOUT, "`src/shop/entrypoints/http/problems.py` and the errors themselves", _body
)
