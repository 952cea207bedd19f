"""Whether a request to Stripe has the shape that the installed library describes for it: its own TypedDicts decide."""

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import stripe.params
import stripe.params.radar

_ELSEWHERE = {"StripeContext": Any, "Mapping": Mapping}
"""What the shapes name and only a type checker would import."""
_PARAMS = re.compile(r"\w+Params")


def shape_of(method: Any) -> Any:
    """The TypedDict of the parameters that a method of one of the library's services takes."""
    [name] = _PARAMS.findall(str(method.__annotations__["params"]))
    return getattr(stripe.params, name, None) or getattr(stripe.params.radar, name)


def flaws(value: Any, hint: Any, where: str = "") -> list[str]:
    """What of the value does not fit: keys that do not exist, keys that are missing, values of another kind."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Annotated, NotRequired, Required):
        return flaws(value, arguments[0], where)
    if origin in (Union, types.UnionType):
        tried = [flaws(value, one, where) for one in _known_words(arguments)]
        return [] if [] in tried else min(tried, key=len)
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        return _flaws_of_dict(value, hint, where)
    if origin is Literal:
        return [] if value in arguments else [f"{where}: {value!r} is none of {arguments}"]
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            return [f"{where}: {value!r} is no list"]
        return [flaw for n, one in enumerate(value) for flaw in flaws(one, arguments[0], f"{where}[{n}]")]
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            return [f"{where}: {value!r} is no mapping"]
        return [flaw for name, one in value.items() for flaw in flaws(one, arguments[1], f"{where}[{name}]")]
    if hint is Any:
        return []
    if type(value) is hint or (hint is str and isinstance(value, str)) or (hint is float and type(value) is int):
        return []
    return [f"{where}: {value!r} is no {hint}"]


def _known_words(alternatives: tuple[Any, ...]) -> list[Any]:
    """Where the library lists words and also takes any other, for versions to come, we keep to those listed."""
    words = [one for one in alternatives if get_origin(one) is Literal and get_args(one) != ("",)]
    return [one for one in alternatives if not (words and one is str)]


def _flaws_of_dict(value: Any, shape: Any, where: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{where}: {value!r} is no {shape.__name__}"]
    hints = get_type_hints(shape, localns=_ELSEWHERE, include_extras=True)
    # Each shape also allows the options of how a request is sent; those are passed beside it.
    hints = {name: hint for name, hint in hints.items() if name not in stripe.RequestOptions.__annotations__}
    found = [f"{where}.{name} does not exist" for name in sorted(value.keys() - hints.keys())]
    required = [name for name, hint in hints.items() if get_origin(hint) is not NotRequired]
    found += [f"{where}.{name} is missing" for name in required if name not in value]
    return found + [
        flaw for name in value.keys() & hints.keys() for flaw in flaws(value[name], hints[name], f"{where}.{name}")
    ]
