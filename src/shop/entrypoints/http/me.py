"""One's own profile, address book and choices."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shop.application.commands.identity.exports import RequestExport
from shop.application.commands.identity.me import (
    AddAddress,
    RemoveAddress,
    UpdateAddress,
    UpdateMe,
    UpdatePreferences,
)
from shop.application.commands.identity.privacy import EraseMe
from shop.application.commands.identity.registration import ChangeEmail
from shop.application.limits import RECOVERY
from shop.application.ports.views import ExportView, MeView, OrderView, PreferencesView, SavedAddressView
from shop.application.queries.identity import GetMe, GetMyAddresses, GetMyExport, GetMyPreferences
from shop.application.queries.orders import GetUserOrders
from shop.domain.identity import ExportNotFound, ExportStatus
from shop.domain.kernel.errors import below
from shop.domain.kernel.identifiers import AddressId, ExportId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.auth import Locale, Name
from shop.entrypoints.http.bodies import AddressBody, Body, MetadataChange, given
from shop.entrypoints.http.calls import PRIVATE_CACHE, Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.parameters import fields, page_request, paging
from shop.entrypoints.representation import Plain

endpoints = Endpoints("users")
_ADDRESSES = Shows(view=SavedAddressView, many=True)


class Profile(Body):
    """What one may change of one's own profile: a merge patch."""

    name: Name | UnsetType | None = UNSET
    phone: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    metadata: MetadataChange | UnsetType = UNSET


class EmailChange(Body):
    """Another address for one's account."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]


class Choices(Body):
    """What one agrees to, and to what no longer."""

    consents: Annotated[dict[Annotated[str, Meta(max_length=40)], bool], Meta(max_length=20)]


class NewAddress(Body):
    """An address for one's address book."""

    address: AddressBody
    default_shipping: bool = False
    default_billing: bool = False


class AddressFields(Body):
    """Fields of an address that change."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    line1: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    city: Annotated[str, Meta(min_length=1, max_length=120)] | UnsetType = UNSET
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | UnsetType = UNSET
    line2: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    company: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    postal_code: Annotated[str, Meta(max_length=20)] | UnsetType | None = UNSET
    region: Annotated[str, Meta(max_length=120)] | UnsetType | None = UNSET
    phone: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET


class AddressChange(Body):
    """A change of an entry of one's address book: a merge patch."""

    address: AddressFields | UnsetType = UNSET
    default_shipping: bool | UnsetType = UNSET
    default_billing: bool | UnsetType = UNSET


async def _me(call: Call) -> Plain:
    return call.representation.plain(await call.ask(GetMe()))


@endpoints.get(
    "/api/users/me",
    "me_get",
    Who.CUSTOMER,
    "My profile",
    query=(fields(MeView),),
    shows=Shows(view=MeView),
    conditional=True,
)
async def me_get(call: Call) -> Answer:
    """One's own profile."""
    return call.one(await call.ask(GetMe()))


@endpoints.patch(
    "/api/users/me",
    "me_update",
    Who.CUSTOMER,
    "Change my profile",
    body=Profile,
    example={"name": "Ada Byron", "locale": "en-GB"},
    shows=Shows(view=MeView),
    current=_me,
    problems=("account_erased", "conflict"),
)
async def me_update(call: Call) -> Answer:
    """Sets name, phone, language and metadata."""
    body: Profile = call.body
    metadata = None if body.metadata is UNSET else body.metadata
    await call.execute(UpdateMe(**given(body, "name", "phone", "locale"), metadata=metadata))
    return call.one(await call.ask(GetMe()))


