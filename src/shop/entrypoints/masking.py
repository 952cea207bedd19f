"""Logs without secrets: what people and programs must not read there is covered before a line is written."""

import logging
import re

from shop.domain.kernel.cards import without_card_numbers

COVER = "[hidden]"
_SECRET_LENGTH_MIN = 40
_Rules = tuple[tuple[re.Pattern[str], str], ...]
_BY_NAME: _Rules = (
    # Credentials as headers carry them.
    (re.compile(r"(?i)\b(bearer|basic)[ \t]+[A-Za-z0-9._~+/=-]{4,4000}"), rf"\1 {COVER}"),
    # What is called a secret: password=…, "token": "…", Cart-Token: …
    (
        re.compile(
            r"(?i)((?:password|passwd|passphrase|secret|token|cookie|otp|credential|authorization)s?[\"']?[ \t]{0,3}"
            r"[=:][ \t]{0,3})(?:\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s&,;\"'\[]{1,2000})"
        ),
        rf"\1{COVER}",
    ),
)
_BY_SHAPE: _Rules = (
    # Passwords in addresses: postgresql://shop:hush@db
    (re.compile(r"(://[^/\s:@]{0,200}:)[^/\s@]{1,500}@"), rf"\1{COVER}@"),
    # Keys by their prefixes: ours, and the payment provider's.
    (re.compile(r"\b(sk|pk|rk|whsec|pi|seti)_[A-Za-z0-9]{1,20}_[A-Za-z0-9_]{1,300}"), rf"\1_{COVER}"),
    (re.compile(r"\b(sk|pk|rk|whsec)_[A-Za-z0-9_]{8,300}"), rf"\1_{COVER}"),
    # Signed tokens (JWT): some parts, the first of which begins with {" in Base64.
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,4000}){1,4}"), COVER),
    # E-mail addresses.
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
    for pattern, cover in _BY_NAME:
        text = pattern.sub(cover, text)
    return without_secrets(text)


def without_secrets(text: str) -> str:
    """The same for what its shape alone gives away: for sentences that speak of passwords and hold none."""
    for pattern, cover in _BY_SHAPE:
        text = pattern.sub(cover, text)
    return without_card_numbers(_LONG.sub(_cover_random, text))


def _cover_random(match: re.Match[str]) -> str:
    """Names in code are long too, but have no digits among small and capital letters."""
    word = match[0]
    digits, capitals, small = (any(map(is_kind, word)) for is_kind in (str.isdigit, str.isupper, str.islower))
    one_word = "_" not in word and "-" not in word
    return COVER if digits and ((capitals and small) or one_word) else word


class MaskingFormatter(logging.Formatter):
    """Writes a line, its traceback included, and covers what must not be read. For every handler that we install."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
