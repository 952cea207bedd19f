"""Requests that somebody's browser sends without their knowing: refused by where they come from and what they lack."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from shop.application.ports.identity import Secrets
from shop.domain.kernel.errors import Forbidden
from shop.entrypoints.http.endpoints import SAFE_METHODS

FIELD, HEADER = "csrf_token", b"x-csrf-token"
FORM, JSON_TYPE = b"application/x-www-form-urlencoded", b"application/json"
_PURPOSE = "csrf"


class CsrfRejected(Forbidden):
    """The request came from another site, or does not show that one of our own pages sent it."""

    code = "csrf_rejected"
    title = "This did not come from our own page"
    default_hint = "Open the page again and send its form anew."


def csrf_token(secrets: Secrets, session: str) -> str:
    """The token of a session: what only a page that we made for it can know. `session` is the cookie's value."""
    name = secrets.fingerprint(session).hex()
    return urlsafe_b64encode(secrets.derive(_PURPOSE, name)).rstrip(b"=").decode()


def check_same_site(headers: Mapping[bytes, bytes], base_url: str) -> None:
    """Raises CsrfRejected unless the browser says that the request comes from our own pages."""
    origin = headers.get(b"origin")
    if origin is not None:
        if origin.decode("latin-1").lower() != base_url.rstrip("/").lower():
            raise CsrfRejected("Another site sent this.")
    elif headers.get(b"sec-fetch-site") != b"same-origin":
        raise CsrfRejected("Your browser does not say which site sent this.")
    if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        raise CsrfRejected("Another site sent this.")


def check_csrf(
    method: str, headers: Mapping[bytes, bytes], *, base_url: str, secrets: Secrets, session: str, token: str = ""
) -> None:
    """Lets a request with a cookie pass that changes something, if one of our own pages sent it.

    It carries the token of the session: as the field `csrf_token` of a form (`token`), or, with JSON, as the header
    X-CSRF-Token. Other media types, which a page of any site can send, are refused. Raises CsrfRejected.
    """
    if method in SAFE_METHODS:
        return
    check_same_site(headers, base_url)
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type == JSON_TYPE:
        token = headers.get(HEADER, b"").decode("latin-1")
    elif media_type != FORM:
        raise CsrfRejected("Only forms and JSON are taken with a cookie.")
    if not session or not hmac.compare_digest(token.encode(errors="replace"), csrf_token(secrets, session).encode()):
        raise CsrfRejected
