"""E-mail addresses: what may be one, and when two are the same."""

import re
import unicodedata

from shop.domain.kernel.errors import Flaw, Invalid

LENGTH_MAX = 254
# Linear on purpose: one “@”, no spaces, a dot somewhere behind it. Whether mail arrives only mail can tell.
# What mail programs read as several addresses or as a name beside one is left out.
_NEVER = r"@\s\x00-\x1f\x7f<>()\[\],;:\\\""
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
    """What is the same for all ways to write one address: compatibility forms and case do not tell people apart."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()
