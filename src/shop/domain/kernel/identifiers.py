"""Every typed id, in one place, so that no capability imports another just to point at it.

An id is a UUIDv7 inside and a TypeID outside (`order_01jd8z6k3v…`: prefix, underscore, 26 characters of
Crockford base32, after the TypeID specification 0.3).
"""

from typing import Any, ClassVar, Self
from uuid import UUID, SafeUUID

from shop.domain.kernel.errors import Invalid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Two characters at a time: encoding an id is on the path of every answer. (Three are a table that leaves the cache.)
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_10_BITS, _30_BITS = (1 << 10) - 1, (1 << 30) - 1
# The digits that Python itself reads in this base; a question mark, which is none, for what no id has.
_PYTHONS = dict(zip(_ALPHABET, "0123456789abcdefghijklmnopqrstuv", strict=True))
_DIGITS = bytes(ord(_PYTHONS.get(chr(byte), "?")) for byte in range(256))
_SUFFIX_LENGTH = 26
_new, _set = object.__new__, object.__setattr__
_UNKNOWN = SafeUUID.unknown


class MalformedId(Invalid):
    """The text is not an id."""

    code = "id_malformed"
    title = "Not an id"


class WrongIdType(Invalid):
    """The id is fine, but names another kind of thing."""

    code = "id_wrong_type"
    title = "An id of another kind"


def uuid_of(number: int) -> UUID:
    """The UUID of 128 bits. `UUID(int=…)` does the same, after it has looked for all else it might have been given."""
    uuid = _new(UUID)
    _set(uuid, "int", number)
    _set(uuid, "is_safe", _UNKNOWN)
    return uuid


def uuid_in(text: str) -> UUID:
    """The UUID in 32 hexadecimal digits, with hyphens between them or without."""
    return uuid_of(int(text.replace("-", ""), 16))


def encode_suffix(uuid: UUID) -> str:
    """The 26 characters of a TypeID for this UUID."""
    number, pairs = uuid.int, _PAIRS
    # In numbers that fit a word: those of 128 bits are dear.
    a, b, c, d = number >> 90, number >> 60 & _30_BITS, number >> 30 & _30_BITS, number & _30_BITS
    return (
        f"{pairs[a >> 30]}{pairs[a >> 20 & _10_BITS]}{pairs[a >> 10 & _10_BITS]}{pairs[a & _10_BITS]}"
        f"{pairs[b >> 20]}{pairs[b >> 10 & _10_BITS]}{pairs[b & _10_BITS]}"
        f"{pairs[c >> 20]}{pairs[c >> 10 & _10_BITS]}{pairs[c & _10_BITS]}"
        f"{pairs[d >> 20]}{pairs[d >> 10 & _10_BITS]}{pairs[d & _10_BITS]}"
    )


def decode_suffix(suffix: str) -> UUID:
    """The UUID behind 26 characters. Raises MalformedId."""
    if len(suffix) != _SUFFIX_LENGTH or suffix[0] > "7":
        raise MalformedId(f"“{suffix[:40]}” is not the 26 characters of an id.")
    try:
        return uuid_of(int(suffix.encode().translate(_DIGITS), 32))
    except ValueError:
        raise MalformedId(f"“{suffix[:40]}” has characters that no id has.") from None


class Identifier:
    """A UUID that knows what it names. Ids of different kinds never compare equal."""

    __slots__ = ("uuid",)
    prefix: ClassVar[str]
    kinds: ClassVar[dict[str, type["Identifier"]]] = {}

    def __init__(self, uuid: UUID) -> None:
        self.uuid = uuid

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Identifier.kinds[cls.prefix] = cls

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that this text shows. Raises MalformedId, or WrongIdType for an id of another kind."""
        prefix, _, suffix = text.rpartition("_")
        if prefix == cls.prefix:
            return cls(decode_suffix(suffix))
        if prefix in Identifier.kinds:
            raise WrongIdType(f"An id that starts with “{cls.prefix}_” is needed here; this one is “{prefix}_…”.")
        raise MalformedId(f"“{text[:80]}” is not an id; one of this kind looks like “{cls.prefix}_” and 26 characters.")

    def __str__(self) -> str:
        return f"{self.prefix}_{encode_suffix(self.uuid)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.uuid == other.uuid

    def __lt__(self, other: Self) -> bool:
        return self.uuid < other.uuid

    def __hash__(self) -> int:
        return hash(self.uuid.int)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


def parse_any(text: str) -> Identifier:
    """The id that this text shows, whatever it names. Raises MalformedId."""
    prefix = text.rpartition("_")[0]
    kind = Identifier.kinds.get(prefix)
    if kind is None:
        raise MalformedId(f"“{text[:80]}” is not an id of this shop.")
    return kind.parse(text)


class ProductId(Identifier):
    prefix = "prod"


class VariantId(Identifier):
    prefix = "var"


class CategoryId(Identifier):
    prefix = "cat"


class LocationId(Identifier):
    prefix = "loc"


class MovementId(Identifier):
    prefix = "mov"


class ReservationId(Identifier):
    prefix = "res"


class CartId(Identifier):
    prefix = "cart"


class CartItemId(Identifier):
    prefix = "item"


class OrderId(Identifier):
    prefix = "order"


class OrderLineId(Identifier):
    prefix = "line"


class PaymentSessionId(Identifier):
    prefix = "ps"


class PaymentId(Identifier):
    prefix = "pay"


class AttemptId(Identifier):
    prefix = "att"


class PlanId(Identifier):
    prefix = "plan"


class SubscriptionId(Identifier):
    prefix = "sub"


class RefundId(Identifier):
    prefix = "refund"


class WalletId(Identifier):
    prefix = "wallet"


class DisputeId(Identifier):
    prefix = "dispute"


class LedgerEntryId(Identifier):
    prefix = "entry"


class InboxId(Identifier):
    prefix = "inbox"


class EventId(Identifier):
    prefix = "evt"


class UserId(Identifier):
    prefix = "user"


class ApiKeyId(Identifier):
    prefix = "key"


class RequestId(Identifier):
    prefix = "req"


class SessionId(Identifier):
    prefix = "sess"


class RoleId(Identifier):
    prefix = "role"


class SigningKeyId(Identifier):
    prefix = "kid"


class InvitationId(Identifier):
    prefix = "inv"


class OneTimeTokenId(Identifier):
    prefix = "otk"


class PasskeyId(Identifier):
    prefix = "pkey"


class TotpFactorId(Identifier):
    prefix = "totp"


class AddressId(Identifier):
    prefix = "addr"


class AuditEntryId(Identifier):
    prefix = "aud"


class ExportId(Identifier):
    prefix = "export"


class AccountRequestId(Identifier):
    prefix = "areq"


class SignInAttemptId(Identifier):
    prefix = "try"
