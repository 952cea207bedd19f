"""How views look outside."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.ports.views import CategoryView, VariantAvailabilityView
from shop.domain.kernel.currencies import EXPONENTS
from shop.domain.kernel.identifiers import CategoryId, VariantId
from shop.domain.kernel.money import AMOUNT_MAX, Money
from shop.entrypoints.representation import representation, schema_of, to_json, with_fields

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOCALES = ("en", "de", "de-CH", "fr", "hi", "ar", "ja", "es", "sv", "he")


def a_category(number: int, **changes: object) -> CategoryView:
    plain = {
        "id": CategoryId(UUID(int=number)),
        "slug": "a",
        "name": "A",
        "description": "",
        "parent_id": None,
        "position": 0,
        "seo_title": "",
        "seo_description": "",
        "metadata": {"k": "v"},
        "created_at": NOW,
        "updated_at": NOW,
        "version": 1,
    }
    return CategoryView(**{**plain, **changes})  # type: ignore[arg-type]


def test_object_comes_first_then_fields_as_declared() -> None:
    shown = representation().plain(a_category(1))
    assert list(shown)[:4] == ["object", "id", "slug", "name"]
    assert shown["id"] == "cat_00000000000000000000000001"
    assert b'"created_at":"2026-11-23T12:00:00Z"' in to_json(shown)


def test_what_nobody_asked_for_is_left_out_and_nothing_else() -> None:
    shown = representation().plain(a_category(1))
    assert "children" not in shown
    assert shown["parent_id"] is None
    nested = representation().plain(a_category(1, children=[a_category(2, ancestors=[])]))
    assert nested["children"][0]["ancestors"] == []
    assert nested["children"][0]["object"] == "category"


def test_views_without_a_kind_have_no_object() -> None:
    view = VariantAvailabilityView(variant_id=VariantId(UUID(int=1)), sku="S", status="in_stock")
    assert list(representation().plain(view)) == ["variant_id", "sku", "status"]


def test_some_fields_keep_the_id() -> None:
    assert list(with_fields(representation().plain(a_category(1)), frozenset({"name"}))) == ["object", "id", "name"]


def test_unknown_languages_are_english() -> None:
    assert representation("xx-YY").display(123456, "EUR") == "€1,234.56"


@pytest.mark.parametrize(
    ("locale", "minor", "currency", "display"),
    [
        ("en", 2999, "EUR", "€29.99"),
        ("en", 0, "EUR", "€0.00"),
        ("en", 2500, "JPY", "¥2,500"),
        ("en", 12345, "KWD", "KWD\xa012.345"),
        ("en", -5, "USD", "-$0.05"),
        ("de", 123456789, "EUR", "1.234.567,89\xa0€"),
        ("hi", 123456789, "INR", "₹12,34,567.89"),
    ],
)
def test_amounts_as_people_write_them(locale: str, minor: int, currency: str, display: str) -> None:
    assert representation(locale).display(minor, currency).replace("KWD12", "KWD\xa012") == display


@given(
    st.sampled_from(LOCALES),
    st.integers(-AMOUNT_MAX, AMOUNT_MAX) | st.integers(-99_999, 99_999),
    st.sampled_from(sorted(EXPONENTS)),
)
def test_the_short_way_writes_what_babel_writes(locale: str, minor: int, currency: str) -> None:
    shown = representation(locale)
    assert shown.display(minor, currency) == shown._written(minor, currency)
    assert shown.money(Money(minor, currency))["amount"] == minor


def test_schemas_know_what_may_be_missing() -> None:
    components: dict[str, dict[str, object]] = {}
    schema_of(CategoryView, components)
    required = components["Category"]["required"]
    assert isinstance(required, list)
    assert "parent_id" in required
    assert "children" not in required
