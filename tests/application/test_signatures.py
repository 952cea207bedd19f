"""What a signature header says, before any signature is checked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.ports.payments import SignatureRejected
from shop.application.ports.signatures import SignatureHeader, read_signature_header

MOMENT = 1_772_600_000
NOW = datetime.fromtimestamp(MOMENT, UTC)


def test_a_header_says_when_and_with_what() -> None:
    header = f"t={MOMENT},v1=aa,v0=cc,v1=bb,other"
    assert read_signature_header(header, NOW) == SignatureHeader(MOMENT, ("aa", "bb"))


@pytest.mark.parametrize("off", [-301, 301, -(10**6), 10**6])
def test_s63_five_minutes_either_way_and_no_more(off: int) -> None:
    for fine in (-300, 300):
        assert read_signature_header(f"t={MOMENT + fine},v1=aa", NOW).moment == MOMENT + fine
    with pytest.raises(SignatureRejected):
        read_signature_header(f"t={MOMENT + off},v1=aa", NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={MOMENT}",
        "v1=aa",
        f"t={MOMENT},v0=aa",
        f"t={MOMENT},t={MOMENT},v1=aa",
        f"t= {MOMENT},v1=aa",
        f"t=+{MOMENT},v1=aa",
        f"t={MOMENT}.0,v1=aa",
        "t=" + "9" * 5000 + ",v1=aa",
        "t=9999999999999,v1=aa",
        f"t={MOMENT},v1=ä",
        f"t={MOMENT}," + "v1=aa," * 1000,
        f"t={''.join(chr(0x0660 + int(digit)) for digit in str(MOMENT))},v1=aa",
    ],
    ids=lambda header: repr(header[:24]),
)
def test_s63_any_other_header_is_rejected(header: str) -> None:
    with pytest.raises(SignatureRejected):
        read_signature_header(header, NOW)


@given(st.text(alphabet="tv01=,aé+-. _", max_size=60))
def test_s63_no_header_crashes_it(header: str) -> None:
    with pytest.raises(SignatureRejected):
        read_signature_header(header, NOW)
