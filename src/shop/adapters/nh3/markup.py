"""Descriptions with the tags that describe, by the library nh3 (html5ever and ammonia)."""

import nh3

from shop.application.ports.markup import Markup
from shop.application.ports.options import Options

_TAGS = set(
    """
a abbr b blockquote br caption cite code col colgroup dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr
i img ins kbd li mark ol p pre q s small span strong sub sup table tbody td tfoot th thead tr u ul
""".split()  # noqa: SIM905 - a list of words is easier to read
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "*": {"lang", "dir"},
}


class SafeMarkup:
    """An allow-list of tags, attributes and schemes. Style and class go: how a shop looks is the storefront's."""

    def __init__(self) -> None:
        self._cleaner = nh3.Cleaner(
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )

    def clean(self, text: str) -> str:
        return self._cleaner.clean(text) if "<" in text else text


def open_safe_markup(_options: Options) -> Markup:
    return SafeMarkup()
