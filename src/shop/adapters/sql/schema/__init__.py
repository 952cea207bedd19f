"""All tables of the shop, for statements and for the migrations to be compared with."""

from shop.adapters.sql.schema.audit import audit_chain, audit_entries
from shop.adapters.sql.schema.catalog import (
    SEARCH_VECTOR,
    categories,
    product_categories,
    products,
    variant_prices,
    variants,
)
from shop.adapters.sql.schema.columns import Id, Json, UtcDateTime, metadata
from shop.adapters.sql.schema.inventory import locations, reservations, stock_levels, stock_movements
from shop.adapters.sql.schema.money import (
    disputes,
    inbox,
    ledger_entries,
    ledger_postings,
    payment_attempts,
    payment_sessions,
    payments,
    refunds,
)
from shop.adapters.sql.schema.people import (
    account_requests,
    data_exports,
    invitations,
    one_time_tokens,
    roles,
    sessions,
    sign_in_attempts,
    signing_keys,
    user_keys,
    user_roles,
    users,
)
from shop.adapters.sql.schema.running import answers, api_keys, deliveries, events, shop_clock, store_settings
from shop.adapters.sql.schema.sales import cart_items, carts, order_lines, order_numbers, orders
from shop.adapters.sql.schema.subscriptions import plans, renewals, subscriptions
from shop.adapters.sql.schema.wallets import wallets

__all__ = [
    "SEARCH_VECTOR",
    "Id",
    "Json",
    "UtcDateTime",
    "account_requests",
    "answers",
    "api_keys",
    "audit_chain",
    "audit_entries",
    "cart_items",
    "carts",
    "categories",
    "data_exports",
    "deliveries",
    "disputes",
    "events",
    "inbox",
    "invitations",
    "ledger_entries",
    "ledger_postings",
    "locations",
    "metadata",
    "one_time_tokens",
    "order_lines",
    "order_numbers",
    "orders",
    "payment_attempts",
    "payment_sessions",
    "payments",
    "plans",
    "product_categories",
    "products",
    "refunds",
    "renewals",
    "reservations",
    "roles",
    "sessions",
    "shop_clock",
    "sign_in_attempts",
    "signing_keys",
    "stock_levels",
    "stock_movements",
    "store_settings",
    "subscriptions",
    "user_keys",
    "user_roles",
    "users",
    "variant_prices",
    "variants",
    "wallets",
]
