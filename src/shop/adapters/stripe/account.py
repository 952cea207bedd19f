"""Whose account at Stripe it is, and how it is spoken to."""

from attrs import field, frozen

from shop.application.ports.options import Options
from shop.domain.kernel.errors import Invalid

API_VERSION = "2026-10-28.endive"
"""Stripe answers in the shapes of this version, which the library's types describe, whatever the account's is."""
API_BASE = "https://api.stripe.com"
NETWORK_RETRIES = 2
ANSWER_TIMEOUT_SECONDS = 6.0


class StripeNotSetUp(Invalid):
    """The shop is to take money through Stripe, but was not told as whom."""

    code = "settings_wrong"
    title = "Stripe is not set up"
    default_hint = "Stripe's dashboard shows the secret key under API keys, the other under Webhooks."


@frozen(kw_only=True)
class StripeAccount:
    """Where and as whom to speak to Stripe. Secret keys are never shown."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_base: str = API_BASE

    @property
    def live(self) -> bool:
        """Whether real money moves: test keys have `_test_` in their names."""
        return "_live_" in self.secret_key


def account_of(options: Options) -> StripeAccount:
    """The account that the SHOP_STRIPE_… variables say. Raises StripeNotSetUp, which names those that are missing."""
    needed = ("SHOP_STRIPE_SECRET_KEY", "SHOP_STRIPE_WEBHOOK_SECRET")
    if missing := [name for name in needed if not options.get(name)]:
        raise StripeNotSetUp(f"SHOP_PAYMENTS=stripe needs {' and '.join(missing)}.")
    return StripeAccount(
        secret_key=options.get("SHOP_STRIPE_SECRET_KEY"),
        webhook_secret=options.get("SHOP_STRIPE_WEBHOOK_SECRET"),
        api_base=options.get("SHOP_STRIPE_API_BASE", API_BASE),
    )
