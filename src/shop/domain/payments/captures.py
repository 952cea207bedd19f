"""What stands in the way of a capture, and how long one may be waited for."""

from datetime import timedelta

from shop.domain.kernel.errors import Conflict

LOOK_WHILE_AUTHORIZED = timedelta(hours=6)
"""How long what waits for people is left alone: its provider's pages have buttons too, and messages get lost."""
WARNED_BEFORE = timedelta(days=1)


class PaymentCannotMove(Conflict):
    """What was asked for does not fit how the payment stands."""

    code = "payment_cannot_move"
    title = "The payment's state does not allow this"


class AuthorizationExpired(Conflict):
    """The buyer's bank promised the money until a moment that has passed."""

    code = "authorization_expired"
    title = "The authorisation has lapsed"
    default_hint = "Nothing can be taken any more. The order is cancelled, and has to be placed and paid anew."


class CaptureExceedsAuthorized(Conflict):
    """More was asked for than the buyer's bank promised."""

    code = "capture_exceeds_authorized"
    title = "Not so much is authorised"
