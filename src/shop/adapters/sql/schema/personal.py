"""What each column that can hold words is about: the register of personal data.

Tests keep it true: a column without a tag fails, what is tagged PERSON must be found in that person's export, and
nothing of it may be left in any table once they are erased. Numbers, moments and ids need no tag: an id is nobody's
name once the row that it leads to has lost the person.
"""

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen


class About(StrEnum):
    """What a column holds, and so what becomes of it."""

    PERSON = "of a person: in their export, and gone once they are erased"
    PROOF = "proves who somebody is, as a fingerprint or a key: in no export, gone once they are erased"
    PASSING = "of a person, for a while: forgotten by itself after days"
    TOLD = "what a payment provider told, maybe of a person: kept for people to look at, emptied once they are erased"
    RECORD = "who did what, by id and network: kept as evidence"
    SHOP = "of the shop and its goods, of no person"


@frozen(kw_only=True)
class Register:
    """The columns of one table by what they are about, and the column that says of whom a row is."""

    of: str = ""
    columns: Mapping[About, str]


def _shop(columns: str) -> Register:
    return Register(columns={About.SHOP: columns})


PERSONAL: Mapping[str, Register] = {
    "users": Register(
        of="id",
        columns={
            About.PERSON: "email phone name locale identities addresses consents tags note metadata",
            About.PROOF: "email_key password_hash totp recovery_codes passkeys",
            About.SHOP: "status role_ids",
        },
    ),
    "user_keys": Register(of="user_id", columns={About.PROOF: "value", About.SHOP: "kind"}),
    "sessions": Register(of="user_id", columns={About.PERSON: "source user_agent", About.PROOF: "fingerprint spent"}),
    "carts": Register(
        of="owner_id",
        columns={
            About.PERSON: "email shipping_address billing_address note metadata",
            About.SHOP: "currency shipping_code status",
        },
    ),
    "orders": Register(
        of="owner_id",
        columns={
            About.PERSON: "email shipping_address billing_address note metadata",
            About.SHOP: "currency shipping status payment_status fulfilment_status hold_reason cancel_reason flags"
            " tenders",
        },
    ),
    "subscriptions": Register(
        of="owner_id",
        columns={
            About.PERSON: "email shipping_address billing_address",
            About.SHOP: "title interval_unit currency after_dunning shipping_code provider method provider_ref"
            " status cancel_reason",
        },
    ),
    "wallets": Register(of="user_id", columns={About.PERSON: "customer_ref", About.SHOP: "provider"}),
    "account_requests": Register(columns={About.PASSING: "email name locale password_hash", About.SHOP: "kind"}),
    "one_time_tokens": Register(
        columns={About.PASSING: "data", About.PROOF: "fingerprint binding", About.SHOP: "purpose"}
    ),
    "sign_in_attempts": Register(columns={About.PASSING: "account source"}),
    "data_exports": Register(columns={About.PASSING: "document", About.SHOP: "status"}),
    "invitations": Register(columns={About.PASSING: "email", About.PROOF: "fingerprint", About.SHOP: "role_ids"}),
    "inbox": Register(columns={About.TOLD: "body", About.SHOP: "provider event_ref event_type object_ref state"}),
    "audit_entries": Register(
        columns={About.RECORD: "actor_kind actor_id source subjects changes", About.SHOP: "action"}
    ),
    "refunds": Register(
        columns={
            About.RECORD: "requested_by approved_by",
            About.SHOP: "provider provider_ref currency reason note lines tenders status failure_code",
        }
    ),
    "disputes": Register(
        columns={
            About.RECORD: "evidence_by",
            About.SHOP: "provider provider_ref currency reason status moves written_off evidence_key",
        }
    ),
    "events": Register(columns={About.RECORD: "actor", About.SHOP: "type subject data"}),
    "answers": Register(columns={About.PASSING: "principal", About.SHOP: "route key fingerprint result"}),
    "api_keys": _shop("name fingerprint last4 scopes kind old_fingerprint"),
    "audit_chain": _shop("hash"),
    "categories": _shop("slug name description seo_title seo_description metadata"),
    "deliveries": _shop("subscriber subject state problem"),
    "ledger_entries": _shop("kind provider provider_ref"),
    "ledger_postings": _shop("account currency"),
    "locations": _shop("name country"),
    "order_lines": _shop("sku title variant_title tax_rate tax_name tax_rounding"),
    "payment_attempts": _shop(
        "provider method brand currency status provider_ref failure_code declines next_action client_secret"
    ),
    "payment_sessions": _shop("provider method"),
    "payments": _shop("provider status capture failure_code currency captured_currency refunded_currency"),
    "plans": _shop("code name interval_unit prices after_dunning"),
    "products": _shop(
        "slug title description vendor status tags seo_title seo_description media options metadata search_text"
        " price_ranges"
    ),
    "reservations": _shop("state"),
    "roles": _shop("name title scopes"),
    "stock_movements": _shop("kind source_kind reason"),
    "store_settings": _shop("document"),
    "variant_prices": _shop("currency"),
    "variants": _shop("sku barcode options tax_class metadata"),
}


def columns_about(table: str, about: About) -> list[str]:
    """The columns of a table with this tag, as they are written here."""
    return PERSONAL[table].columns.get(about, "").split()
