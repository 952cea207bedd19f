"""Ids are TypeIDs outside and UUIDs inside; an id of one kind is never taken for another."""

import copy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.identifiers import (
    CartId,
    Identifier,
    MalformedId,
    OrderId,
    ProductId,
    WrongIdType,
    decode_suffix,
    encode_suffix,
    parse_any,
)

uuids = st.uuids()
kinds = st.sampled_from(sorted(Identifier.kinds.values(), key=lambda kind: kind.prefix))
# The vectors of the TypeID specification.
VECTORS = [
    ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
    ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
    ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
    ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
    ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
    ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ("01h2xcejqtf2nbrexx3vqjhp41", "0188bac7-4afa-78aa-bc3b-bd1eef28d881"),
]


@pytest.mark.parametrize(("suffix", "uuid"), VECTORS)
def test_the_vectors_of_the_specification(suffix: str, uuid: str) -> None:
    assert encode_suffix(UUID(uuid)) == suffix
    assert decode_suffix(suffix) == UUID(uuid)


@given(kinds, uuids)
def test_an_id_is_read_back_from_what_it_shows(kind: type[Identifier], uuid: UUID) -> None:
    shown = str(kind(uuid))
    assert kind.parse(shown) == kind(uuid) == parse_any(shown)
    assert type(parse_any(shown)) is kind
    assert len(shown.removeprefix(kind.prefix)) == 27


@given(uuids, uuids)
def test_text_sorts_like_the_ids(a: UUID, b: UUID) -> None:
    assert (OrderId(a) < OrderId(b)) == (str(OrderId(a)) < str(OrderId(b)))


@pytest.mark.parametrize(
    "text",
    [
        "order_80000000000000000000000000",  # more than 128 bits
        "order_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "order_0000000000000000000000000A",
        "ORDER_00000000000000000000000001",
        "order_0000000000000000000000000",
        "order_000000000000000000000000000",
        "order_0000000000000000000000000l",
        "order_0000000000000000000000000i",
        "order_0000000000000000000000000u",
        "order_0000000000000000000000000٣",
        "order_0000000000000-000000000001",
        "order_ 0000000000000000000000001",
        "order_+0000000000000000000000001",
        "order_0000000000000000000000001\n",
        "order_0000000000000\x00000000000001",
        "order_0000000000000000000000000\ud800",
        "order_",
        "order",
        "",
        "_00000000000000000000000001",
        "00000000000000000000000001",
        "orders_00000000000000000000000001",
        pytest.param("x" * 100_000, id="endless"),
    ],
)
def test_what_is_no_id_is_refused_in_few_words(text: str) -> None:
    for read in (OrderId.parse, parse_any):
        with pytest.raises(MalformedId) as refusal:
            read(text)
        assert len(refusal.value.detail) < 250


def test_an_id_of_another_kind_is_refused_and_both_are_named() -> None:
    cart = CartId(UUID(int=5))
    with pytest.raises(WrongIdType) as refusal:
        OrderId.parse(str(cart))
    assert "order_" in refusal.value.detail
    assert "cart_" in refusal.value.detail
    assert refusal.value.code == "id_wrong_type"


@given(uuids)
def test_ids_of_two_kinds_never_equal(uuid: UUID) -> None:
    assert OrderId(uuid) != CartId(uuid)
    assert OrderId(uuid) != uuid
    assert len({OrderId(uuid), CartId(uuid), OrderId(uuid)}) == 2


def test_prefixes_are_unique_and_an_id_says_what_it_is() -> None:
    assert len(Identifier.kinds) == len(Identifier.__subclasses__())
    order = OrderId(UUID(int=1))
    assert repr(order) == "OrderId(order_00000000000000000000000001)"
    assert copy.copy(order) is copy.deepcopy(order) is order
    assert ProductId.kinds["prod"] is ProductId
