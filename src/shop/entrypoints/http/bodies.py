"""Bodies: read within bounds, refused when they say more than is understood, errors that point to the place."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from litestar.types import Receive
from msgspec import UNSET, Meta, Struct, UnsetType, inspect

from shop.domain.kernel.address import Address
from shop.domain.kernel.errors import Flaw, Invalid, below
from shop.domain.kernel.identifiers import Identifier
from shop.domain.kernel.metadata import merged_metadata
from shop.domain.kernel.money import AMOUNT_MAX, Money
from shop.entrypoints.http.errors import BodyMalformed, MediaTypeUnsupported, PayloadTooLarge, RequestTooSlow

I = TypeVar("I", bound=Identifier)  # noqa: E741
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*)`)?$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING_FIELD = re.compile(r"missing required field `(?P<name>.*)`", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+|\.\.\.)\]")
_ESCAPED_NULL = b"\\u0000"
BODY_SECONDS_MAX = 15.0
DEPTH_MAX = 32
_LENGTH_DIGITS_MAX = 20


class ClientGone(Exception):
    """The client hung up before it had said everything."""


class Body(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a request may say: nothing but the named fields."""


Text = Annotated[str, Meta(max_length=300)]
ShortText = Annotated[str, Meta(max_length=100)]
LongText = Annotated[str, Meta(max_length=100_000)]
IdText = Annotated[
    str, Meta(min_length=1, max_length=100, description="What it names, an underscore and 26 characters")
]
CurrencyText = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217, such as EUR")]
Slug = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="Whole minor units: cents")]
Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)],
    ],
    Meta(max_length=50),
]
MetadataChange = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)] | None,
    ],
    Meta(max_length=50, description="Merged into what is there; null removes a key."),
]


