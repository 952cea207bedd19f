"""A Stripe of the tests' own: payment intents and refunds over HTTP on 127.0.0.1, as the real one answers.

Written from Stripe's documentation and the library's types: manual capture, declines as 402, challenges, one
answer for an idempotency key (a refusal too), 400 when the key comes with other parameters, 409 while the first
is under way. What it is asked, it keeps in `seen`; `faults` spoils the requests to come.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field, frozen

from tests.stripe_balance_stub import StripeBalanceStub
from tests.stripe_disputes import Quarrels

JSON = dict[str, Any]
SECRET_KEY = "sk_test_of_the_stub"
WEBHOOK_SECRET = "whsec_of_the_stub"
CAPTURE_BEFORE = 1_773_205_567
IN_A_WEEK = int(time.time()) + 7 * 24 * 3600
"""A week after the contract's clock begins, in seconds since 1970."""
UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")


@frozen
class Seen:
    """One request as it came."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]

    @property
    def expanded(self) -> list[str]:
        return [value for name, value in self.params.items() if name.startswith("expand")]


class Refused(Exception):
    """An error in Stripe's shape. Those of validation are not kept under the idempotency key."""

    def __init__(self, status: int, code: str, message: str, *, kept: bool = True, **more: Any) -> None:
        super().__init__(message)
        kind = more.pop("type", "invalid_request_error")
        self.status = status
        self.body: JSON = {"error": {"type": kind, "code": code, "message": message, **more}}
        self.kept = kept


