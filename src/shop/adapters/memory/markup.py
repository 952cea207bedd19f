"""Descriptions without any tags, where the library that tells good ones from bad is not installed."""

from html import escape
from html.parser import HTMLParser

from shop.application.ports.markup import Markup
from shop.application.ports.options import Options

_SILENT = frozenset({"script", "style", "template", "iframe", "noscript", "title", "textarea"})
# These begin a new line where they stand.
_LINES = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"})


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT and not self._silent:
            self._silent = tag
        if tag in _LINES and self.parts:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


class PlainMarkup:
    """Words only, escaped."""

    def clean(self, text: str) -> str:
        if "<" not in text:
            return text
        words = _Words()
        words.feed(text)
        words.close()
        return escape("".join(words.parts), quote=False)


def open_plain_markup(_options: Options) -> Markup:
    return PlainMarkup()
