"""Ways to pay that the provider keeps for a customer. Card data goes from the browser to the provider, never here."""

from typing import Annotated

from msgspec import Meta

from shop.application.commands.saved_methods import BeginSavingMethod, RemoveSavedMethod
from shop.application.limits import CODES
from shop.application.ports.views import MethodSetupView, SavedMethodView
from shop.application.queries.saved_methods import GetSavedMethods
from shop.application.settlement import MethodNotSavable
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who

endpoints = Endpoints("payments")
METHOD_LENGTH_MAX = 60


class NewSavedMethod(Body):
    """Which kind of way to pay is to be saved, by its code; empty means the provider's first."""

    method: Annotated[str, Meta(max_length=METHOD_LENGTH_MAX)] = ""


@endpoints.get(
    "/api/payments/saved-methods",
    "saved_method_list",
    Who.CUSTOMER,
    "My saved ways to pay",
    tier=2,
    shows=Shows(view=SavedMethodView, many=True),
    problems=("payment_provider_unavailable",),
)
async def saved_method_list(call: Call) -> Answer:
    """Brand, last four digits and date, the newest first, as the provider has them now."""
    return call.whole(await call.ask(GetSavedMethods()))


@endpoints.post(
    "/api/payments/saved-methods",
    "saved_method_setup",
    Who.CUSTOMER,
    "Save a way to pay",
    tier=2,
    body=NewSavedMethod,
    body_optional=True,
    example={"method": "fake_card"},
    status=201,
    limit_class=CODES,  # stolen numbers are tried out where cards can be saved
    shows=Shows(view=MethodSetupView),
    problems=(
        "account_erased",
        "saving_not_offered",
        "payment_method_unknown",
        MethodNotSavable.code,
        "payment_refused",
        "payment_provider_unavailable",
        "conflict",
    ),
)
async def saved_method_setup(call: Call) -> Answer:
    """Begins to save one. While it `requires_action`, the browser finishes it with the client secret: the card's
    number goes to the provider alone. Afterwards it is in the list."""
    setup = await call.execute(BeginSavingMethod(method=call.body.method if call.body is not None else ""))
    view = MethodSetupView(
        id=setup.provider_ref,
        provider=setup.provider,
        status=setup.status.value,
        client_secret=setup.client_secret or None,
    )
    return call.one(view)


@endpoints.delete(
    "/api/payments/saved-methods/{id}",
    "saved_method_delete",
    Who.CUSTOMER,
    "Remove a saved way to pay",
    tier=2,
    problems=(
        "not_found",
        "saved_method_in_use",
        "payment_refused",
        "payment_provider_unavailable",
        "conflict",
    ),
)
async def saved_method_delete(call: Call) -> Answer:
    """Nothing can be paid with it any more. A subscription that is paid with it needs another way to pay first."""
    await call.execute(RemoveSavedMethod(method=call.path_values["id"]))
    return call.nothing()
