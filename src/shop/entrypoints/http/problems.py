"""The catalogue of problems: each code that an answer may carry, with its statuses and what to do about it.

A page at `/problems/{code}`, the OpenAPI document and the tests read this one table.
"""

from collections.abc import Mapping

from attrs import frozen


@frozen
class Problem:
    """A code, the statuses it comes with, and what it means."""

    statuses: tuple[int, ...]
    meaning: str


PROBLEMS: Mapping[str, Problem] = {
    "address_incomplete": Problem((422,), "A part of an address that every parcel needs is missing or malformed."),
    "amount_out_of_range": Problem((422,), "An amount is larger than any a shop handles."),
    "amount_not_positive": Problem((422,), "More than nothing is needed; say `full` for all that is left."),
    "authentication_required": Problem((401,), "Send a secret key: Authorization: Bearer sk_…"),
    "authorization_expired": Problem(
        (409,), "What the buyer's bank promised could be taken until a moment that has passed."
    ),
    "body_malformed": Problem((400,), "The body is not JSON, or not as long as it says. Send UTF-8 JSON."),
    "capture_exceeds_authorized": Problem((409,), "Less was authorised than is to be taken."),
    "cart_already_ordered": Problem((409,), "Another request has ordered this cart; its order stands."),
    "cart_changed": Problem((412,), "The cart is not what the shopper last saw. `current` shows it as it is now."),
    "cart_closed": Problem((409,), "The cart was ordered or has expired. Open a new one."),
    "cart_empty": Problem((409,), "An order needs at least one item."),
    "cart_not_ready": Problem((409,), "Something is missing that an order needs: `errors` names each thing."),
    "cart_not_own": Problem((409,), "Claim the guest's cart first: a saved way to pay belongs to a customer."),
    "category_loops": Problem((422,), "A category cannot hang below itself."),
    "clock_not_movable": Problem((409,), "The shop tells the real time: its clock cannot be moved here."),
    "conflict": Problem((409,), "The state of the shop does not allow this now, or somebody else was faster."),
    "counters_unavailable": Problem(
        (503,), "Nobody can count tries at the moment, so nothing that could be guessed may be tried."
    ),
    "credentials_rejected": Problem((401,), "The key is unknown, malformed or revoked. Mint one: shop keys create."),
    "csrf_rejected": Problem((403,), "The request has a cookie, and does not come from one of the shop's own pages."),
    "currencies_differ": Problem((422,), "Amounts of two currencies cannot be added or compared."),
    "currency_not_sold": Problem((422,), "The shop does not sell in this currency."),
    "currency_unknown": Problem((422,), "Not a currency code of ISO 4217."),
    "cursor_malformed": Problem((422,), "Pass page.next or page.previous exactly as they came, with the same sort."),
    "database_busy": Problem((503,), "The database had too much to do. Try again in a moment."),
    "database_unavailable": Problem((503,), "The database does not answer. Try again in a moment."),
    "filter_unknown": Problem(
        (422,), "A query parameter, or a name in one, is unknown here; the hint says a near one."
    ),
    "header_repeated": Problem((400,), "A header that can have one value stands there twice."),
    "host_unknown": Problem((400,), "The shop does not answer under the name that the Host header has."),
    "https_needed": Problem((403,), "The API is spoken over https:// only."),
    "id_malformed": Problem((422,), "An id is a prefix, an underscore and 26 characters."),
    "id_wrong_type": Problem((422,), "The id names another kind of thing than the one needed here."),
    "idempotency_in_progress": Problem((409,), "The first request with this Idempotency-Key is still under way."),
    "idempotency_key_malformed": Problem((400,), "An Idempotency-Key is 1 to 255 visible ASCII characters."),
    "idempotency_key_missing": Problem((400,), "Where money or stock moves, an Idempotency-Key is needed."),
    "idempotency_key_reused": Problem((422,), "The Idempotency-Key came before, with another request."),
    "insufficient_stock": Problem((422, 409), "Less is left than asked for. 409 when it was lost at the last moment."),
    "internal_error": Problem((500,), "A mistake of ours. It is in the log under the request id."),
    "method_not_allowed": Problem((405,), "The address exists, but not for this method; Allow lists those it has."),
    "not_found": Problem((404,), "There is no such thing, or it is not yours."),
    "nothing_to_refund": Problem((409,), "No money was taken for the order, or all of it went back."),
    "order_cannot_move": Problem((409,), "The order's state does not allow this."),
    "order_missing": Problem((409,), "There is no order to pay for yet: place it first."),
    "order_not_cancellable": Problem((409,), "Money was taken or goods are on their way: ask for a refund instead."),
    "paid_by_invoice": Problem(
        (409,), "The provider refused a period of a subscription: no other payment may stand beside its invoice."
    ),
    "passwords_busy": Problem((503,), "Too many people are signing in at this moment. Try again in a few seconds."),
    "payload_too_large": Problem((413,), "The body is larger than this address takes."),
    "payment_cannot_move": Problem((409,), "The payment's state does not allow this."),
    "payment_disputed": Problem((409,), "The buyer's bank decides about the money: it cannot go back as well."),
    "payment_elsewhere": Problem((409,), "The payment was begun with another provider than the shop uses now."),
    "payment_method_not_reusable": Problem(
        (409,), "A plan is in the cart: pay with a saved card, or with a new one that is saved (`save`)."
    ),
    "payment_method_not_savable": Problem((422,), "GET /api/payments/methods says which ways to pay are `savable`."),
    "payment_method_unknown": Problem((422,), "GET /api/payments/methods lists the ways to pay."),
    "payment_provider_unavailable": Problem((503,), "The payment provider does not answer. Repeat with the same key."),
    "payment_refused": Problem((409,), "The payment provider understood and will not do it."),
    "plan_code_taken": Problem((409,), "Another plan has this code."),
    "plan_needs_customer": Problem(
        (409,), "A plan is in the cart: only a customer can subscribe. Claim the cart first."
    ),
    "plan_not_offered": Problem((409,), "The plan was archived, or has no price in this currency."),
    "precondition_required": Problem((428,), "Send If-Match with the ETag of what you are changing."),
    "rate_limited": Problem((429,), "Too many requests. Wait as many seconds as Retry-After says."),
    "request_timeout": Problem((408,), "The body did not come to its end in time."),
    "refund_cannot_move": Problem((409,), "The refund's state does not allow this."),
    "refund_exceeds_captured": Problem((409,), "Less is left of what was taken than is to go back."),
    "saved_method_in_use": Problem((409,), "A subscription is paid with this: give it another way to pay first."),
    "saving_decided": Problem(
        (409,), "Whether the card is saved was decided before: pay by a session with the same `save`, or a saved card."
    ),
    "saving_needs_customer": Problem((409,), "Only a customer can save a card: sign in and claim the cart."),
    "saving_not_offered": Problem((409,), "The shop's payment provider keeps no ways to pay."),
    "scope_missing": Problem((403,), "The key does not have the scope that this needs; `required_scope` names it."),
    "second_person_needed": Problem(
        (403,), "Whoever asked for a refund cannot approve it, nor can a key of theirs or one made on the command line."
    ),
    "shipping_unavailable": Problem((409,), "The chosen delivery does not serve this cart."),
    "signature_rejected": Problem((400,), "The message was not signed by the provider, or not just now."),
    "sku_taken": Problem((409,), "Another variant has this SKU."),
    "slug_taken": Problem((409,), "Another one has this slug."),
    "sort_unknown": Problem((422,), "The list cannot be sorted like this."),
    "token_expired": Problem((401,), "The access token's time is over. Get a new one with the refresh token."),
    "subscription_cannot_move": Problem((409,), "The subscription's state does not allow this."),
    "subscription_not_pausable": Problem((409,), "Only a running subscription without an open payment can be paused."),
    "subscriptions_not_offered": Problem((409,), "The shop's payment provider cannot bill again and again."),
    "tender_source_gone": Problem((409,), "The order was paid with a balance of a kind that the shop no longer keeps."),
    "tender_unfit": Problem((422,), "What gift cards and store credit offer does not fit the order."),
    "test_key_needed": Problem((403,), "What only tries things out takes test keys only: sk_test_…"),
    "unavailable": Problem((503,), "Something outside the shop does not answer. Try again in a moment."),
    "unsupported_media_type": Problem((415,), "Send application/json."),
    "validation_failed": Problem((422,), "The request breaks a rule; `errors` points to each place."),
    "variant_unavailable": Problem(
        (422, 409), "The variant is not for sale: a draft, archived, or without a price here."
    ),
    "variants_alike": Problem((422,), "No two variants of a product have the same option values."),
    "version_mismatch": Problem((412,), "It has changed since you read it. `current` shows it as it is now."),
    "account_erased": Problem((409,), "The account was erased and cannot be changed any more."),
    "code_rejected": Problem((422,), "The code is wrong, too old, or was used before. Wait for the next one."),
    "erasure_held": Problem(
        (409,), "An order, a subscription, a dispute or a refund still needs its buyer: cancel it, or wait."
    ),
    "dispute_not_answerable": Problem((409,), "The bank has the evidence already, or has decided."),
    "simulation_not_offered": Problem((409,), "Only the fake provider plays shoppers and banks."),
    "email_taken": Problem((409,), "Another account has this e-mail address."),
    "email_unverified": Problem(
        (403,), "Nobody has proved the account's address: open the link that was mailed there, then repeat it."
    ),
    "fresh_sign_in_required": Problem(
        (403,), "Sign in again and repeat it within 30 minutes: this could lock the owner out."
    ),
    "identity_taken": Problem((409,), "Another account here is opened by this account of the provider."),
    "key_gone": Problem((409,), "The key has expired or was revoked: mint a new one."),
    "key_of_another": Problem(
        (403,), "Only whoever made the key gets a new secret of it: revoke it, and mint another."
    ),
    "last_way_in": Problem((409,), "Nothing else opens this account: set a password first."),
    "no_second_factor": Problem((409,), "There is no second factor: begin with POST /api/auth/mfa/totp."),
    "owner_needed": Problem((409,), "A shop needs an owner: make somebody else one first."),
    "sign_in_refused": Problem((403,), "What came back from the sign-in provider proves nothing: begin again."),
    "role_built_in": Problem((409,), "The roles that every shop has never change: make one of your own."),
    "role_in_use": Problem((409,), "Somebody still has this role."),
    "role_name_taken": Problem((409,), "Another role has this name."),
    "scope_unknown": Problem((422,), "GET /api/admin/roles lists all scopes, such as orders:read."),
    "setup_already_done": Problem((404,), "The shop has its owner: there is nothing to set up."),
    "token_rejected": Problem(
        (400,), "The link or code was used, is too old, or something changed since. Ask for a new one."
    ),
}

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{code}</title>
<h1>{code}</h1>
<p>{meaning}</p>
<p>HTTP status: {statuses}</p>
<p><a href="/problems">All problems</a></p>
</html>
"""

LIST = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Problems</title>
<ul>
{rows}
</ul>
</html>
"""


def problem_page(code: str) -> str | None:
    """The page that explains a code, or None for one that does not exist."""
    problem = PROBLEMS.get(code)
    if problem is None:
        return None
    return PAGE.format(code=code, meaning=problem.meaning, statuses=", ".join(map(str, problem.statuses)))


def problem_list() -> str:
    rows = "\n".join(f'<li><a href="/problems/{code}">{code}</a>: {p.meaning}</li>' for code, p in PROBLEMS.items())
    return LIST.format(rows=rows)
