"""Whoever cleans markup keeps the promises of the port; nh3 keeps tags that describe besides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.contracts.markup import MarkupContract, what_runs
from shop.adapters.memory.markup import PlainMarkup
from shop.adapters.nh3.markup import SafeMarkup
from shop.application.ports.markup import Markup


class TestPlainMarkup(MarkupContract):
    """Words only."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Markup]:
        yield PlainMarkup()


class TestSafeMarkup(MarkupContract):
    """Tags that describe."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Markup]:
        yield SafeMarkup()


def test_tags_that_describe_stay_and_links_are_marked() -> None:
    cleaned = SafeMarkup().clean('<p class="x">A <em>fine</em> <a href="https://a.example" target=_top>one</a></p>')
    assert cleaned == ('<p>A <em>fine</em> <a href="https://a.example" rel="noopener noreferrer nofollow">one</a></p>')


def test_without_the_library_paragraphs_are_lines() -> None:
    assert PlainMarkup().clean("<p>One</p><p>Two &amp; <b>three</b></p>") == "One\nTwo &amp; three"


_TAGS = st.sampled_from(
    ["<svg", "<style>", "</style>", "<template>", "<a", "<math>", "<noscript>", "<!--", "-->", "</"]
)
_WORDS = st.sampled_from(
    [*"<>/p='\"`\n\x00", "script", "img", " src=x", " onerror=", "a(1)", "&lt;", "javascript:", " href="]
)


@given(st.lists(_TAGS | _WORDS, max_size=30).map("".join))
def test_s29_whatever_is_written_nothing_in_it_runs_and_twice_is_once(text: str) -> None:
    for markup in (SafeMarkup(), PlainMarkup()):
        once = markup.clean(text)
        assert "<" not in text or what_runs(once) == []
        assert markup.clean(once) == once
