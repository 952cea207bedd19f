"""Stripe's customers, setup intents and saved cards, as the stub of the tests answers for them.

Written from Stripe's documentation and the library's types: a card belongs to one customer until it is detached and to
nobody after that; an intent is paid with a saved card only when it is of the same customer.
"""

from copy import deepcopy

from attrs import define, field

from tests.stripe_stub import JSON, Refused, Seen, StripeStub

_MISSING = "resource_missing"


@define
class StripeWalletStub(StripeStub):
    """The stub with customers. `cards` is what is saved, by name; a test may look and spoil them."""

    customers: dict[str, JSON] = field(factory=dict)
    setups: dict[str, JSON] = field(factory=dict)
    cards: dict[str, JSON] = field(factory=dict)
    empty: set[str] = field(factory=set)
    """Saved cards without money for now."""
    setup_status: str = "requires_payment_method"

    def browser_saves(self, client_secret: str, behaviour: str = "visa") -> str:
        """The customer types a card into Stripe's own form; what it is called then."""
        setup = next(one for one in self.setups.values() if one["client_secret"] == client_secret)
        ref = self._keep(setup["customer"], behaviour)
        setup.update(status="succeeded", payment_method=ref)
        return ref

    def _keep(self, customer: str, behaviour: str) -> str:
        ref = f"pm_{next(self._numbers)}{behaviour}"
        self.cards[ref] = {
            "id": ref,
            "object": "payment_method",
            "type": "card",
            "customer": customer,
            "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2034},
        }
        return ref

    def _do(self, asked: Seen) -> JSON:
        parts, params = asked.path.strip("/").split("/")[1:], asked.params
        match asked.method, parts:
            case "POST", ["customers"]:
                ref = f"cus_{next(self._numbers)}stub"
                self.customers[ref] = {"id": ref, "object": "customer", "metadata": {}}
                return deepcopy(self.customers[ref])
            case "DELETE", ["customers", ref]:
                del self.customers[self._customer(ref)]
                for card in self.cards.values():
                    card["customer"] = None if card["customer"] == ref else card["customer"]
                return {"id": ref, "object": "customer", "deleted": True}
            case "GET", ["customers", ref, "payment_methods", card]:
                if self.cards.get(card, {}).get("customer") != self._customer(ref):
                    raise Refused(404, _MISSING, f"No such PaymentMethod: '{card}'", kept=False)
                return deepcopy(self.cards[card])
            case "POST", ["setup_intents"]:
                return deepcopy(self._set_up(params))
            case "GET", ["payment_methods"]:
                owner = self._customer(params["customer"])
                found = [card for card in reversed(self.cards.values()) if card["customer"] == owner]
                return self._listed(found, params)
            case "POST", ["payment_methods", ref, "detach"]:
                if self.cards.get(ref, {}).get("customer") is None:
                    raise Refused(400, "payment_method_unexpected_state", "It is not attached.", kept=False)
                before = deepcopy(self.cards[ref])
                self.cards[ref]["customer"] = None
                self._tell_of(ref, before)
                return deepcopy(self.cards[ref])
            case "POST", ["payment_intents", ref] if set(params) == {"customer"}:
                intent = self._known(ref)
                intent["customer"] = self._customer(params["customer"])
                return deepcopy(intent)
        return super()._do(asked)

    def _customer(self, ref: str) -> str:
        if ref not in self.customers:
            raise Refused(404, _MISSING, f"No such customer: '{ref}'", kept=False)
        return ref

    def _set_up(self, params: dict[str, str]) -> JSON:
        assert params["usage"] == "off_session", "the bank must know that the card is charged later as well"
        assert params["allowed_payment_method_types[0]"] == "card"
        ref = f"seti_{next(self._numbers)}stub"
        self.setups[ref] = {
            "id": ref,
            "object": "setup_intent",
            "customer": self._customer(params["customer"]),
            "client_secret": f"{ref}_secret_{next(self._numbers)}",
            "status": self.setup_status,
        }
        return self.setups[ref]

    def _create(self, params: dict[str, str]) -> JSON:
        owner = self._customer(params["customer"]) if "customer" in params else None
        intent = super()._create(params)
        intent["customer"] = owner
        intent["setup_future_usage"] = params.get("setup_future_usage")
        assert owner or not intent["setup_future_usage"], "a card is saved for somebody"
        return intent

    def _authorize(self, intent: JSON) -> JSON:
        """What the browser typed in becomes a card of the customer, where that was wished for."""
        intent = super()._authorize(intent)
        if intent.get("setup_future_usage") == "off_session" and intent["payment_method"] not in self.cards:
            intent["payment_method"] = self._keep(intent["customer"], "visa")
        return intent

    def _confirm(self, intent: JSON, method: str) -> JSON:
        card = self.cards.get(method)
        if card is not None and card["customer"] is None:
            raise Refused(400, "payment_method_unexpected_state", "It was detached and may not be used again.")
        if card is not None and card["customer"] != intent["customer"]:
            raise Refused(400, "payment_method_customer_mismatch", "The PaymentMethod is of another customer.")
        return super()._confirm(intent, f"{method}Declined" if method in self.empty else method)

    def _tell_of(self, ref: str, before: JSON) -> None:
        event = {
            "id": f"evt_{next(self._numbers)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": 1_770_000_000,
            "livemode": False,
            "type": "payment_method.detached",
            "data": {"object": deepcopy(self.cards[ref]), "previous_attributes": {"customer": before["customer"]}},
        }
        self.events.append(event)
