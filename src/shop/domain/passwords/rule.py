"""The rule for new passwords: long enough, not what everybody takes, and otherwise whatever people like."""

import unicodedata

from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.passwords.blocklist import core, is_common

LENGTH_MIN, LENGTH_MAX = 8, 128
BYTES_MAX = 1024


def checked_password(text: str, *, email: str, name: str, shop: str = "") -> str:
    """The password in its composed form (NFC), so that every keyboard types the same one.

    Raises Invalid for one that is too short or too long, holds a zero byte, or is among the first that anybody would
    try for this person at this shop. There are no rules of composition: they make passwords worse.
    """
    # First of all, so that nobody has a megabyte normalised.
    if len(text) > BYTES_MAX or len(text.encode(errors="surrogatepass")) > BYTES_MAX:
        raise _refusal("password_too_long", f"At most {LENGTH_MAX} characters.")
    password = unicodedata.normalize("NFC", text)
    if len(password) > LENGTH_MAX:
        raise _refusal("password_too_long", f"At most {LENGTH_MAX} characters.")
    if len(password) < LENGTH_MIN:
        raise _refusal("password_too_short", f"At least {LENGTH_MIN} characters; 15 are better.")
    if not _is_text(password):
        raise _refusal("password_malformed", "A zero byte or half a character cannot be typed.")
    if is_common(password) or _is_about(password, email, name, shop):
        raise _refusal("password_common", "Among the first that somebody would try. Take a few words of your own.")
    return password


def normalised(text: str) -> str:
    """What somebody types to sign in, in the form in which passwords are kept (NFC). Longer ones are nobody's."""
    return unicodedata.normalize("NFC", text) if len(text) <= BYTES_MAX else ""


def _is_text(password: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in password)


def _is_about(password: str, email: str, name: str, shop: str) -> bool:
    """Whether it is the person's own address or name, or the shop's, with at most the usual number behind it."""
    names = {email, email.partition("@")[0], name, *name.split(), shop, *shop.split()}
    return core(password) in {core(known) for known in names} - {""}


def _refusal(code: str, detail: str) -> Invalid:
    return Invalid("This cannot be a password.", flaws=(Flaw("/password", code, detail),))
