"""The examination: one check after the other, each with what helps when it fails."""

import difflib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum

from attrs import frozen

from shop.application.auditing import verify
from shop.application.ports.outbox import DeliveryState
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import DisputeFilter, InboxFilter, PaymentFilter
from shop.application.queries.disputes import GetDisputes, GetInbox
from shop.application.queries.payments import GetPayments
from shop.application.shop import Shop
from shop.domain.kernel.errors import ShopError
from shop.domain.payments import ANSWERABLE, AttemptStatus, InboxState, PaymentNotFound
from shop.entrypoints.cli.checks.books import Mismatch, ledger_mismatches, reservation_mismatches, stock_mismatches
from shop.entrypoints.cli.output import hint_of
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import DEVELOPMENT_SECRET, Settings

BACKLOG_MAX = 1_000
KNOWN_VARIABLES = Settings().variables().keys() | {"SHOP_API_URL", "SHOP_API_KEY"}
"""What the shop reads from the environment: its settings, and where `shop api` calls."""
_SHOWN_MAX = 5
_PAGES_MAX = 20
_UNDECIDED = frozenset(AttemptStatus) - {AttemptStatus.CAPTURED, AttemptStatus.CANCELLED}


class Verdict(StrEnum):
    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


@frozen(kw_only=True)
class Finding:
    """What one check came to. `hint` is what helps."""

    check: str
    verdict: Verdict
    detail: str
    hint: str = ""


async def examine(environment: Mapping[str, str], *, books: bool = True) -> list[Finding]:
    """All checks, as far as one can get: without settings there is no database, without that no books."""
    try:
        settings = Settings.from_environment(environment)
    except ShopError as error:
        return [_wrong("settings", error)]
    findings = [_fine("settings", f"{settings.env}, {settings.storage}, payments by {settings.payments}")]
    findings += _strays(environment)
    findings.append(_secret(settings))
    try:
        async with open_shop(settings) as shop:
            findings.append(_fine("database", "reachable, its schema is the one this version needs"))
            findings += [finding async for finding in _living(shop, settings)]
            if books:
                findings += [finding async for finding in _books(shop)]
    except ShopError as error:
        findings.append(_wrong("database", error))
    return findings


def _strays(environment: Mapping[str, str]) -> list[Finding]:
    """Variables that nobody reads: a slip of the pen would go unnoticed, and the default would stand."""
    known = sorted(KNOWN_VARIABLES)
    findings = []
    for name in sorted(environment):
        if name.startswith("SHOP_") and name not in KNOWN_VARIABLES:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            hint = f"Did you mean {near[0]}?" if near else "docs/reference/settings.md lists every variable."
            detail = f"{name} is no setting of the shop; an installed adapter may have its own"
            findings.append(Finding(check="variables", verdict=Verdict.NOTE, detail=detail, hint=hint))
    return findings


def _secret(settings: Settings) -> Finding:
    if settings.secret_key != DEVELOPMENT_SECRET:
        return _fine("secret key", "the shop has one of its own")
    return Finding(
        check="secret key",
        verdict=Verdict.NOTE,
        detail="SHOP_SECRET_KEY is the one for development; production refuses it",
        hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
    )


async def _living(shop: Shop, settings: Settings) -> AsyncIterator[Finding]:
    yield await _cache(shop, settings)
    yield await _payments(shop)
    yield await left_behind(shop)
    yield await _outbox(shop)
    yield await _messages(shop)
    yield await _disputes(shop)
    yield await _clock(shop)


async def _cache(shop: Shop, settings: Settings) -> Finding:
    """What one process puts into the cache has to come out in another: one that is away forgets at once."""
    if not settings.redis_url:
        return _fine("redis", "not used: cache and counters are in the process")
    await shop.ports.cache.put("doctor", b"well", ttl_seconds=60)
    async with open_shop(settings) as other:
        found = await other.ports.cache.get("doctor")
    if found == b"well":
        return _fine("redis", "remembers")
    return Finding(
        check="redis",
        verdict=Verdict.WRONG,
        detail="it does not answer; the shop sells on, only slower and without a common rate limit",
        hint='Start Redis, or correct SHOP_REDIS_URL (redis-cli -u "$SHOP_REDIS_URL" ping).',
    )


async def _payments(shop: Shop) -> Finding:
    """Asks the provider for an intent that nobody has: a provider that says so is there, and knows us."""
    gateway = shop.ports.gateway
    try:
        await gateway.fetch("pi_000000000000000000000000")
    except PaymentNotFound:
        pass
    except ShopError as error:
        hint = "Check SHOP_PAYMENTS and the provider's keys (SHOP_STRIPE_SECRET_KEY), then run shop doctor again."
        return Finding(check="payments", verdict=Verdict.WRONG, detail=error.detail, hint=hint)
    return _fine("payments", f"{gateway.provider} answers")