@endpoints.post(
    "/api/users/me/email",
    "me_email_change",
    Who.CUSTOMER,
    "Ask for another e-mail address",
    body=EmailChange,
    example={"email": "ada@example.org"},
    status=202,
    keys=Keys.NO,
    limit_class=RECOVERY,
    tier=2,
    shows=Shows(schema={"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}),
    problems=("fresh_sign_in_required", "conflict"),
)
async def me_email_change(call: Call) -> Answer:
    """Mails a link to the new address, which takes the place of the old one once it is opened; tells the old one.

    Answered alike whether or not somebody else has the address. The worker sends the mail.
    """
    await call.execute(ChangeEmail(email=call.body.email))
    return call.plain({"message": "Open the link that is mailed to the new address."}, status=202)


@endpoints.post(
    "/api/users/me/export",
    "me_export",
    Who.CUSTOMER,
    "My data as a file",
    status=202,
    shows=Shows(view=ExportView),
    problems=("fresh_sign_in_required",),
)
async def me_export(call: Call) -> Answer:
    """The worker makes the file and mails that it is there; it is kept for a week. `Location` is where it will be."""
    export_id = await call.execute(RequestExport())
    path = f"/api/users/me/exports/{export_id}"
    return call.one(ExportView.of(await call.ask(GetMyExport(export_id=export_id))), status=202, location=path)


@endpoints.get(
    "/api/users/me/exports/{id}",
    "me_export_get",
    Who.CUSTOMER,
    "How far my file is",
    shows=Shows(view=ExportView),
    problems=("not_found",),
)
async def me_export_get(call: Call) -> Answer:
    """`pending`, or `ready`."""
    return call.one(ExportView.of(await call.ask(GetMyExport(export_id=call.id(ExportId)))))


@endpoints.get(
    "/api/users/me/exports/{id}/file",
    "me_export_download",
    Who.CUSTOMER,
    "The file",
    shows=Shows(schema={"type": "object"}),
    problems=("not_found",),
)
async def me_export_download(call: Call) -> Answer:
    """Profile, addresses, choices, devices, saved cards, orders and subscriptions, as JSON."""
    export = await call.ask(GetMyExport(export_id=call.id(ExportId)))
    if export.status is not ExportStatus.READY:
        raise ExportNotFound("The file is not ready yet.")
    headers = [(b"content-disposition", b'attachment; filename="my-data.json"'), PRIVATE_CACHE]
    return Answer(200, export.document, headers=headers)


@endpoints.delete(
    "/api/users/me",
    "me_erase",
    Who.CUSTOMER,
    "Forget me",
    problems=("erasure_held", "owner_needed", "fresh_sign_in_required", "conflict"),
)
async def me_erase(call: Call) -> Answer:
    """Everything but what the law wants kept; orders stay without a person. Ends all sessions."""
    await call.execute(EraseMe())
    return call.nothing()


@endpoints.get(
    "/api/users/me/preferences",
    "me_preferences_get",
    Who.CUSTOMER,
    "What I agreed to",
    tier=2,
    shows=Shows(view=PreferencesView),
)
async def me_preferences_get(call: Call) -> Answer:
    """Everything one is asked about, and the answers."""
    return call.one(await call.ask(GetMyPreferences()))


@endpoints.patch(
    "/api/users/me/preferences",
    "me_preferences_update",
    Who.CUSTOMER,
    "Agree to things, or no longer",
    body=Choices,
    example={"consents": {"marketing_email": True}},
    tier=2,
    shows=Shows(view=PreferencesView),
    problems=("account_erased", "conflict"),
)
async def me_preferences_update(call: Call) -> Answer:
    """Each change is an event. What is not named stays as it is."""
    await call.execute(UpdatePreferences(consents=call.body.consents))
    return call.one(await call.ask(GetMyPreferences()))


@endpoints.get("/api/users/me/addresses", "address_list", Who.CUSTOMER, "My address book", shows=_ADDRESSES)
async def address_list(call: Call) -> Answer:
    """In the order in which it was filled."""
    return call.whole(await call.ask(GetMyAddresses()))


@endpoints.post(
    "/api/users/me/addresses",
    "address_create",
    Who.CUSTOMER,
    "Put an address into my address book",
    body=NewAddress,
    example={
        "address": {
            "name": "Ada Byron",
            "line1": "Torstr. 1",
            "postal_code": "10119",
            "city": "Berlin",
            "country": "DE",
        },
        "default_shipping": True,
    },
    status=201,
    shows=Shows(view=SavedAddressView),
    problems=("address_incomplete", "account_erased", "conflict"),
)
async def address_create(call: Call) -> Answer:
    """A new default takes the place of the old one."""
    body: NewAddress = call.body
    address_id = await call.execute(
        AddAddress(
            address=below("/address", body.address.address),
            default_shipping=body.default_shipping,
            default_billing=body.default_billing,
        )
    )
    return await _address(call, address_id, status=201)


@endpoints.patch(
    "/api/users/me/addresses/{id}",
    "address_update",
    Who.CUSTOMER,
    "Change an address of mine",
    body=AddressChange,
    example={"default_billing": True},
    shows=Shows(view=SavedAddressView),
    problems=("not_found", "address_incomplete", "account_erased", "conflict"),
)
async def address_update(call: Call) -> Answer:
    """Changes fields of the address, or makes it a default. Orders keep the address that they were placed with."""
    body: AddressChange = call.body
    named = AddressFields.__struct_fields__
    changes = {} if body.address is UNSET else given(body.address, *named)
    address_id = call.id(AddressId)
    await call.execute(
        UpdateAddress(
            address_id=address_id,
            changes=changes,
            default_shipping=None if body.default_shipping is UNSET else body.default_shipping,
            default_billing=None if body.default_billing is UNSET else body.default_billing,
        )
    )
    return await _address(call, address_id)


@endpoints.delete(
    "/api/users/me/addresses/{id}",
    "address_delete",
    Who.CUSTOMER,
    "Take an address out of my address book",
    problems=("not_found", "account_erased", "conflict"),
)
async def address_delete(call: Call) -> Answer:
    """Orders and carts keep their copies."""
    await call.execute(RemoveAddress(address_id=call.id(AddressId)))
    return call.nothing()


async def _address(call: Call, address_id: AddressId, *, status: int = 200) -> Answer:
    saved = next(each for each in await call.ask(GetMyAddresses()) if each.id == address_id)
    return call.one(saved, status=status)


@endpoints.get(
    "/api/orders",
    "order_list",
    Who.CUSTOMER,
    "My orders",
    query=(fields(OrderView), *paging()),
    shows=Shows(view=OrderView, many=True),
)
async def order_list(call: Call) -> Answer:
    """One's own, the newest first; those placed as a guest too, once one's address is proved."""
    return call.page(await call.ask(GetUserOrders(page=page_request(call.query))))
