"""S-52: no pattern of ours runs long, whatever it is given."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest

import shop
from shop.entrypoints.http.table import ENDPOINTS

LENGTH = 50_000
SECONDS_MAX = 0.010
# What text patterns mean something to: each is tried alone, in pairs, and with an end that does not fit.
PIECES = ("a", "A", "0", "4", " ", "-", "_", ".", ":", "/", "@", '"', "[", ",")
WORDS = (
    "a.",
    "a-",
    "a@",
    "4 ",
    "://a:",
    "sk_a_",
    "eyJa.",
    "password=",
    "Bearer ",
    "a@b.",
    "-eyJ",
    " at `$.a",
    "%40",
    "é",
)
ENDS = ("", "!")
SEARCHING = re.compile(r"\.(?:search|sub|finditer|findall|split)\(")


def modules(package: ModuleType = shop) -> Iterator[ModuleType]:
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations." not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from patterns_in(each)
    elif isinstance(value, tuple | list | frozenset | set):
        for each in value:
            yield from patterns_in(each)


def written(kind: Any) -> Iterator[str]:
    """Patterns that bodies are checked by."""
    if isinstance(kind, dict):
        if isinstance(pattern := kind.get("pattern"), str):
            yield pattern
        for each in kind.values():
            yield from written(each)
    elif isinstance(kind, list):
        for each in kind:
            yield from written(each)


class Used(NamedTuple):
    """A pattern, and whether it looks for its place by itself, which lets it begin anywhere."""

    pattern: re.Pattern[Any]
    searches: bool


def all_patterns() -> dict[str, Used]:
    found: dict[str, Used] = {}
    for module in modules():
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        for name, value in vars(module).items():
            alone = isinstance(value, re.Pattern)
            searches = bool(
                re.search(rf"\b{re.escape(name)}{SEARCHING.pattern}", source) if alone else SEARCHING.search(source)
            )
            for pattern in patterns_in(value):
                known = found.get(repr(pattern.pattern))
                found[repr(pattern.pattern)] = Used(pattern, searches or (known is not None and known.searches))
    bodies = [row.body for row in ENDPOINTS if row.body is not None]
    _, components = msgspec.json.schema_components(bodies)
    of_queries = (text for row in ENDPOINTS for each in row.query for text in written(dict(each.schema)))
    for text in [*written(dict(components)), *of_queries]:
        found.setdefault(repr(text), Used(re.compile(text), searches=True))
    return found


PATTERNS = all_patterns()


def attacks() -> Iterator[str]:
    for piece in (*PIECES, *WORDS, *(a + b for a in PIECES for b in PIECES if a != b)):
        for end in ENDS:
            yield (piece * (LENGTH // len(piece) + 1))[: LENGTH - len(end)] + end


def spent(used: Used, text: str) -> float:
    given: Any = text.encode() if isinstance(used.pattern.pattern, bytes) else text
    started = time.process_time()
    if used.searches:
        used.pattern.sub(given[:0], given)
    else:
        used.pattern.fullmatch(given)
        used.pattern.match(given)
    return time.process_time() - started


def ran_long(used: Used) -> str:
    """What made it run too long, three times of three."""
    for text in attacks():
        if all(spent(used, text) > SECONDS_MAX for _ in range(3)):
            return text[:40]
    return ""


def test_there_are_patterns_to_look_at() -> None:
    assert len(PATTERNS) > 20
    assert any("Bearer" in name or "bearer" in name for name in PATTERNS)


@pytest.mark.parametrize("name", sorted(PATTERNS), ids=lambda name: name[:60])
def test_s52_no_pattern_runs_long(name: str) -> None:
    assert ran_long(PATTERNS[name]) == ""


@pytest.mark.timeout(60)
def test_a_pattern_that_runs_long_is_seen() -> None:
    assert ran_long(Used(re.compile("a*b"), searches=True)) == "a" * 40


def test_s52_no_pattern_is_compiled_out_of_sight() -> None:
    """Those in functions would not be found above."""
    for module in modules():
        file = module.__file__ or ""
        if "/shop/adapters/contracts/" in file or not file:
            continue
        with open(file, encoding="utf-8") as lines:
            hidden = [
                line.strip()
                for line in lines
                if re.match(r"\s+.*\bre\.(compile|match|search|fullmatch|sub|findall|split)\(", line)
            ]
        assert [line for line in hidden if not line.startswith(("(re.compile(", "re.compile("))] == [], file
