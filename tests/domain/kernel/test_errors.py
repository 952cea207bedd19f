"""Errors have a kind and a code each; codes are stable, so two errors that differ do not share one by accident."""

import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator

import pytest

import shop.domain
from shop.domain.kernel.errors import Conflict, Flaw, Forbidden, Invalid, NotFound, ShopError, Unavailable

KINDS = (Invalid, NotFound, Conflict, Forbidden, Unavailable)


def errors_below(kind: type[ShopError]) -> Iterator[type[ShopError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from errors_below(child)


def all_errors() -> list[type[ShopError]]:
    for module in pkgutil.walk_packages(shop.domain.__path__, "shop.domain."):
        importlib.import_module(module.name)
    return [each for each in errors_below(ShopError) if each.__module__.startswith("shop.domain")]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_every_error_is_of_one_kind_with_a_code_and_a_title(error: type[ShopError]) -> None:
    assert error is ShopError or sum(issubclass(error, kind) for kind in KINDS) == 1
    assert re.fullmatch("[a-z]+(_[a-z]+)*", error.code)
    assert error.title
    assert not error.title.endswith(".")


def test_what_happened_is_told_with_the_flaws() -> None:
    flaw = Flaw("/name", "length", "Too long")
    error = Invalid("No.", hint="Shorten it.", flaws=(flaw,))
    assert (str(error), error.detail, error.hint, error.flaws) == ("No.", "No.", "Shorten it.", (flaw,))


def test_without_words_of_its_own_an_error_says_its_title_and_hint() -> None:
    error = Unavailable()
    assert (error.detail, error.hint, error.flaws) == (Unavailable.title, Unavailable.default_hint, ())


class Needs(Forbidden):
    """An error that is made of something else than its text."""

    def __init__(self, scope: str, seconds: int) -> None:
        super().__init__(f"This needs {scope}.", flaws=(Flaw("/scope", "scope", scope),))
        self.seconds = seconds


def test_an_error_is_the_same_in_another_process() -> None:
    error = Needs("orders:read", 5)
    error.denied_thing = "order_1"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is Needs
    assert (str(again), vars(again)) == (str(error), vars(error))
