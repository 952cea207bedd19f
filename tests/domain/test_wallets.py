"""Wallets: one name at the provider, for as long as they exist."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.identifiers import UserId, WalletId
from shop.domain.payments import SavedMethodDetached, SavedMethodUpdated, Wallet, WalletElsewhere

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ADA = UserId(UUID(int=1))


def wallet() -> Wallet:
    return Wallet.open(id=WalletId(UUID(int=2)), user_id=ADA, provider="fake", at=NOW)


@given(names=st.lists(st.sampled_from(["cus_1", "cus_2"]), max_size=6))
def test_the_first_name_stays_whatever_comes_after_it(names: list[str]) -> None:
    one = wallet()
    for hours, name in enumerate(names):
        if name == names[0]:
            one.know(name, NOW + timedelta(hours=hours))
        else:
            with pytest.raises(WalletElsewhere):
                one.know(name, NOW + timedelta(hours=hours))
    assert one.customer_ref == (names[0] if names else "")
    assert one.updated_at == NOW


def test_what_becomes_of_a_saved_way_to_pay_is_told() -> None:
    one = wallet()
    one.tell_of_update("pm_1", NOW)
    one.tell_of_removal("pm_1", NOW)
    told = one.take_events()
    assert [type(event) for event in told] == [SavedMethodUpdated, SavedMethodDetached]
    assert {(event.subject, event.user_id, event.method) for event in told} == {(one.id, ADA, "pm_1")}  # type: ignore[attr-defined]


def test_the_log_does_not_say_who_somebody_is_at_the_provider() -> None:
    one = wallet()
    one.know("cus_1", NOW)
    assert "customer_ref" in Wallet.audited_silently
    assert "customer_ref" not in Wallet.audited
