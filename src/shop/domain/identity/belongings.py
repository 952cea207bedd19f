"""What belongs to a user: entries of the address book, and accounts elsewhere that open this one."""

from datetime import datetime

from attrs import evolve, frozen

from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import AddressId


@frozen(kw_only=True)
class LinkedIdentity:
    """An account at a sign-in provider that opens this one."""

    provider: str
    subject: str
    linked_at: datetime


@frozen(kw_only=True)
class SavedAddress:
    """An entry of somebody's address book. Carts and orders copy it, and never point at it."""

    id: AddressId
    address: Address
    default_shipping: bool = False
    default_billing: bool = False


def beside(other: SavedAddress, saved: SavedAddress) -> SavedAddress:
    """An address of the book beside one that was just saved: there is one default of each kind."""
    return evolve(
        other,
        default_shipping=other.default_shipping and not saved.default_shipping,
        default_billing=other.default_billing and not saved.default_billing,
    )
