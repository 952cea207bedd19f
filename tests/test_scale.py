"""A slow proof runs its slice, unless it is asked for in full."""

import pytest

from tests.scale import rounds


def test_a_proof_runs_a_slice_unless_asked_for_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PROVE", raising=False)
    assert rounds(20, in_full=1000) == 20
    monkeypatch.setenv("SHOP_PROVE", "1")
    assert rounds(20, in_full=1000) == 1000