async def left_behind(shop: Shop) -> Finding:
    """Payments that were begun with a provider whom the shop has left: nobody asks there how they stand."""
    ours, found, after = shop.ports.gateway.provider, Counter[str](), None
    for _ in range(_PAGES_MAX):
        page = PageRequest(limit=100, after=after)
        payments = await shop.ask(GetPayments(which=PaymentFilter(statuses=_UNDECIDED), page=page))
        found.update(payment.provider for payment in payments.data if payment.provider != ours)
        if (after := payments.next) is None:
            break
    if not found:
        return _fine("other providers", f"no undecided payment is with another than {ours}")
    told = ", ".join(f"{count} with {provider}" for provider, count in sorted(found.items()))
    former = min(found)
    return Finding(
        check="other providers",
        verdict=Verdict.WRONG,
        detail=f"{told}{' or more' if after else ''} undecided payments are left behind, and their orders hold stock",
        hint=f"Have them decided, with that provider's keys: SHOP_PAYMENTS={former} shop worker",
    )


async def _outbox(shop: Shop) -> Finding:
    backlog = await shop.ports.storage.outbox.backlog()
    aside, pending = backlog.get(DeliveryState.SET_ASIDE, 0), backlog.get(DeliveryState.PENDING, 0)
    if aside:
        return Finding(
            check="events",
            verdict=Verdict.WRONG,
            detail=f"{aside} deliveries failed ten times and were set aside",
            hint="Look: shop events list --set-aside. When the reason is gone: shop events revive",
        )
    if pending > BACKLOG_MAX:
        return Finding(
            check="events",
            verdict=Verdict.WRONG,
            detail=f"{pending} deliveries wait: does a worker run?",
            hint="Start one: shop worker",
        )
    return _fine("events", f"{pending} deliveries wait, none was set aside")


async def _messages(shop: Shop) -> Finding:
    """What providers told us and nobody could make anything of."""
    parked = InboxFilter(states=frozenset({InboxState.PARKED}))
    found = await shop.ask(GetInbox(which=parked, page=PageRequest(limit=1, total=True)))
    if not found.total:
        return _fine("messages", "none of the provider's messages waits for people")
    detail = f"{found.total} messages of the provider wait for people"
    hint = "Look: shop payments inbox list --state parked. Look again: shop payments inbox replay evt_…"
    return Finding(check="messages", verdict=Verdict.NOTE, detail=detail, hint=hint)


async def _disputes(shop: Shop) -> Finding:
    """What banks want to know, for that has to be answered in time."""
    found = await shop.ask(GetDisputes(which=DisputeFilter(statuses=ANSWERABLE), page=PageRequest(limit=100)))
    if not found.data:
        return _fine("disputes", "none waits for evidence")
    due = min((dispute.due_at for dispute in found.data if dispute.due_at is not None), default=None)
    until = f", the first until {due:%Y-%m-%d %H:%M} UTC" if due is not None else ""
    detail = f"{len(found.data)}{' or more' if found.next else ''} wait for evidence{until}"
    hint = "Look: shop payments disputes list --status needs_response --status warning_needs_response"
    return Finding(check="disputes", verdict=Verdict.NOTE, detail=detail, hint=hint)


async def _clock(shop: Shop) -> Finding:
    """Production has refused already: there, a shop whose clock was moved does not open."""
    ahead = await shop.ports.storage.clock.read()
    if not ahead:
        return _fine("clock", "the shop tells the real time")
    detail = f"the shop's clock was moved {ahead.days} days ahead; in production this database would be refused"
    return Finding(check="clock", verdict=Verdict.NOTE, detail=detail, hint="Put it back with: shop clock reset")


async def _audit(shop: Shop) -> Finding:
    """Walks along the whole chain of the audit log."""
    found = await verify(shop.ports.storage.audit, shop.ports.clock.now())
    if found.flaws:
        told = "; ".join(f"{flaw.position}: {flaw.detail}" for flaw in found.flaws[:_SHOWN_MAX])
        hint = "Somebody has written past the shop: keep a copy of the database, and look: shop audit verify"
        return Finding(check="audit log", verdict=Verdict.WRONG, detail=told, hint=hint)
    if found.overdue:
        detail = f"{found.overdue} entries or more have not been sealed for over an hour: does a worker run?"
        return Finding(check="audit log", verdict=Verdict.NOTE, detail=detail, hint="Seal them with: shop audit seal")
    return _fine("audit log", f"{found.sealed} entries are as they were sealed")


async def _books(shop: Shop) -> AsyncIterator[Finding]:
    try:
        yield await _audit(shop)
    except ShopError as error:
        yield _wrong("audit log", error)
    hint = "Nothing of the shop writes like this: keep a copy of the database, report it, and see: shop reconcile"
    for check, fine, mismatches in (
        ("stock", "every level is the sum of its movements", stock_mismatches),
        ("reservations", "what is reserved is what open orders hold", reservation_mismatches),
        ("ledger", "every order's books balance and agree with its payment", ledger_mismatches),
    ):
        try:
            found: list[Mismatch] = await mismatches(shop)
        except ShopError as error:
            yield _wrong(check, error)
            continue
        if found:
            told = "; ".join(str(mismatch) for mismatch in found[:_SHOWN_MAX])
            yield Finding(check=check, verdict=Verdict.WRONG, detail=f"{len(found)} differ: {told}", hint=hint)
        else:
            yield _fine(check, fine)


def _fine(check: str, detail: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FINE, detail=detail)


def _wrong(check: str, error: ShopError) -> Finding:
    return Finding(check=check, verdict=Verdict.WRONG, detail=error.detail, hint=hint_of(error))
