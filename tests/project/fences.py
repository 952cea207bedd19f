"""The blocks of code in a page of Markdown, with what a comment above them promises of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"((?:^<!--.*?-->\n)*)^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMISE = re.compile(r"<!-- (\w+)(?:: (.*?))? -->")


class Fence(NamedTuple):
    """A block: `says` is in what it prints, `file` is a module that others import, `pytest` runs it as tests."""

    language: str
    code: str
    says: str
    file: str
    is_test: bool


def fences(page: Path) -> Iterator[Fence]:
    """All blocks of the page, in order."""
    for comments, language, code in _BLOCK.findall(page.read_text(encoding="utf-8")):
        promises = dict(_PROMISE.findall(comments))
        yield Fence(language, code, promises.get("says", ""), promises.get("file", ""), "pytest" in promises)
