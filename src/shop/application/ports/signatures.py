"""What the signature header of an incoming message says, and whether it was made just now.

Payment providers agree on its shape: `t=<seconds since 1970>,v1=<hex>`, where v1 is an HMAC-SHA-256 over the
moment, a dot and the body. There may be several v1 while a secret is being changed, but only one moment.
"""

from datetime import datetime

from attrs import frozen

from shop.application.ports.payments import SignatureRejected

TOLERANCE_SECONDS = 300
_HEADER_LENGTH_MAX = 4096


@frozen
class SignatureHeader:
    """The moment of signing and the signatures, none of them checked yet."""

    moment: int
    signatures: tuple[str, ...]


def read_signature_header(header: str, now: datetime) -> SignatureHeader:
    """Raises SignatureRejected unless there is one moment, within five minutes of now, and a v1 signature."""
    if not header or len(header) > _HEADER_LENGTH_MAX:
        raise SignatureRejected("There is no signature header, or an endless one.")
    moments: list[str] = []
    signatures: list[str] = []
    for item in header.split(","):
        name, _, value = item.partition("=")
        if name == "t":
            moments.append(value)
        elif name == "v1":
            signatures.append(value)
    if len(moments) != 1 or not _is_number(moments[0]):
        raise SignatureRejected("The signature header does not say when it was made, or says it twice.")
    if not signatures or not all(signature.isascii() for signature in signatures):
        raise SignatureRejected("The signature header has no v1 signature.")
    moment = int(moments[0])
    if abs(now.timestamp() - moment) > TOLERANCE_SECONDS:
        raise SignatureRejected("The message was not signed within five minutes of now.")
    return SignatureHeader(moment, tuple(signatures))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12
