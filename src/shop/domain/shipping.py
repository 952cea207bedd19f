"""How parcels reach people: methods with their countries and what they cost."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from shop.domain.kernel.address import COUNTRIES
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.money import Money


class ShippingUnavailable(Conflict):
    """The chosen method does not serve this cart, or none does."""

    code = "shipping_unavailable"
    title = "This delivery is not available"
    default_hint = "Choose one of GET /api/carts/{id}/shipping-options."


@frozen(kw_only=True)
class WeightStep:
    """Up to this weight in grams, this price."""

    up_to_grams: int
    price: Money


@frozen(kw_only=True)
class ShippingMethod:
    """A way of delivery. Flat prices hold for any weight; weight steps for parcels up to the heaviest step.

    `countries` empty means everywhere. Days are working days from the order to the door.
    """

    code: str
    name: str
    countries: frozenset[str] = frozenset()
    flat: tuple[Money, ...] = ()
    by_weight: tuple[WeightStep, ...] = ()
    tax_class: str = "standard"
    days_min: int = 1
    days_max: int = 5

    def __attrs_post_init__(self) -> None:
        if bool(self.flat) == bool(self.by_weight):
            raise Invalid(f"“{self.code}” needs flat prices or weight steps, and not both.")
        if any(price.minor < 0 for price in (*self.flat, *(step.price for step in self.by_weight))):
            raise Invalid(f"“{self.code}” cannot cost less than nothing.")
        if unknown := sorted(self.countries - COUNTRIES):
            raise Invalid(f"{', '.join(unknown)}: no country code of ISO 3166-1.")
        if not 0 <= self.days_min <= self.days_max:
            raise Invalid(f"“{self.code}” takes at least {self.days_min} and at most {self.days_max} days.")

    def price(self, country: str, weight_grams: int, currency: str) -> Money | None:
        """What it costs to send this weight there, or None where it does not go."""
        if self.countries and country not in self.countries:
            return None
        if self.flat:
            return next((price for price in self.flat if price.currency == currency), None)
        fitting = [
            step for step in self.by_weight if step.price.currency == currency and weight_grams <= step.up_to_grams
        ]
        return min(fitting, key=lambda step: step.up_to_grams).price if fitting else None


def check_distinct(methods: Sequence[ShippingMethod]) -> None:
    """A code names one way of delivery wherever a parcel goes. Raises Invalid."""
    for index, method in enumerate(methods):
        for other in methods[:index]:
            everywhere = not method.countries or not other.countries
            if method.code == other.code and (everywhere or method.countries & other.countries):
                raise Invalid(f"Two deliveries to the same country have the code “{method.code}”.")


@frozen(kw_only=True)
class ShippingOption:
    """A method as it is offered to one cart."""

    code: str
    name: str
    price: Money
    tax_class: str
    days_min: int
    days_max: int


def options_for(
    methods: Iterable[ShippingMethod], country: str, weight_grams: int, currency: str
) -> list[ShippingOption]:
    """The methods that go there with this weight, the cheapest first."""
    options = [
        ShippingOption(
            code=method.code,
            name=method.name,
            price=price,
            tax_class=method.tax_class,
            days_min=method.days_min,
            days_max=method.days_max,
        )
        for method in methods
        if (price := method.price(country, weight_grams, currency)) is not None
    ]
    return sorted(options, key=lambda option: (option.price.minor, option.code))
