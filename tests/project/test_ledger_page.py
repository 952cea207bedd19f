"""The page about the ledger names every account and every kind of entry, and the one about figures every figure."""

from pathlib import Path

import attrs
import pytest

from shop.application.ports.views import PaymentStatisticsView
from shop.domain.ledger import ACCOUNTS, EntryKind

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PLAIN = {"since", "until", "currency"}


@pytest.mark.parametrize("name", sorted([*ACCOUNTS, *EntryKind, "clearing:<provider>"]))
def test_every_account_and_entry_is_told_of(name: str) -> None:
    rows = [line for line in (REFERENCE / "ledger.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)


@pytest.mark.parametrize("name", sorted(set(attrs.fields_dict(PaymentStatisticsView)) - PLAIN))
def test_every_figure_is_defined(name: str) -> None:
    page = (REFERENCE / "payment-figures.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)
