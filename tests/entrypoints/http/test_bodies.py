"""What is said of a body that breaks a rule: where, what is wrong, and what would be right."""

from enum import StrEnum
from typing import Any

import msgspec
import pytest

from shop.domain.kernel.errors import Invalid
from shop.entrypoints.http.bodies import Body, decode


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Line(Body):
    colour: Colour
    size: int = 1


class Basket(Body):
    lines: list[Line] = msgspec.field(default_factory=list)
    best: Colour | None = None
    pairs: tuple[Colour, ...] = ()
    named: dict[str, str] = msgspec.field(default_factory=dict)


_decoder = msgspec.json.Decoder(Basket)


@pytest.mark.parametrize(
    ("body", "pointer", "code", "said"),
    [
        (b'{"best":"green"}', "/best", "value_refused", "“/best” is one of: red, blue."),
        (b'{"lines":[{"colour":"green"}]}', "/lines/0/colour", "value_refused", "is one of: red, blue."),
        (b'{"pairs":["red","green"]}', "/pairs/1", "value_refused", "is one of: red, blue."),
        (b'{"lines":[{"colour":"red","size":"x"}]}', "/lines/0/size", "value_refused", "Expected int, got str"),
        (b'{"lines":[{}]}', "/lines/0/colour", "field_missing", "The field “colour” is missing."),
        (b'{"lines":[{"colour":"red","a/b":1}]}', "/lines/0/a~1b", "field_unknown", "There is no field “a/b” here."),
        (b'{"best":1}', "/best", "value_refused", "Expected str | null, got int"),
        (b'{"named":{"a":1}}', "/named", "value_refused", "at “/named”."),
        (b"[]", "", "value_refused", "Expected object, got array"),
    ],
)
def test_it_is_said_where_it_is_wrong_and_how(body: bytes, pointer: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decode(body, _decoder)
    [flaw] = refusal.value.flaws
    assert (flaw.pointer, flaw.code) == (pointer, code)
    assert said in refusal.value.detail


def test_what_is_right_is_read() -> None:
    read: Any = decode(b'{"lines":[{"colour":"red"}],"best":null,"pairs":["blue"]}', _decoder)
    assert read == Basket(lines=[Line(colour=Colour.RED)], pairs=(Colour.BLUE,))
