"""One way to Stripe for all that speaks to it: the library's client, how long it may take, what its errors mean."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from stripe import HTTPXClient, StripeClient, StripeError

from shop.adapters.stripe.account import ANSWER_TIMEOUT_SECONDS, API_VERSION, NETWORK_RETRIES, StripeAccount
from shop.adapters.stripe.states import error_of
from shop.application.ports.payments import CALL_TIMEOUT_SECONDS, PaymentProviderUnavailable

T = TypeVar("T")


class StripeConnection:
    """Stripe's services for one account. Whoever opened it closes it."""

    def __init__(self, account: StripeAccount) -> None:
        # At DEBUG the library logs whole answers, the secrets for the browser among them.
        logging.getLogger("stripe").setLevel(logging.INFO)
        self._http = HTTPXClient(timeout=ANSWER_TIMEOUT_SECONDS)
        self.services = StripeClient(
            account.secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": account.api_base},
            max_network_retries=NETWORK_RETRIES,
            http_client=self._http,
        ).v1

    async def ask(self, call: Awaitable[T]) -> T:
        """What the call answers. Raises PaymentNotFound, PaymentRefused, KeyReused, PaymentProviderUnavailable."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                return await call
        except TimeoutError as error:
            raise PaymentProviderUnavailable("Stripe did not answer in time.") from error
        except StripeError as error:
            raise error_of(error) from error

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]
