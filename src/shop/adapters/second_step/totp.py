"""Codes of an authenticator app, by pyotp; the picture to scan, by segno."""

import hmac
import re
from base64 import b32encode
from datetime import datetime

import pyotp
import segno

from shop.application.ports.options import Options
from shop.application.ports.second_step import TotpEnrolment

# As RFC 4226 has it, and no more: people may have to type it.
_SECRET_BYTES = 20
_CODE = re.compile(r"\d{6}", re.ASCII)


class PyotpCodes:
    """SHA-1, six digits, thirty seconds: the only kind that every app understands."""

    def enrolment(self, secret: bytes, account: str, shop: str) -> TotpEnrolment:
        codes = _codes(secret)
        uri = codes.provisioning_uri(name=account, issuer_name=shop or None)
        picture = segno.make(uri, error="m", micro=False)
        return TotpEnrolment(
            secret_text=codes.secret,
            uri=uri,
            qr_svg=picture.svg_inline(scale=4, dark="#000", light="#fff", title="QR code for an authenticator app"),
        )

    def step_of(self, secret: bytes, code: str, now: datetime) -> int | None:
        code = code.replace(" ", "")
        if not _CODE.fullmatch(code):
            return None
        codes = _codes(secret)
        step = codes.timecode(now)
        # All three are compared whatever comes out, and the latest counts should two happen to be alike.
        near = [near for near in range(step - 1, step + 2) if hmac.compare_digest(codes.generate_otp(near), code)]
        return max(near, default=None)


def _codes(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(b32encode(secret[:_SECRET_BYTES]).decode())


def open_pyotp_codes(_options: Options) -> PyotpCodes:
    """Has nothing to be set."""
    return PyotpCodes()