@define
class Kept:
    """What an idempotency key was asked, and what it was answered; no answer yet: it is under way."""

    asked: str
    answer: tuple[int, JSON] | None = None


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The Stripe-Signature header."""
    moment = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


@define
class StripeStub:
    """The server; use it as an async context manager."""

    seen: list[Seen] = field(factory=list)
    faults: deque[str] = field(factory=deque)
    refused: set[str] = field(factory=set)
    """Attempts whose intents are below the least that the account takes."""
    slow_seconds: float = 4.0
    refund_status: str = "succeeded"
    charges_left_out: bool = False
    capture_before: int = CAPTURE_BEFORE
    """When authorisations lapse, in seconds since 1970: a real shop in front of it needs `IN_A_WEEK`."""
    events: list[JSON] = field(factory=list)
    balance: StripeBalanceStub = field(factory=StripeBalanceStub)
    _intents: dict[str, JSON] = field(factory=dict)
    _charges: dict[str, JSON] = field(factory=dict)
    _refunds: dict[str, JSON] = field(factory=dict)
    _kept: dict[str, Kept] = field(factory=dict)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    quarrels: Quarrels = field(init=False)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.quarrels = Quarrels(self._numbers, self.balance)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0)

    async def goes_down(self) -> Callable[[], Awaitable[None]]:
        """Nobody listens at its address any more; what is given back brings it up again at the same one."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        self._server.close()
        for writer in list(self._writers):
            writer.close()

        async def comes_up() -> None:
            self._server = await asyncio.start_server(self._serve, host, port)

        return comes_up

    @property
    def url(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    # What the shopper's browser does with the client secret.

    def browser_confirms(self, client_secret: str, payment_method: str) -> None:
        with suppress(Refused):  # the browser is told of the decline, the intent shows it
            self._confirm(self._of_secret(client_secret), payment_method)

    def browser_passes_challenge(self, client_secret: str) -> None:
        intent = self._of_secret(client_secret)
        assert intent["status"] == "requires_action"
        self._authorize(intent)

    def intent(self, ref: str) -> JSON:
        """The intent itself: a test may spoil it."""
        return self._intents[ref]

    def charge(self, ref: str) -> JSON:
        """The intent's charge itself."""
        return self._charges[self._intents[ref]["latest_charge"]]

    def forget_keys(self) -> None:
        """A day goes by."""
        self._kept.clear()

    def refund_becomes(self, ref: str, status: str, failure_reason: str | None = None) -> None:
        """A refund comes to its end, or fails though it had come to one."""
        refund = self._refunds[ref]
        refund.update(status=status, failure_reason=failure_reason)
        if status in ("failed", "canceled"):
            self.charge(refund["payment_intent"])["amount_refunded"] -= refund["amount"]

    def bank(self, ref: str, what: str) -> None:
        """What buyers, banks and reviewers do to this intent, in the words of `Simulation`."""
        intent, charge, quarrels = self._intents[ref], self.charge(ref), self.quarrels
        match what:
            case "dispute" | "inquiry":
                quarrels.open(intent, charge, "needs_response" if what == "dispute" else "warning_needs_response")
            case "escalate":
                quarrels.escalates(intent)
            case "win" | "lose" | "close_inquiry":
                quarrels.ends(intent, {"win": "won", "lose": "lost", "close_inquiry": "warning_closed"}[what])
            case "fraud_warning":
                quarrels.warn(intent, charge)
            case "open_review" | "close_review":
                quarrels.review(intent, open=what == "open_review")
            case _:
                raise AssertionError(f"No bank does “{what}”.")

    def event(self, ref: str, type: str = "payment_intent.succeeded") -> bytes:
        """A message about this intent, as Stripe would post it."""
        body = {
            "id": f"evt_{next(self._numbers)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": 1_770_000_000,
            "livemode": False,
            "type": type,
            "data": {"object": dict(self._intents[ref])},
        }
        self.events.append(body)
        return json.dumps(body).encode()

    # HTTP.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                if not await self._reply(writer, method, target, headers, body.decode()):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply(
        self, writer: asyncio.StreamWriter, method: str, target: str, headers: dict[str, str], body: str
    ) -> bool:
        url = urlsplit(target)
        asked = Seen(method, unquote(url.path), dict(parse_qsl(url.query) + parse_qsl(body)), headers)
        self.seen.append(asked)
        fault = self.faults.popleft() if self.faults else ""
        if fault == "drop":
            return False
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "slow":
            await asyncio.sleep(self.slow_seconds)
        answer: JSON
        if fault.isdigit():
            status, answer, replayed = int(fault), {"error": {"type": "api_error", "message": "a fault"}}, False
        elif fault == "nonsense":
            status, answer, replayed = 200, {"object": "payment_intent"}, False
        else:
            status, answer, replayed = await self._answered(asked)
        if fault == "drop_after":
            return False
        payload = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nrequest-id: req_{next(self._numbers)}\r\n"
        if replayed:
            head += "idempotent-replayed: true\r\n"
        writer.write(f"{head}content-length: {len(payload)}\r\n\r\n".encode() + payload)
        await writer.drain()
        return True

    async def _answered(self, asked: Seen) -> tuple[int, JSON, bool]:
        if asked.headers.get("authorization") != f"Bearer {SECRET_KEY}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}, False
        key = asked.headers.get("idempotency-key", "")
        if asked.method != "POST" or not key:
            return *self._done(asked)[:2], False
        fingerprint = f"{asked.path} {sorted(asked.params.items())}"
        kept = self._kept.get(key)
        if kept is not None:
            if kept.asked != fingerprint:
                return (
                    400,
                    _idempotency_error("Keys for idempotent requests can only be used with the same parameters"),
                    False,
                )
            if kept.answer is None:
                return 409, _idempotency_error("There is another request in progress", "idempotency_key_in_use"), False
            return *kept.answer, True
        kept = self._kept[key] = Kept(fingerprint)
        await asyncio.sleep(0.01)  # long enough for a second request with the same key to come in between
        status, answer, keep = self._done(asked)
        if keep:
            kept.answer = status, answer
        else:
            del self._kept[key]
        return status, answer, False

    def _done(self, asked: Seen) -> tuple[int, JSON, bool]:
        try:
            return 200, self._of_balance(asked) or self._do(asked), True
        except Refused as refusal:
            return refusal.status, refusal.body, refusal.kept

    def _of_balance(self, asked: Seen) -> JSON | None:
        parts = asked.path.strip("/").split("/")[1:]
        if asked.method != "GET" or parts[0] not in ("balance_transactions", "payouts"):
            return None
        if (held := self.balance.answer(parts, asked.params)) is None:
            raise Refused(404, "resource_missing", "No such balance transaction", kept=False)
        return held

    def _do(self, asked: Seen) -> JSON:
        parts = asked.path.strip("/").split("/")[1:]
        match asked.method, parts:
            case "POST", ["payment_intents"]:
                intent = self._create(asked.params)
            case "GET", ["payment_intents"]:
                return self._list(list(self._intents.values()), asked)
            case "GET", ["events"]:
                wanted = {value for name, value in asked.params.items() if name.startswith("types")}
                return self._list([event for event in self.events if event["type"] in wanted], asked)
            case "GET", ["payment_intents", ref]:
                intent = self._known(ref)
            case "POST", ["payment_intents", ref, "confirm"]:
                intent = self._confirm(self._known(ref), asked.params.get("payment_method", ""))
            case "POST", ["payment_intents", ref, "capture"]:
                intent = self._capture(self._known(ref), asked.params.get("amount_to_capture", ""))
            case "POST", ["payment_intents", ref, "cancel"]:
                intent = self._cancel(self._known(ref))
            case "POST", ["refunds"]:
                return self._refund(asked.params)
            case _:
                return self._do_about_lists(asked, parts)
        shown = dict(intent)
        if "latest_charge" in asked.expanded and not self.charges_left_out:
            charge = deepcopy(self._charges.get(intent["latest_charge"] or ""))
            if charge is not None and "latest_charge.refunds" in asked.expanded:
                charge["refunds"] = self._listed(self._refunds_of(intent), {"limit": "10"})
            shown["latest_charge"] = charge
        if "review" in asked.expanded:
            shown["review"] = self.quarrels.reviews.get(shown.get("review") or "")
        return deepcopy(shown)

    def _do_about_lists(self, asked: Seen, parts: list[str]) -> JSON:
        match asked.method, parts:
            case "GET", ["refunds"]:
                return self._listed(self._refunds_of(self._known(asked.params["payment_intent"])), asked.params)
            case "GET", ["disputes"]:
                return self._listed(self.quarrels.of(asked.params["payment_intent"]), asked.params)
            case "POST", ["disputes", ref]:
                return self._answer(ref, asked.params)
            case "GET", ["radar", "early_fraud_warnings"]:
                of = asked.params["payment_intent"]
                return self._listed(self.quarrels.warnings_of(of, self.charge(of)), asked.params)
            case _:
                raise Refused(404, "", "Unrecognized request URL", kept=False)

    def _list(self, things: list[JSON], asked: Seen) -> JSON:
        """The newest first, as Stripe lists everything."""
        since, until = int(asked.params["created[gte]"]), int(asked.params["created[lt]"])
        found = [thing for thing in reversed(things) if since <= thing["created"] < until]
        if after := asked.params.get("starting_after"):
            found = found[[thing["id"] for thing in found].index(after) + 1 :]
        page = deepcopy(found[: int(asked.params["limit"])])
        if "data.latest_charge" in asked.expanded:
            for intent in page:
                intent["latest_charge"] = deepcopy(self._charges.get(intent["latest_charge"] or ""))
        return {"object": "list", "url": asked.path, "data": page, "has_more": len(found) > len(page)}

    # Payment intents.

    def _create(self, params: dict[str, str]) -> JSON:
        if "payment_method_types[0]" in params:
            raise Refused(400, "payment_method_types_no_longer_supported", "Not in this version", kept=False)
        if int(params["amount"]) < 1:
            raise Refused(400, "parameter_invalid_integer", "This value must be above 0.", kept=False)
        if params.get("metadata[attempt_id]") in self.refused:
            raise Refused(400, "amount_too_small", "Amount must be at least €0.50 eur", param="amount")
        wished = params["capture_method"], params.get("excluded_payment_method_types[0]")
        assert wished in (("manual", None), ("automatic_async", "card"))
        ref = f"pi_{next(self._numbers)}stub"
        self._intents[ref] = {
            "id": ref,
            "object": "payment_intent",
            "amount": int(params["amount"]),
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": params["capture_method"],
            "cancellation_reason": None,
            "client_secret": f"{ref}_secret_{next(self._numbers)}",
            "created": 1_770_000_000 + len(self._intents),
            "currency": params["currency"],
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": {name[9:-1]: value for name, value in params.items() if name.startswith("metadata[")},
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
        return self._intents[ref]

    def _known(self, ref: str) -> JSON:
        if ref not in self._intents:
            raise Refused(404, "resource_missing", f"No such payment_intent: '{ref}'", kept=False, param="intent")
        return self._intents[ref]

    def _of_secret(self, client_secret: str) -> JSON:
        return next(i for i in self._intents.values() if i["client_secret"] == client_secret)

    def _confirm(self, intent: JSON, method: str) -> JSON:
        if intent["status"] not in UNPAID:
            raise self._unexpected(intent, "confirm")
        intent["payment_method"] = method or intent["payment_method"]
        if not intent["payment_method"]:
            raise Refused(400, "payment_intent_unexpected_state", "It is missing a payment method.")
        intent["next_action"] = None
        if "Declined" in method:
            intent["latest_charge"] = self._charge(intent, "failed")
            intent.update(status="requires_payment_method", payment_method=None)
            intent["last_payment_error"] = {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "generic_decline",
                "message": "Your card was declined.",
            }
            raise Refused(
                402, "card_declined", "Your card was declined.", type="card_error", payment_intent=dict(intent)
            )
        intent["last_payment_error"] = None
        if "authenticationRequired" in method:
            intent.update(status="requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
            return intent
        if "Slow" in method:
            intent["status"] = "processing"
            return intent
        return self._authorize(intent)

    def _authorize(self, intent: JSON) -> JSON:
        intent["latest_charge"] = self._charge(intent, "succeeded")
        intent.update(status="requires_capture", next_action=None, amount_capturable=intent["amount"])
        return intent

    def _charge(self, intent: JSON, status: str) -> str:
        ref = f"ch_{next(self._numbers)}stub"
        self._charges[ref] = {
            "id": ref,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "captured": False,
            "disputed": False,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "payment_method_details": {
                "type": "card",
                "card": {"brand": "visa", "last4": "4242", "capture_before": self.capture_before},
            },
            "status": status,
        }
        return ref

    def lapse(self, ref: str) -> None:
        """Nobody captured it in time: Stripe cancels it by itself."""
        self._cancel(self._intents[ref])["cancellation_reason"] = "automatic"

    def _capture(self, intent: JSON, part: str = "") -> JSON:
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent, "capture")
        taken = int(part or intent["amount"])
        if taken > intent["amount_capturable"]:
            raise Refused(400, "amount_too_large", "The amount to capture is more than is authorised.")
        intent.update(status="succeeded", amount_received=taken, amount_capturable=0)
        charge = self._charges[intent["latest_charge"]]
        charge.update(captured=True, amount_captured=taken)
        self.balance.charged(charge)
        if rest := intent["amount"] - taken:  # Stripe lists what it let go of among the refunds
            self._keep_refund(charge, rest, {}, "succeeded")
            charge["amount_refunded"] += rest
        return intent

    def _cancel(self, intent: JSON) -> JSON:
        if intent["status"] not in (*UNPAID, "requires_capture"):
            raise self._unexpected(intent, "cancel")
        intent.update(status="canceled", next_action=None, amount_capturable=0)
        return intent

    def _refund(self, params: dict[str, str]) -> JSON:
        intent, amount = self._known(params["payment_intent"]), int(params["amount"])
        charge = self._charges.get(intent["latest_charge"] or "")
        if charge is None or not charge["captured"]:
            raise Refused(400, "payment_intent_unexpected_state", "There is no successful charge to refund.")
        if not all(dispute["is_charge_refundable"] for dispute in self.quarrels.of(intent["id"])):
            raise Refused(400, "charge_disputed", f"Charge {charge['id']} has been charged back.")
        left = charge["amount"] - charge["amount_refunded"]
        if amount > left:
            code = "" if left else "charge_already_refunded"
            raise Refused(400, code, f"Refund amount is greater than unrefunded amount on charge ({left})")
        if self.refund_status not in ("failed", "canceled"):
            charge["amount_refunded"] += amount
        return self._keep_refund(charge, amount, params, self.refund_status)

    def _keep_refund(self, charge: JSON, amount: int, params: dict[str, str], status: str) -> JSON:
        """One that moves money has a transaction in the balance; the release of what was not captured has none."""
        ref = f"re_{next(self._numbers)}stub"
        self._refunds[ref] = {
            "id": ref,
            "object": "refund",
            "amount": amount,
            "balance_transaction": f"txn_{ref}" if params else None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "payment_intent": charge["payment_intent"],
            "metadata": {name[9:-1]: value for name, value in params.items() if name.startswith("metadata[")},
            "reason": params.get("reason"),
            "failure_reason": None,
            "status": status,
        }
        if params and status == "succeeded":
            self.balance.refunded(self._refunds[ref])
        return deepcopy(self._refunds[ref])

    def _answer(self, ref: str, params: dict[str, str]) -> JSON:
        dispute = self.quarrels.disputes.get(ref)
        if dispute is None:
            raise Refused(404, "resource_missing", f"No such dispute: '{ref}'", kept=False, param="dispute")
        if dispute["status"] not in ("needs_response", "warning_needs_response"):
            raise Refused(400, "", "This dispute is already closed or under review.")
        return self.quarrels.answer(dispute, params)

    def _refunds_of(self, intent: JSON) -> list[JSON]:
        """The latest first."""
        return [refund for refund in reversed(self._refunds.values()) if refund["payment_intent"] == intent["id"]]

    def _listed(self, things: list[JSON], params: dict[str, str]) -> JSON:
        limit = int(params.get("limit", "10"))
        return {"object": "list", "data": deepcopy(things[:limit]), "has_more": len(things) > limit, "url": "/v1"}

    def _unexpected(self, intent: JSON, verb: str) -> Refused:
        return Refused(
            400,
            "payment_intent_unexpected_state",
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
            payment_intent=dict(intent),
        )


def _idempotency_error(message: str, code: str = "") -> JSON:
    return {"error": {"type": "idempotency_error", "code": code, "message": message}}
