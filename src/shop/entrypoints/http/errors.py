"""From what went wrong to problem+json (RFC 9457): one place decides statuses and shape."""

from collections.abc import Mapping
from typing import Any

import msgspec

from shop.application.access import ScopeMissing
from shop.application.limits import RateLimited
from shop.domain.identity import SignInTooOften
from shop.domain.kernel.errors import Conflict, Flaw, Forbidden, Invalid, NotFound, ShopError, Unavailable
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.masking import without_secrets

PROBLEM_JSON = b"application/problem+json"
_KINDS: tuple[tuple[type[ShopError], int], ...] = (
    (Invalid, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Unavailable, 503),
)
# Where the kind alone does not say it.
_STATUSES: Mapping[str, int] = {
    "authentication_required": 401,
    "body_malformed": 400,
    "cart_changed": 412,
    "credentials_rejected": 401,
    "header_repeated": 400,
    "host_unknown": 400,
    "idempotency_key_malformed": 400,
    "idempotency_key_missing": 400,
    "internal_error": 500,
    "method_not_allowed": 405,
    "payload_too_large": 413,
    "precondition_required": 428,
    "rate_limited": 429,
    "request_timeout": 408,
    "signature_rejected": 400,
    "token_expired": 401,
    "token_rejected": 400,
    "unsupported_media_type": 415,
    "version_mismatch": 412,
}


class BodyMalformed(Invalid):
    code = "body_malformed"
    title = "The body is not JSON"
    default_hint = "Send one JSON object in UTF-8."


class KeyMissing(Invalid):
    code = "idempotency_key_missing"
    title = "An Idempotency-Key is needed here"
    default_hint = "Send a header such as Idempotency-Key: 7c9e6679-7425-40de-944b-e07fc1f90ae7, new for each purpose."


class MediaTypeUnsupported(Invalid):
    code = "unsupported_media_type"
    title = "Only JSON is understood here"
    default_hint = "Send Content-Type: application/json."


class MethodNotAllowed(Invalid):
    code = "method_not_allowed"
    title = "Not with this method"


class PayloadTooLarge(Invalid):
    code = "payload_too_large"
    title = "The body is too large"


class PreconditionRequired(Invalid):
    code = "precondition_required"
    title = "Say which version you are changing"
    default_hint = "Send If-Match with the ETag of the thing as you last read it."


class HeaderRepeated(Invalid):
    """Programs disagree on which of the two counts: what a proxy checked might not be what we did."""

    code = "header_repeated"
    title = "A header stands there twice"


class HostUnknown(Invalid):
    code = "host_unknown"
    title = "The shop has no such name"
    default_hint = "Ask for it under the name in SHOP_BASE_URL, or name this one in SHOP_ALLOWED_HOSTS."


class HttpsNeeded(Forbidden):
    code = "https_needed"
    title = "This came without encryption"
    default_hint = "Use https://. If a key went along, revoke it: somebody may have read it."


class RequestTooSlow(Invalid):
    code = "request_timeout"
    title = "The body came too slowly"


class InternalError(ShopError):
    code = "internal_error"
    title = "A mistake of ours"
    default_hint = "Tell the shop's people the request id."


def status_of(error: ShopError) -> int:
    """The status of an error: by its code where that says more than its kind."""
    status = _STATUSES.get(error.code)
    if status is None:
        status = next((number for kind, number in _KINDS if isinstance(error, kind)), 500)
    return status


def problem(error: ShopError, *, path: str, request_id: str, besides: Mapping[str, Any] | None = None) -> Answer:
    """The answer that tells of an error. `besides` adds members, such as `current`."""
    status = status_of(error)
    told: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status,
        "code": error.code,
        "detail": without_secrets(error.detail),
        "instance": path,
        "request_id": request_id,
    }
    if error.flaws:
        told["errors"] = [_flaw(flaw) for flaw in error.flaws]
    if error.hint:
        told["hint"] = without_secrets(error.hint)
    if isinstance(error, ScopeMissing):
        told["required_scope"] = error.required_scope
    if besides:
        told |= besides
    headers = [(b"cache-control", b"no-store")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    elif status in (408, 413):
        # The server hangs up on a body that nobody reads: a client must not send its next request on that line.
        headers.append((b"connection", b"close"))
    elif isinstance(error, RateLimited | SignInTooOften):
        headers.append((b"retry-after", b"%d" % error.retry_after))
    elif status == 503:
        headers.append((b"retry-after", b"5"))
    return Answer(status, msgspec.json.encode(told), PROBLEM_JSON, headers)


def _flaw(flaw: Flaw) -> dict[str, Any]:
    told: dict[str, Any] = {
        "pointer": without_secrets(flaw.pointer),
        "code": flaw.code,
        "detail": without_secrets(flaw.detail),
    }
    if flaw.meta:
        told["meta"] = dict(flaw.meta)
    return told
