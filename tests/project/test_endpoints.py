"""The running application has exactly these endpoints: nothing is forgotten, and nothing smuggled in."""

import json

import httpx

from shop.entrypoints.http.app import create_app
from shop.entrypoints.http.endpoints import Who
from shop.entrypoints.http.table import ENDPOINTS
from tests.shops import open_small_shop

# Method, path, operation, tier, and who: P public, G bearer of a token, C customer, S staff with a scope, X provider,
# T test key.
TABLE = """
GET    /api/store                                   store_get                 P                 1
GET    /api/store/countries                         store_country_list        P                 1
GET    /api/products                                product_list              P                 1
POST   /api/products                                product_create            S:products:write  1
GET    /api/products/{id_or_slug}                   product_get               P                 1
PATCH  /api/products/{id}                           product_update            S:products:write  1
DELETE /api/products/{id}                           product_archive           S:products:write  1
POST   /api/products/{id}/variants                  variant_create            S:products:write  1
PATCH  /api/products/{id}/variants/{variant_id}     variant_update            S:products:write  1
DELETE /api/products/{id}/variants/{variant_id}     variant_archive           S:products:write  1
GET    /api/products/{id}/availability              product_availability      P                 1
GET    /api/categories                              category_tree             P                 1
GET    /api/categories/{id_or_slug}                 category_get              P                 1
POST   /api/categories                              category_create           S:products:write  1
PATCH  /api/categories/{id}                         category_update           S:products:write  1
DELETE /api/categories/{id}                         category_delete           S:products:write  1
POST   /api/carts                                   cart_create               P                 1
GET    /api/carts/{id}                              cart_get                  G                 1
PATCH  /api/carts/{id}                              cart_update               G                 1
POST   /api/carts/{id}/items                        cart_item_add             G                 1
PATCH  /api/carts/{id}/items/{item_id}              cart_item_update          G                 1
DELETE /api/carts/{id}/items/{item_id}              cart_item_remove          G                 1
GET    /api/carts/{id}/shipping-options             cart_shipping_options     G                 1
PUT    /api/carts/{id}/shipping-option              cart_shipping_option_set  G                 1
POST   /api/orders                                  order_place               G                 1
GET    /api/orders/{id}                             order_get                 G                 1
POST   /api/orders/{id}/cancel                      order_cancel              G                 1
GET    /api/payments                                payment_list              C                 2
GET    /api/payments/{id}                           payment_get               C                 2
GET    /api/payments/methods                        payment_method_type_list  G                 1
POST   /api/payments/sessions                       payment_session_create    G                 1
GET    /api/payments/sessions/{id}                  payment_session_get       G                 1
POST   /api/payments/sessions/{id}/confirm          payment_session_confirm   G                 1
GET    /api/payments/saved-methods                  saved_method_list         C                 2
POST   /api/payments/saved-methods                  saved_method_setup        C                 2
DELETE /api/payments/saved-methods/{id}             saved_method_delete       C                 2
POST   /api/payments/webhooks/{provider}            payment_webhook_receive   X                 1
GET    /api/admin/orders                            admin_order_list          S:orders:read     1
GET    /api/admin/orders/{id}                       admin_order_get           S:orders:read     1
POST   /api/admin/orders/{id}/cancel                admin_order_cancel        S:orders:write    1
GET    /api/admin/payments                          admin_payment_list        S:payments:read   1
GET    /api/admin/payments/reconciliation           payment_reconciliation    S:payments:read   2
GET    /api/admin/payments/payouts                  payout_list               S:payments:read   2
GET    /api/admin/payments/{id}                     admin_payment_get         S:payments:read   1
POST   /api/admin/payments/{id}/capture             admin_payment_capture     S:payments:write  1
POST   /api/admin/payments/{id}/refunds             refund_create             S:refunds:write   1
POST   /api/admin/payments/{id}/void                admin_payment_void        S:payments:write  1
GET    /api/admin/refunds                           refund_list               S:payments:read   1
GET    /api/admin/refunds/{id}                      refund_get                S:payments:read   1
POST   /api/admin/refunds/{id}/approve              refund_approve            S:refunds:write   1
POST   /api/admin/refunds/{id}/refuse               refund_refuse             S:refunds:write   1
GET    /api/admin/disputes                          dispute_list              S:payments:read   1
GET    /api/admin/disputes/{id}                     dispute_get               S:payments:read   1
POST   /api/admin/disputes/{id}/evidence            dispute_evidence_submit   S:payments:write  3
GET    /api/admin/payments/inbox                    payment_inbox_list        S:payments:read   1
GET    /api/admin/payments/inbox/{id}               payment_inbox_get         S:payments:read   1
POST   /api/admin/payments/inbox/{id}/replay        payment_inbox_replay      S:payments:write  1
GET    /api/analytics/payments                      analytics_payments        S:analytics:read  1
GET    /api/admin/inventory                         inventory_level_list      S:inventory:read  1
POST   /api/admin/inventory/adjustments             inventory_adjust          S:inventory:write 1
GET    /api/admin/inventory/movements               inventory_movement_list   S:inventory:read  1
GET    /api/admin/inventory/locations               location_list             S:inventory:read  2
POST   /api/admin/inventory/locations               location_create           S:inventory:write 2
GET    /api/admin/api-keys                          api_key_list              S:apikeys:read    1
POST   /api/admin/api-keys                          api_key_create            S:apikeys:write   1
DELETE /api/admin/api-keys/{id}                     api_key_revoke            S:apikeys:write   1
GET    /api/admin/audit-log                         audit_log_list            S:audit:read      1
GET    /api/admin/events                            event_list                S:events:read     1
GET    /api/plans                                   plan_list                 P                 1
GET    /api/plans/{id}                              plan_get                  P                 1
POST   /api/plans                                   plan_create               S:products:write  1
PATCH  /api/plans/{id}                              plan_update               S:products:write  1
DELETE /api/plans/{id}                              plan_archive              S:products:write  1
GET    /api/subscriptions                           subscription_list         C                 1
POST   /api/subscriptions                           subscription_create       C                 1
GET    /api/subscriptions/{id}                      subscription_get          C                 1
PATCH  /api/subscriptions/{id}                      subscription_update       C                 1
POST   /api/subscriptions/{id}/pause                subscription_pause        C                 1
POST   /api/subscriptions/{id}/resume               subscription_resume       C                 1
POST   /api/subscriptions/{id}/cancel               subscription_cancel       C                 1
GET    /api/admin/subscriptions                     admin_subscription_list   S:orders:read     1
GET    /api/admin/subscriptions/{id}                admin_subscription_get    S:orders:read     1
POST   /api/admin/subscriptions/{id}/retry          admin_subscription_retry  S:payments:write  2
POST   /api/test/clock/advance                      test_clock_advance        T:settings:write  1
POST   /api/test/payments/{id}/simulate             test_payment_simulate     T:payments:write  1
POST   /api/auth/register                           auth_register             P                 1
POST   /api/auth/login                              auth_login                P                 1
GET    /api/auth/oauth/{provider}/authorize         auth_oauth_authorize      P                 2
GET    /api/auth/oauth/{provider}/callback          auth_oauth_callback       P                 2
POST   /api/users/me/sign-in-providers              me_provider_connect       C                 2
DELETE /api/users/me/sign-in-providers/{provider}   me_provider_disconnect    C                 2
POST   /api/auth/logout                             auth_logout               C                 1
POST   /api/auth/refresh                            auth_refresh              P                 1
GET    /api/auth/session                            auth_session_get          K                 1
POST   /api/auth/password/forgot                    auth_password_forgot      P                 1
POST   /api/auth/password/reset                     auth_password_reset       P                 1
POST   /api/auth/password/change                    auth_password_change      C                 1
POST   /api/auth/email/verify                       auth_email_verify         P                 1
POST   /api/auth/email/resend                       auth_email_resend         C                 2
POST   /api/auth/magic-link                         auth_magic_link_request   P                 2
POST   /api/auth/magic-link/verify                  auth_magic_link_verify    P                 2
POST   /api/auth/mfa/totp                           auth_mfa_totp_enrol       C                 1
POST   /api/auth/mfa/totp/confirm                   auth_mfa_totp_confirm     C                 1
DELETE /api/auth/mfa/totp                           auth_mfa_totp_disable     C                 1
POST   /api/auth/mfa/verify                         auth_mfa_verify           P                 1
POST   /api/auth/mfa/recovery-codes                 auth_mfa_recovery_codes_rotate C            1
POST   /api/auth/passkeys/options                   auth_passkey_options      C                 3
POST   /api/auth/passkeys                           auth_passkey_create       C                 3
DELETE /api/auth/passkeys/{passkey_id}              auth_passkey_delete       C                 3
POST   /api/auth/passkeys/login                     auth_passkey_login        P                 3
GET    /api/auth/sessions                           auth_session_list         C                 1
DELETE /api/auth/sessions/{session_id}              auth_session_revoke       C                 1
DELETE /api/auth/sessions                           auth_session_revoke_others C                1
GET    /api/auth/setup                              auth_setup_status         P                 1
POST   /api/auth/setup                              auth_setup_complete       P                 1
POST   /api/auth/invitations/{invitation_id}/accept auth_invitation_accept    P                 2
GET    /.well-known/jwks.json                       auth_jwks_get             P                 1
GET    /api/users/me                                me_get                    C                 1
PATCH  /api/users/me                                me_update                 C                 1
POST   /api/users/me/email                          me_email_change           C                 2
DELETE /api/users/me                                me_erase                  C                 1
POST   /api/users/me/export                         me_export                 C                 1
GET    /api/users/me/exports/{id}                   me_export_get             C                 1
GET    /api/users/me/exports/{id}/file              me_export_download        C                 1
POST   /api/admin/users/{id}/anonymise              admin_user_anonymise      S:customers:erase 2
GET    /api/users/me/preferences                    me_preferences_get        C                 2
PATCH  /api/users/me/preferences                    me_preferences_update     C                 2
GET    /api/users/me/addresses                      address_list              C                 1
POST   /api/users/me/addresses                      address_create            C                 1
PATCH  /api/users/me/addresses/{id}                 address_update            C                 1
DELETE /api/users/me/addresses/{id}                 address_delete            C                 1
GET    /api/orders                                  order_list                C                 1
GET    /api/carts/current                           cart_current              C                 1
POST   /api/carts/{id}/claim                        cart_claim                C                 1
GET    /api/admin/users                             admin_user_list           S:customers:read  1
POST   /api/admin/users                             admin_user_create         S:customers:write 2
GET    /api/admin/users/{id}                        admin_user_get            S:customers:read  1
PATCH  /api/admin/users/{id}                        admin_user_update         S:customers:write 1
PUT    /api/admin/users/{id}/roles                  admin_user_roles_set      S:staff:write     1
POST   /api/admin/users/{id}/mfa/reset              admin_user_mfa_reset      S:staff:write     2
GET    /api/admin/roles                             role_list                 S:staff:read      1
POST   /api/admin/roles                             role_create               S:staff:write     2
GET    /api/admin/roles/{id}                        role_get                  S:staff:read      2
PATCH  /api/admin/roles/{id}                        role_update               S:staff:write     2
DELETE /api/admin/roles/{id}                        role_delete               S:staff:write     2
GET    /api/admin/invitations                       invitation_list           S:staff:read      2
POST   /api/admin/invitations                       invitation_create         S:staff:write     2
DELETE /api/admin/invitations/{id}                  invitation_revoke         S:staff:write     2
POST   /api/admin/api-keys/{id}/rotate              api_key_rotate            S:apikeys:write   2
GET    /health/live                                 health_live               P                 1
GET    /health/ready                                health_ready              P                 1
GET    /api/openapi.json                            openapi_json              P                 1
GET    /api/docs                                    openapi_docs              P                 1
"""
REPEATABLE = {"api_key_revoke", "invitation_revoke"}
"""Ends that are ends whatever came before: twice is once."""
EXPECTED = {tuple(line.split()) for line in TABLE.strip().splitlines()}


async def test_the_running_document_is_the_table() -> None:
    app = create_app((await open_small_shop()).shop)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        document = json.loads((await client.get("/api/openapi.json")).content)
    found = {
        (
            method.upper(),
            path,
            operation["operationId"],
            operation["x-who"] + (f":{scope}" if (scope := operation.get("x-required-scope")) else ""),
            str(operation["x-tier"]),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert found == EXPECTED


async def test_staff_endpoints_are_closed_to_everybody_else() -> None:
    app = create_app((await open_small_shop()).shop)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        for row in ENDPOINTS:
            path = row.path.replace("{", "").replace("}", "")
            answer = await client.request(row.method, path)
            closed = bool(row.scope) or row.who in (Who.CUSTOMER, Who.SIGNED_IN)
            assert (answer.status_code == 401) is closed, (row.operation_id, answer.text)


def test_only_shapes_that_the_rules_allow() -> None:
    for row in ENDPOINTS:
        assert row.path == row.path.lower()
        assert row.path.count("{") <= 3
        if row.path.startswith("/api/admin/"):
            assert row.scope
        if row.method in ("PATCH", "DELETE") and row.scope and row.operation_id not in REPEATABLE:
            assert row.if_match, row.operation_id
