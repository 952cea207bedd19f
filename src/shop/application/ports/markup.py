"""HTML that shop people write: descriptions come from other shops and from editors, and go into shoppers' browsers."""

from typing import Protocol


class Markup(Protocol):
    """Keeps of a text what describes, and nothing that runs. Used when a description is written, not when it is read.

    - Text without `<` is what it was, to the letter.
    - Scripts, styles, frames, forms, event handlers and addresses other than http, https and mailto are gone.
    - What was cleaned stays as it is when it is cleaned again.
    """

    def clean(self, text: str) -> str:
        """The text as it may stand in a page."""
