"""All endpoints that there are."""

from shop.entrypoints.http import (
    account_pages,
    admin_access,
    admin_events,
    admin_inventory,
    admin_orders,
    admin_payments,
    admin_people,
    admin_subscriptions,
    auth,
    carts,
    categories,
    docs,
    factors,
    health,
    invitations,
    me,
    orders,
    payments,
    plans,
    products,
    sessions,
    setup,
    store,
    subscriptions,
    testing,
    variants,
)
from shop.entrypoints.http.endpoints import Endpoint

_CAPABILITIES = (
    auth,
    factors,
    me,
    sessions,
    setup,
    store,
    products,
    variants,
    categories,
    carts,
    payments,
    orders,
    plans,
    subscriptions,
    admin_orders,
    admin_payments,
    admin_subscriptions,
    admin_inventory,
    admin_access,
    admin_people,
    invitations,
    admin_events,
    testing,
    health,
    docs,
)
ENDPOINTS: tuple[Endpoint, ...] = tuple(row for module in _CAPABILITIES for row in module.endpoints.rows)
"""The public API: exactly what the OpenAPI document says."""
PAGES: tuple[Endpoint, ...] = (*docs.pages.rows, *account_pages.pages.rows)
"""What browsers are served besides."""
