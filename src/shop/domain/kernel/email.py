"""E-mail addresses: what may be one, and when two are the same."""

import re
import unicodedata
from typing import Literal

from shop.domain.kernel.errors import Flaw, Invalid

LENGTH_MAX = 254
# Linear on purpose: one “@”, no spaces, a dot somewhere behind it. Whether mail arrives only mail can tell.
# What mail programs read as several addresses or as a name beside one is left out.
_NEVER = r"@\s\x00-\x1f\x7f\ud800-\udfff<>()\[\],;:\\\""
_EMAIL = re.compile(rf"[^{_NEVER}]{{1,64}}@[^.{_NEVER}]+(?:\.[^.{_NEVER}]+)+")


def checked_email(email: str) -> str:
    """The address without spaces around it. Raises Invalid when no mail could go there."""
    email = email.strip()
    if len(email) > LENGTH_MAX or not _EMAIL.fullmatch(email):
        raise Invalid(
            f"“{email[:60]}” is not an e-mail address.",
            flaws=(Flaw("/email", "email_malformed", "A name, an @ and a domain with a dot in it"),),
        )
    return email


def email_key(email: str) -> str:
    """What is the same for all ways to write one address, and for no two addresses: people are told apart by it.

    Upper case tells nobody apart. In a domain wide and other compatibility forms do not either, as browsers read them
    (UTS 46), but “ß”, final “ς” and joiners do: by IDNA 2008 straße.de and strasse.de are two domains of two owners.
    What stands before the “@” is its server's own affair: there only ways to encode one character are the same.
    """
    if email.isascii():
        return email.strip().lower()
    local, at, domain = email.strip().partition("@")  # what has no “@” yet is the beginning of an address
    return _normal("NFC", _lower(local)) + at + _normal("NFKC", _lower(_normal("NFKC", domain)).replace("。", "."))


def _normal(form: Literal["NFC", "NFKC"], text: str) -> str:
    return unicodedata.normalize(form, text)


def _lower(text: str) -> str:
    """Letter by letter, so that “Σ” at the end of a word is “σ” as everywhere: only a “ς” that was typed is one."""
    return "".join(map(str.lower, text))
