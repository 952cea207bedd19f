"""Postal addresses and countries: what shipping, tax and orders share."""

from typing import Any

from attrs import field, frozen

from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.texts import storable

# ISO 3166-1 alpha-2, the officially assigned codes.
COUNTRIES = frozenset(
    """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""".split()  # noqa: SIM905 - a list of 249 literals is not easier to read
)


class AddressIncomplete(Invalid):
    """A part of the address that every parcel needs is missing or malformed."""

    code = "address_incomplete"
    title = "The address is incomplete"
    default_hint = "Send name, line1, city and a two-letter country code; postal_code where the country has them."


ERASED = "erased"
"""What stands where a person was."""


def _text(maximum: int, required: bool = False) -> Any:
    def check(_instance: Any, attribute: Any, value: str) -> None:
        if (required and not value.strip()) or len(value) > maximum or not storable(value):
            raise AddressIncomplete(
                f"“{attribute.name}” needs {'1 to ' if required else 'at most '}{maximum} characters.",
                flaws=(Flaw(f"/{attribute.name}", "length", f"At most {maximum} characters"),),
            )

    return check


def checked_country(_instance: Any, _attribute: Any, value: str) -> None:
    """Lets an attribute be an ISO 3166-1 code only: “UK” for GB would never match anything."""
    if value not in COUNTRIES:
        raise AddressIncomplete(
            f"“{value[:10]}” is not a country code of ISO 3166-1, such as DE or US.",
            flaws=(Flaw("/country", "country_unknown", "A two-letter code such as DE"),),
        )


@frozen(kw_only=True)
class Address:
    """Where something goes or who pays. Always copied by value: an order keeps the address it was placed with."""

    name: str = field(validator=_text(200, required=True))
    line1: str = field(validator=_text(200, required=True))
    line2: str = field(default="", validator=_text(200))
    company: str = field(default="", validator=_text(200))
    postal_code: str = field(default="", validator=_text(20))
    city: str = field(validator=_text(120, required=True))
    region: str = field(default="", validator=_text(120))
    country: str = field(validator=checked_country)
    phone: str = field(default="", validator=_text(40))

    def without_person(self) -> "Address":
        """What taxes were due by: the country, the region and the place, and nobody who lives there."""
        return Address(
            name=ERASED,
            line1=ERASED,
            city=self.city,
            postal_code=self.postal_code,
            region=self.region,
            country=self.country,
        )
