"""Which language to answer in."""

from functools import lru_cache

from babel import Locale, UnknownLocaleError

from shop.entrypoints.representation import DEFAULT_LOCALE

_HEADER_LENGTH_MAX, _RANGES_MAX = 200, 10


@lru_cache(maxsize=1024)
def locale_of(accept_language: bytes) -> str:
    """The known language that the reader likes best, English if there is none: “de-CH,fr;q=0.8” is de-CH."""
    header = accept_language[:_HEADER_LENGTH_MAX].decode("latin-1")
    wanted = [_weighted(part) for part in header.split(",")[:_RANGES_MAX]]
    for weight, tag in sorted(wanted, key=lambda pair: -pair[0]):
        if weight > 0 and (known := _known(tag)):
            return known
    return DEFAULT_LOCALE


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.strip().partition(";")
    name, _, value = parameter.strip().partition("=")
    try:
        return (float(value) if name.strip() == "q" else 1.0), tag.strip()
    except ValueError:
        return 0.0, tag


def _known(tag: str) -> str:
    for candidate in (tag, tag.partition("-")[0]):
        try:
            locale = Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
        return str(locale).replace("_", "-")
    return ""
