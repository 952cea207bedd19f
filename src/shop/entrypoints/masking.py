"""Logs without secrets: what people and programs must not read there is covered before a line is written."""

import logging
import re

from shop.domain.kernel.cards import without_card_numbers

COVER = "[hidden]"
_SECRET_LENGTH_MIN = 40
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Passwords in addresses: postgresql://shop:hush@db
    (re.compile(r"(://[^/\s:@]{0,200}:)[^/\s@]{1,500}@"), rf"\1{COVER}@"),
    # Credentials as headers carry them.
    (re.compile(r"(?i)\b(bearer|basic)[ \t]+[A-Za-z0-9._~+/=-]{4,4000}"), rf"\1 {COVER}"),
    # Keys by their prefixes: ours, and the payment provider's.
    (re.compile(r"\b(sk|pk|rk|whsec|pi|seti)_[A-Za-z0-9]{1,20}_[A-Za-z0-9_]{1,300}"), rf"\1_{COVER}"),
    (re.compile(r"\b(sk|pk|rk|whsec)_[A-Za-z0-9_]{8,300}"), rf"\1_{COVER}"),
    # Signed tokens (JWT): three parts, the first of which begins with {" in Base64.
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,4000}){1,4}"), COVER),
    # What is called by its name: password=…, "token": "…", Cart-Token: …
    (
        re.compile(
            r"(?i)((?:password|passwd|passphrase|secret|token|cookie|otp|credential|authorization)s?"
            r"[\"']?[ \t]{0,3}[=:][ \t]{0,3})(?:\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s&,;\"'\[]{1,2000})"
        ),
        rf"\1{COVER}",
    ),
    (
        re.compile(
            r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}(?:@|%40)[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
        ),
        COVER,
    ),
)
# Random words such as one-time and refresh tokens, wherever they stand.
_LONG = re.compile(rf"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{{{_SECRET_LENGTH_MIN},}}(?![A-Za-z0-9_-])")


def masked(text: str) -> str:
    """The text with e-mail addresses, keys, tokens, passwords and card numbers covered."""
    for pattern, cover in _RULES:
        text = pattern.sub(cover, text)
    return without_card_numbers(_LONG.sub(_cover_random, text))


def _cover_random(match: re.Match[str]) -> str:
    """Names in code are long too, but have no digits among small and capital letters."""
    word = match[0]
    kinds = (any(c.isdigit() for c in word), any(c.isupper() for c in word), any(c.islower() for c in word))
    return COVER if all(kinds) or (kinds[0] and "_" not in word and "-" not in word) else word


class MaskingFormatter(logging.Formatter):
    """Writes a line, its traceback included, and covers what must not be read. For every handler that we install."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
