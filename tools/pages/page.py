"""One generated page: a title, a few sentences, and a body that the code writes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_FOOT = "*Written by `python -m tools.pages` from {source}; a test keeps it current.*"


class Page(NamedTuple):
    """What to call it, what to say first, and what writes the rest from which part of the code."""

    file: str
    title: str
    about: str
    source: str
    body: Callable[[], str]

    def text(self) -> str:
        foot = _FOOT.format(source=self.source)
        return f"# {self.title}\n\n{self.about.strip()}\n\n{self.body().strip()}\n\n{foot}\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def first_paragraph(text: str | None) -> str:
    """What a docstring says before its first empty line, in one line."""
    return " ".join((text or "").strip().partition("\n\n")[0].split())
