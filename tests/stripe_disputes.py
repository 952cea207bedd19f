"""What buyers, banks and reviewers do at the Stripe of the tests, in Stripe's own shapes.

Written by hand after the types of the library (`stripe.Dispute`, `BalanceTransaction`, `Review`,
`radar.EarlyFraudWarning`); none was recorded from an account.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from attrs import define, field

from tests.stripe_balance_stub import StripeBalanceStub

JSON = dict[str, Any]
FEE = 1500
BEGAN = 1_770_000_000
OPEN = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")


@define
class Quarrels:
    """Disputes, warnings and reviews by intent."""

    numbers: Iterator[int]
    balance: StripeBalanceStub
    disputes: dict[str, JSON] = field(factory=dict)
    warnings: dict[str, JSON] = field(factory=dict)
    reviews: dict[str, JSON] = field(factory=dict)
    settled_in: str = ""
    """The currency of the account, where it is another one than buyers pay in, with a rate of 1.25."""

    def of(self, intent: str) -> list[JSON]:
        """The latest first, as Stripe lists everything."""
        return [dispute for dispute in reversed(self.disputes.values()) if dispute["payment_intent"] == intent]

    def open(self, intent: JSON, charge: JSON, status: str) -> None:
        ref = f"dp_{next(self.numbers)}stub"
        self.disputes[ref] = {
            "id": ref,
            "object": "dispute",
            "amount": charge["amount_captured"],
            "balance_transactions": [],
            "charge": charge["id"],
            "created": BEGAN + len(self.disputes),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": BEGAN + 7 * 86_400,
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": status.startswith("warning"),
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "fraudulent",
            "status": status,
        }
        charge["disputed"] = True
        if status == "needs_response":
            self.move(self.disputes[ref], -charge["amount_captured"], FEE)

    def move(self, dispute: JSON, amount: int, fee: int) -> None:
        """A balance transaction: below zero it was withdrawn."""
        converted = int(amount * 1.25) if self.settled_in else amount
        currency, rate = (self.settled_in, 1.25) if self.settled_in else (dispute["currency"], None)
        dispute["balance_transactions"].append(self.balance.disputed(dispute, converted, fee, currency, rate))

    def ends(self, intent: JSON, status: str) -> None:
        [dispute] = self.of(intent["id"])
        back = -sum(move["net"] + move["fee"] for move in dispute["balance_transactions"])
        if status not in ("lost", "warning_closed") and back:
            self.move(dispute, dispute["amount"], 0)
        dispute["status"] = status

    def escalates(self, intent: JSON) -> None:
        [dispute] = self.of(intent["id"])
        dispute.update(status="needs_response", is_charge_refundable=False)
        self.move(dispute, -dispute["amount"], FEE)

    def answer(self, dispute: JSON, params: dict[str, str]) -> JSON:
        """Evidence comes; submitted, it goes to the bank."""
        dispute["evidence"] |= {name[9:-1]: text for name, text in params.items() if name.startswith("evidence[")}
        dispute["evidence_details"]["has_evidence"] = True
        if params.get("submit", "true") in ("true", "True"):
            becomes = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
            dispute["status"] = becomes[dispute["status"]]
            dispute["evidence_details"]["submission_count"] += 1
        return deepcopy(dispute)

    def warn(self, intent: JSON, charge: JSON) -> None:
        ref = f"issfr_{next(self.numbers)}stub"
        self.warnings[ref] = {
            "id": ref,
            "object": "radar.early_fraud_warning",
            "actionable": True,
            "charge": charge["id"],
            "created": BEGAN,
            "fraud_type": "made_with_stolen_card",
            "livemode": False,
            "payment_intent": intent["id"],
        }

    def warnings_of(self, intent: str, charge: JSON) -> list[JSON]:
        """None can be acted upon once the charge was disputed or given back."""
        over = charge.get("disputed", False) or charge["amount_refunded"] == charge["amount"]
        return [{**w, "actionable": not over} for w in self.warnings.values() if w["payment_intent"] == intent]

    def review(self, intent: JSON, *, open: bool) -> None:
        ref = intent.setdefault("review", None) or f"prv_{next(self.numbers)}stub"
        intent["review"] = ref
        self.reviews[ref] = {
            "id": ref,
            "object": "review",
            "closed_reason": None if open else "approved",
            "open": open,
            "opened_reason": "rule",
            "payment_intent": intent["id"],
            "reason": "rule" if open else "approved",
        }
