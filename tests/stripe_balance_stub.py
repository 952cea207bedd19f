"""What Stripe's stub holds for the shop: balance transactions, newest first as Stripe lists them, and payouts.

Written from Stripe's documentation and the library's types: a charge costs 1.5 % and 25 minor units, a payout has a
movement of its own, and that stands among those that it consists of.
"""

from copy import deepcopy
from typing import Any

from attrs import define, field

JSON = dict[str, Any]
BEGAN = 1_770_000_000


@define
class StripeBalanceStub:
    """Movements and payouts; a test may look and spoil them."""

    transactions: list[JSON] = field(factory=list)
    payouts: list[JSON] = field(factory=list)
    sources: dict[str, JSON] = field(factory=dict)

    def charged(self, charge: JSON) -> None:
        amount = charge["amount_captured"]
        self._moved("charge", amount, (amount * 15 + 500) // 1000 + 25, charge)

    def refunded(self, refund: JSON) -> None:
        self._moved("refund", -refund["amount"], 0, refund)["id"] = refund["balance_transaction"]

    def moved(self, type: str, amount: int, fee: int = 0, *, category: str = "", source: JSON | None = None) -> JSON:
        """Anything else that happens to the balance."""
        return self._moved(type, amount, fee, source, category)

    def disputed(self, dispute: JSON, amount: int, fee: int, currency: str, rate: float | None) -> JSON:
        """Withdrawn because of a dispute, or given back: an adjustment, of which only the category tells."""
        moved = self._moved("adjustment", amount, fee, dispute, "dispute" if amount < 0 else "dispute_reversal")
        moved.update(currency=currency, exchange_rate=rate)
        return {name: value for name, value in moved.items() if name != "payout"} | {"source": dispute["id"]}

    def pay_out(self, status: str = "paid") -> JSON:
        """Pays out all that was not paid out so far."""
        held = [one for one in self.transactions if not one["payout"]]
        amount = sum(one["net"] for one in held)
        payout = {
            "id": f"po_{len(self.payouts) + 1}stub",
            "object": "payout",
            "amount": amount,
            "arrival_date": BEGAN + 172_800,
            "automatic": True,
            "balance_transaction": None,
            "created": BEGAN + len(self.transactions),
            "currency": held[0]["currency"],
            "failure_code": None,
            "status": status,
        }
        for one in held:
            one["payout"] = payout["id"]
        moved = self._moved("payout", -amount, 0, payout)
        moved["payout"] = payout["id"]
        payout["balance_transaction"] = moved["id"]
        self.payouts.append(payout)
        return payout

    def answer(self, parts: list[str], params: dict[str, str]) -> JSON | None:
        """A list, or one movement; None where there is none of this name."""
        if len(parts) == 1:
            return self._listed(parts[0], params)
        return next((self._shown(one) for one in self.transactions if one["id"] == parts[1]), None)

    def _listed(self, kind: str, params: dict[str, str]) -> JSON:
        things = list(reversed(self.transactions if kind == "balance_transactions" else self.payouts))
        if "created[gte]" in params:
            since, until = int(params["created[gte]"]), int(params["created[lt]"])
            things = [one for one in things if since <= one["created"] < until]
        if "payout" in params:
            things = [one for one in things if one["payout"] == params["payout"]]
        if after := params.get("starting_after"):
            things = things[[one["id"] for one in things].index(after) + 1 :]
        page = things[: int(params["limit"])]
        if kind == "balance_transactions":
            assert params["expand[0]"] == "data.source"
            page = [self._shown(one) for one in page]
        return {"object": "list", "url": f"/v1/{kind}", "has_more": len(things) > len(page), "data": deepcopy(page)}

    def _moved(self, type: str, amount: int, fee: int, source: JSON | None, category: str = "") -> JSON:
        number = len(self.transactions) + 1
        moved: JSON = {
            "id": f"txn_{number}stub",
            "object": "balance_transaction",
            "amount": amount,
            "created": BEGAN + number,
            "currency": source["currency"] if source else "eur",
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "payout": "",
            "reporting_category": category or type,
            "source": source["id"] if source else None,
            "status": "available",
            "type": type,
        }
        self.transactions.append(moved)
        if source:
            self.sources[source["id"]] = source
        return moved

    def _shown(self, moved: JSON) -> JSON:
        shown = {name: value for name, value in moved.items() if name != "payout"}
        return {**deepcopy(shown), "source": deepcopy(self.sources.get(moved["source"] or ""))}
