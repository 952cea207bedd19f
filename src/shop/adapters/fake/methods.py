"""The ways to pay of the fake provider. None of them has a number."""

from shop.application.ports.payments import PaymentMethod

_SERVER = "server"
METHODS = (
    PaymentMethod(code="fake_card", name="Fake card", confirms_in=_SERVER, savable=True),
    PaymentMethod(code="fake_card_declined", name="Fake card that is declined", confirms_in=_SERVER, savable=True),
    PaymentMethod(
        code="fake_card_3ds", name="Fake card with a 3-D Secure challenge", confirms_in=_SERVER, savable=True
    ),
    PaymentMethod(code="fake_debit", name="Fake debit that takes days", confirms_in=_SERVER, authorizes=False),
)