class AddressBody(Body):
    """A postal address."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    line1: Annotated[str, Meta(min_length=1, max_length=200)]
    city: Annotated[str, Meta(min_length=1, max_length=120)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1, such as DE")]
    line2: Annotated[str, Meta(max_length=200)] = ""
    company: Annotated[str, Meta(max_length=200)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    region: Annotated[str, Meta(max_length=120, description="As taxes have it, in capitals or not: CA or US-CA")] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""

    def address(self) -> Address:
        return Address(**msgspec.structs.asdict(self))


class MoneyBody(Body):
    """An amount as the shop shows it; what it says under `display` is not read."""

    amount: Amount
    currency: CurrencyText
    display: ShortText = ""

    def money(self) -> Money:
        return Money(self.amount, self.currency)


def given(body: Struct, *names: str) -> dict[str, Any]:
    """The named fields that were sent; null means empty text."""
    values = {name: getattr(body, name) for name in names}
    return {name: "" if value is None else value for name, value in values.items() if value is not UNSET}


def merged(current: Mapping[str, str], change: "dict[str, str | None] | UnsetType | None") -> Mapping[str, str]:
    """The metadata after a merge patch; null empties it."""
    if not isinstance(change, dict):
        return {}
    return merged_metadata(current, change)


def identifier(kind: type[I], text: str, pointer: str) -> I:
    return below(pointer, lambda: kind.parse(text))


async def read_bytes(receive: Receive, headers: Mapping[bytes, bytes], maximum: int) -> bytes:
    """The whole body. Raises PayloadTooLarge as soon as it is known to be, ClientGone, RequestTooSlow.

    One whose length was announced is whole when so much is here: the server's word that nothing follows is another turn
    of the loop away.
    """
    announced = _announced(headers)
    if announced is not None and announced > maximum:
        raise PayloadTooLarge(f"At most {maximum} bytes are taken here.")
    if announced == 0:
        return b""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message: Any = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > maximum:
                    raise PayloadTooLarge(f"At most {maximum} bytes are taken here.")
                if size == announced or not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise RequestTooSlow(f"A body is here within {BODY_SECONDS_MAX:.0f} seconds.") from None


def _announced(headers: Mapping[bytes, bytes]) -> int | None:
    """How many bytes the body has, where that is certain: beside a transfer coding it means nothing (RFC 9112, 6.3)."""
    said = headers.get(b"content-length", b"")
    certain = said.isdigit() and len(said) <= _LENGTH_DIGITS_MAX and b"transfer-encoding" not in headers
    return int(said) if certain else None


def check_media_type(headers: Mapping[bytes, bytes], method: str) -> None:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if b"content-encoding" in headers:
        raise MediaTypeUnsupported(
            "No Content-Encoding is understood here.", hint="Send the JSON as it is, without Content-Encoding."
        )
    merge_patch = method == "PATCH" and media_type == b"application/merge-patch+json"
    if media_type != b"application/json" and not merge_patch:
        raise MediaTypeUnsupported(f"This came as “{media_type.decode('latin-1')[:60]}”.")


def decode(body: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """The body as what the endpoint takes. Raises BodyMalformed, or Invalid that points to the place."""
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _at_its_place(str(error), decoder.type) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BodyMalformed(f"The body is not JSON: {str(error)[:200]}") from None
    # Its depth is bounded from here on: it was decoded as a type of known depth.
    plain = _read_once(body.decode())
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX:
        _check_depth(plain, DEPTH_MAX)
    if _ESCAPED_NULL in body:
        _check_nulls(plain, "")
    return decoded


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        # Programs disagree on which of the two counts: what a gateway checked might not be what we did.
        raise BodyMalformed(f"“{twice[:60]}” stands there twice in one object.")
    return found


_read_once = json.JSONDecoder(object_pairs_hook=_each_once).decode


def canonical(body: bytes) -> bytes:
    """The body without differences that mean nothing: order of members, white space."""
    if not body:
        return b""
    return msgspec.json.encode(msgspec.json.decode(body), order="sorted")


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, (dict, list)):
        return
    if not left:
        raise BodyMalformed(f"It is nested more than {DEPTH_MAX} deep.")
    for each in value.values() if isinstance(value, dict) else value:
        _check_depth(each, left - 1)


def _check_nulls(value: Any, pointer: str) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise Invalid("Text has no null characters.", flaws=(Flaw(pointer, "null_character", "No null characters"),))
    if isinstance(value, dict):
        for key, each in value.items():
            _check_nulls(key, f"{pointer}/{_escaped(key)}")
            _check_nulls(each, f"{pointer}/{_escaped(key)}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_nulls(each, f"{pointer}/{index}")


def _at_its_place(message: str, kind: Any) -> Invalid:
    match = _PLACE.match(message)
    what, path = (match["what"], match["path"] or "$") if match else (message, "$")
    # Of a member whose name is anybody's choice msgspec says “...”: the pointer ends before it.
    steps = [step["name"] or step["index"] for step in _STEP.finditer(path.partition("[...]")[0])]
    pointer = "".join("/" + step for step in steps)
    if unknown := _UNKNOWN_FIELD.search(what):
        name = unknown["name"][:60]
        flaw = Flaw(f"{pointer}/{_escaped(name)}", "field_unknown", "There is no such field")
        return Invalid(f"There is no field “{name}” here.", flaws=(flaw,))
    if missing := _MISSING_FIELD.search(what):
        flaw = Flaw(f"{pointer}/{missing['name']}", "field_missing", "This field is needed")
        return Invalid(f"The field “{missing['name']}” is missing.", flaws=(flaw,))
    what = what.replace("`", "")
    if what.startswith("Invalid enum value") and (choices := _choices(inspect.type_info(kind), steps)):
        offered = ", ".join(choices)
        return Invalid(
            f"“{pointer}” is one of: {offered}.", flaws=(Flaw(pointer, "value_refused", f"One of: {offered}"),)
        )
    return Invalid(f"{what} at “{pointer or '/'}”.", flaws=(Flaw(pointer, "value_refused", what),))


def _choices(kind: inspect.Type, steps: Sequence[str]) -> list[str]:
    """What an enumeration offers that is found on this way; nothing where there is none."""
    match kind:
        case inspect.UnionType(types=types):
            return next((found for one in types if (found := _choices(one, steps))), [])
        case inspect.EnumType(cls=cls) if not steps:
            return [str(member.value) for member in cls]
        case inspect.StructType(fields=fields) if steps:
            return next((_choices(one.type, steps[1:]) for one in fields if one.encode_name == steps[0]), [])
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if steps:
            return _choices(item, steps[1:])
        case _:
            return []


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
