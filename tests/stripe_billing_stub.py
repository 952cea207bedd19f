"""Stripe's subscriptions and invoices, as the stub of the tests answers for them.

Written from Stripe's documentation and the library's types: an invoice is made as a draft, is made final with a payment
that waits, and is paid off session with a saved method; a decline is a 402 and leaves the invoice open.
"""

from copy import deepcopy
from typing import Any

from attrs import define, field

from tests.stripe_stub import JSON, Refused, Seen
from tests.stripe_wallet_stub import StripeWalletStub

CUSTOMER = "cus_1stub"
SAVED, SAVED_DECLINED, NOT_SAVED = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_loose"
_SAVED = {SAVED: CUSTOMER, SAVED_DECLINED: CUSTOMER, "pm_card_authenticationRequired": CUSTOMER, NOT_SAVED: None}


@define
class StripeBillingStub(StripeWalletStub):
    """The stub with customers and billing. A test may look at `subscriptions` and `invoices`, and spoil them."""

    subscriptions: dict[str, JSON] = field(factory=dict)
    invoices: dict[str, JSON] = field(factory=dict)
    least_charge: int = 0

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.customers[CUSTOMER] = {"id": CUSTOMER, "object": "customer", "metadata": {}}

    def _do(self, asked: Seen) -> JSON:
        parts, params = asked.path.strip("/").split("/")[1:], asked.params
        match asked.method, parts:
            case "GET", ["payment_methods", ref]:
                return {"id": ref, "object": "payment_method", "customer": self._owner(ref)}
            case "POST", ["products"]:
                return {"id": f"prod_{next(self._numbers)}", "object": "product", "name": params["name"]}
            case "POST", ["subscriptions"]:
                return deepcopy(self._subscribe(params))
            case _, ["subscriptions", ref]:
                return deepcopy(self._of_subscription(asked.method, self._one(self.subscriptions, ref), params))
            case "GET", ["invoices"]:
                found = [i for i in self.invoices.values() if i["subscription"] == params["subscription"]]
                return {"object": "list", "url": "/v1/invoices", "has_more": False, "data": deepcopy(found)}
            case "POST", ["invoices"]:
                return deepcopy(self._invoice(params))
            case "POST", ["invoiceitems"]:
                return self._item(self._one(self.invoices, params["invoice"]), params)
            case "GET", ["invoices", ref]:
                return deepcopy(self._one(self.invoices, ref))
            case "POST", ["invoices", ref, act]:
                return deepcopy(self._act(act, self._one(self.invoices, ref), params))
        return super()._do(asked)

    def _owner(self, card: str) -> str | None:
        """Of a card that was saved meanwhile, or that is there from the beginning."""
        if card in self.cards:
            owner: str | None = self.cards[card]["customer"]
            return owner
        if card not in _SAVED:
            raise Refused(404, "resource_missing", "No such PaymentMethod", kept=False)
        return _SAVED[card]

    def _one(self, things: dict[str, JSON], ref: str) -> JSON:
        if ref not in things:
            raise Refused(404, "resource_missing", f"No such thing: '{ref}'", kept=False)
        return things[ref]

    def _subscribe(self, params: dict[str, str]) -> JSON:
        assert params["items[0][price_data][unit_amount]"] == "0", "nothing may be taken by Stripe's own calendar"
        assert self._owner(params["default_payment_method"]) == params["customer"]
        ref = f"sub_{next(self._numbers)}stub"
        self.subscriptions[ref] = {
            "id": ref,
            "object": "subscription",
            "customer": params["customer"],
            "default_payment_method": params["default_payment_method"],
            "status": "trialing" if "trial_end" in params else "active",
            "pause_collection": None,
            "metadata": {"subscription_id": params["metadata[subscription_id]"]},
        }
        return self.subscriptions[ref]

    def _of_subscription(self, method: str, subscription: JSON, params: dict[str, str]) -> JSON:
        if method == "GET":
            return subscription
        if subscription["status"] == "canceled":
            raise Refused(404, "resource_missing", "No such subscription", kept=False)
        if method == "DELETE":
            subscription["status"] = "canceled"
            return subscription
        if "pause_collection[behavior]" in params:
            subscription["pause_collection"] = {"behavior": params["pause_collection[behavior]"], "resumes_at": None}
        else:
            # An empty value takes it back; forms say so by a field without one.
            subscription["pause_collection"] = None
        subscription["default_payment_method"] = params.get(
            "default_payment_method", subscription["default_payment_method"]
        )
        return subscription

    def _invoice(self, params: dict[str, str]) -> JSON:
        assert params["auto_advance"] == "false", "nothing may be taken by Stripe's own calendar"
        subscription = self._one(self.subscriptions, params["subscription"])
        if subscription["status"] == "canceled":
            raise Refused(400, "invoice_no_subscription", "The subscription is canceled.", kept=False)
        ref = f"in_{next(self._numbers)}stub"
        self.invoices[ref] = {
            "id": ref,
            "object": "invoice",
            "customer": params["customer"],
            "subscription": params["subscription"],
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": params["subscription"]},
            },
            "currency": params["currency"],
            "status": "draft",
            "attempted": False,
            "total": 0,
            "amount_due": 0,
            "metadata": {name[9:-1]: value for name, value in params.items() if name.startswith("metadata[")},
            "payments": {"object": "list", "url": "/v1/invoice_payments", "has_more": False, "data": []},
        }
        return self.invoices[ref]

    def _item(self, invoice: JSON, params: dict[str, str]) -> JSON:
        if invoice["status"] != "draft":
            raise Refused(400, "invoice_not_editable", "The invoice is not a draft.", kept=False)
        invoice["total"] += int(params["amount"])
        return {"id": f"ii_{next(self._numbers)}", "object": "invoiceitem", "amount": int(params["amount"])}

    def _act(self, act: str, invoice: JSON, params: dict[str, str]) -> JSON:
        if act == "finalize" and invoice["status"] == "draft":
            return self._finalize(invoice)
        if act == "pay" and invoice["status"] == "open":
            return self._pay_invoice(invoice, params)
        if act == "void" and invoice["status"] == "open":
            invoice["status"] = "void"
            self._cancel(self._intents[self._intent_of(invoice)])
            return invoice
        raise Refused(400, "invoice_unexpected_state", f"An invoice that is {invoice['status']} cannot {act}.")

    def _finalize(self, invoice: JSON) -> JSON:
        if invoice["total"] < self.least_charge:  # goes onto the next one
            invoice["status"] = "paid"
            return invoice
        invoice["amount_due"] = invoice["total"]
        request = {"amount": str(invoice["total"]), "currency": invoice["currency"], "capture_method": "manual"}
        intent = self._create(request)
        intent.update(capture_method="automatic", customer=invoice["customer"])
        payment = {
            "id": f"inpay_{next(self._numbers)}",
            "object": "invoice_payment",
            "is_default": True,
            "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        }
        invoice["payments"]["data"].append(payment)
        invoice["status"] = "open"
        return invoice

    def _pay_invoice(self, invoice: JSON, params: dict[str, str]) -> JSON:
        assert params["off_session"] == "true"
        subscription = self.subscriptions[invoice["subscription"]]
        method = params.get("payment_method") or subscription["default_payment_method"]
        intent = self._intents[self._intent_of(invoice)]
        invoice["attempted"] = True
        self._confirm(intent, method)
        if intent["status"] == "requires_capture":
            intent.update(capture_method="automatic")
            self._capture(intent)
            invoice["status"] = "paid"
        return invoice

    @staticmethod
    def _intent_of(invoice: JSON) -> str:
        ref: str = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        return ref

    def billing_event(self, kind: str, thing: JSON) -> JSON:
        """A message about a subscription or an invoice, as Stripe would post it."""
        event: dict[str, Any] = {"id": f"evt_{next(self._numbers)}", "object": "event", "type": kind, "livemode": False}
        return {**event, "api_version": "2026-10-28.endive", "created": 1_770_000_000, "data": {"object": thing}}
