"""What people say about themselves: profile, address book, what they agree to."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import evolve, fields, frozen

from shop.application.commands.identity.opening import user_of
from shop.application.messages import CUSTOMER, Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.identity import SavedAddress
from shop.domain.kernel.address import Address
from shop.domain.kernel.errors import Flaw, Invalid, below
from shop.domain.kernel.identifiers import AddressId
from shop.domain.kernel.metadata import merged_metadata

_FIELDS = tuple(one.name for one in fields(Address))


@frozen(kw_only=True)
class UpdateMe(Command[None]):
    """Changes one's own name, phone, language or metadata. None leaves a part as it is."""

    requires: ClassVar = CUSTOMER
    name: str | None = None
    phone: str | None = None
    locale: str | None = None
    metadata: Mapping[str, str | None] | None = None
    expected_version: int | None = None


async def update_me(command: UpdateMe, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        check_version(user.version, command.expected_version)
        named = ("name", "phone", "locale")
        changes: dict[str, Any] = {name: value for name in named if (value := getattr(command, name)) is not None}
        if command.metadata is not None:
            changes["metadata"] = merged_metadata(user.metadata, command.metadata)
        user.describe(context.now, **changes)
        tx.users.save(user)


@frozen(kw_only=True)
class UpdatePreferences(Command[None]):
    """Agrees to some things, and no longer to others."""

    requires: ClassVar = CUSTOMER
    consents: Mapping[str, bool]


async def update_preferences(command: UpdatePreferences, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.consent(command.consents, context.now)
        tx.users.save(user)


@frozen(kw_only=True)
class AddAddress(Command[AddressId]):
    """Puts an address into one's address book."""

    requires: ClassVar = CUSTOMER
    address: Address
    default_shipping: bool = False
    default_billing: bool = False


async def add_address(command: AddAddress, context: Context, *, uow: UnitOfWork, ids: Ids) -> AddressId:
    saved = SavedAddress(
        id=ids.new(AddressId),
        address=command.address,
        default_shipping=command.default_shipping,
        default_billing=command.default_billing,
    )
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.save_address(saved, context.now)
        tx.users.save(user)
        tx.answer(saved.id)
    return saved.id


@frozen(kw_only=True)
class UpdateAddress(Command[None]):
    """Changes an entry of one's address book: `changes` are fields of the address. None leaves a default as it is."""

    requires: ClassVar = CUSTOMER
    address_id: AddressId
    changes: Mapping[str, str]
    default_shipping: bool | None = None
    default_billing: bool | None = None


async def update_address(command: UpdateAddress, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        saved = user.address(command.address_id)
        defaults = {
            name: chosen
            for name in ("default_shipping", "default_billing")
            if (chosen := getattr(command, name)) is not None
        }
        address = below("/address", lambda: _changed(saved.address, command.changes))
        user.save_address(evolve(saved, address=address, **defaults), context.now)
        tx.users.save(user)


def _changed(address: Address, changes: Mapping[str, str]) -> Address:
    unknown = [name for name in changes if name not in _FIELDS]
    if unknown:
        raise Invalid(
            "Some of this is no part of an address.",
            flaws=tuple(Flaw(f"/{name[:40]}", "field_unknown", f"One of {', '.join(_FIELDS)}") for name in unknown),
        )
    return evolve(address, **changes)


@frozen(kw_only=True)
class RemoveAddress(Command[None]):
    """Takes an address out of one's address book."""

    requires: ClassVar = CUSTOMER
    address_id: AddressId


async def remove_address(command: RemoveAddress, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(user_of(context))
        user.remove_address(command.address_id, context.now)
        tx.users.save(user)
