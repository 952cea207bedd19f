"""The shop as storefronts see it."""

from typing import ClassVar

from attrs import frozen

from shop.application.ports.views import StoreView
from shop.application.queries.store import GetStore
from shop.domain.kernel.address import COUNTRIES
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who

endpoints = Endpoints("store")


@frozen(kw_only=True, slots=False)
class CountryView:
    """A country that the shop sends to, with its name in the reader's language."""

    object: ClassVar[str] = "country"
    id: str
    name: str


@endpoints.get("/api/store", "store_get", Who.PUBLIC, "The shop", shows=Shows(view=StoreView), conditional=True)
async def store_get(call: Call) -> Answer:
    """What a storefront needs before it shows the first product: name, currencies, languages, countries."""
    return call.one(await call.ask(GetStore()))


@endpoints.get(
    "/api/store/countries",
    "store_country_list",
    Who.PUBLIC,
    "Countries that the shop sends to",
    shows=Shows(view=CountryView, many=True),
    conditional=True,
)
async def store_country_list(call: Call) -> Answer:
    """By name, in the reader's language."""
    codes = (await call.ask(GetStore())).ships_to or sorted(COUNTRIES)
    names = call.representation.locale.territories
    return call.whole(sorted((CountryView(id=c, name=names.get(c, c)) for c in codes), key=lambda v: (v.name, v.id)))
