"""Whether a message holds what its types say, so that every storage refuses the same: mypy sees it, Python does not.

Memory would keep a status that is none, and fall over it in the next list; SQL would refuse it in words of its own.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from attrs import fields, frozen, has

from shop.domain.kernel.errors import Flaw, Invalid

Fits = Callable[[Any], bool]
_EXACT = (bool, bytes, NoneType)
"""Where a subclass would be something else: True is no quantity."""
_BITS_MAX = 1_000
"""Of a number: what is out of bounds can be told in the bounds' own words, but Python writes none of 4,300 digits."""
_OPEN: tuple[Any, ...] = (Any, object)


def check_types(message: Any) -> None:
    """Raises Invalid for the first attribute that is not of its type. Times need a zone, and a date in UTC."""
    wrong = _first_wrong(message)
    if wrong is not None:
        what, found = _name(wrong.kind), getattr(message, wrong.name)
        told = _told(found) if wrong.shown else f"this {type(found).__name__}"
        raise Invalid(
            f"{type(message).__name__} takes {what} for {wrong.name}, not {told}.",
            flaws=(Flaw(f"/{wrong.name}", "wrong_type", f"This is not {what}."),),
        )


def _told(found: Any) -> str:
    try:
        return f"{found!r:.80}"
    except ValueError:  # there is a number in it that Python does not write
        return f"this {type(found).__name__}"


@frozen
class _Attribute:
    """`sure` are the classes of which every value fits: most need no further look. Secrets are not `shown`."""

    name: str
    kind: Any
    shown: bool
    default: Any
    sure: frozenset[type]
    fits: Fits


def _first_wrong(thing: Any) -> _Attribute | None:
    kind: Any = type(thing)
    for one in _attributes(kind):
        value = getattr(thing, one.name)
        if type(value) not in one.sure and value is not one.default and not one.fits(value):
            return one
    return None


@cache
def _attributes(kind: type) -> tuple[_Attribute, ...]:
    if not has(kind):
        return ()  # a message that says nothing
    hints = get_type_hints(kind)
    found = (
        _Attribute(
            one.name, hints[one.name], bool(one.repr), one.default, _sure(hints[one.name]), _fits(hints[one.name])
        )
        for one in fields(kind)
    )
    return tuple(one for one in found if one.fits is not _anything)


@cache
def _sure(kind: Any) -> frozenset[type]:
    if get_origin(kind) in (Union, UnionType):
        return frozenset[type]().union(*map(_sure, get_args(kind)))
    plain = isinstance(kind, type) and get_origin(kind) is None and not has(kind) and kind not in (datetime, int)
    return frozenset({kind}) if plain else frozenset()


@cache
def _fits(kind: Any) -> Fits:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either([_fits(one) for one in arguments])
    if origin is Literal:
        return lambda value: value in arguments
    if origin is tuple and arguments[-1] is not ...:
        return _row([_fits(one) for one in arguments])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_fits(arguments[0]), _fits(arguments[1]))
    if isinstance(origin, type) and issubclass(origin, (Sequence, Set)):
        return _many(origin, _fits(arguments[0]))
    return _single(kind) if isinstance(kind, type) and kind not in _OPEN else _anything


def _single(kind: type[Any]) -> Fits:
    if kind in _EXACT:
        return lambda value: type(value) is kind
    if kind is int:
        return lambda value: type(value) is int and value.bit_length() <= _BITS_MAX
    if kind is datetime:
        return lambda value: isinstance(value, datetime) and value.tzinfo is not None and _has_date(value)
    if getattr(kind, "_is_protocol", False):
        return _anything
    if has(kind):
        return lambda value: isinstance(value, kind) and _first_wrong(value) is None
    return lambda value: isinstance(value, kind)


def _has_date(moment: datetime) -> bool:
    """In UTC, in which everything is stored: the last evening of the year 9999 west of Greenwich has none."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _anything(_: Any) -> bool:
    return True


def _either(checks: Sequence[Fits]) -> Fits:
    return lambda value: any(fits(value) for fits in checks)


def _row(checks: Sequence[Fits]) -> Fits:
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(fits(each) for fits, each in zip(checks, value, strict=True))
    )


def _many(kind: type[Any], fits: Fits) -> Fits:
    def check(value: Any) -> bool:
        return isinstance(value, kind) and not isinstance(value, str) and all(fits(one) for one in value)

    return check


def _mapping(key: Fits, fits: Fits) -> Fits:
    def check(value: Any) -> bool:
        return isinstance(value, Mapping) and all(map(key, value.keys())) and all(map(fits, value.values()))

    return check


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind).replace("typing.", "")
