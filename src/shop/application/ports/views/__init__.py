"""What callers see: frozen, flat, the public JSON.

Ids are shown as TypeIDs, `Money` as an object with amount, currency and display, times as RFC 3339 in UTC. A
field that is None because nobody asked to `expand` it is left out.
"""

from shop.application.ports.views.analytics import DeclineCodeView, PaymentStatisticsView, PayoutView
from shop.application.ports.views.audit import AuditChangeView, AuditEntryView
from shop.application.ports.views.carts import (
    CartItemView,
    CartPlanView,
    CartProblemView,
    CartView,
    ShippingOptionView,
    StepView,
    TaxSumView,
)
from shop.application.ports.views.catalog import (
    AvailabilityView,
    CategoryView,
    ProductView,
    VariantAvailabilityView,
    VariantView,
)
from shop.application.ports.views.clock import AdvancedClockView, ClockView
from shop.application.ports.views.disputes import (
    DisputeMoveView,
    DisputeView,
    InboxItemView,
    dispute_view,
    inbox_item_view,
)
from shop.application.ports.views.events import DeliveryView, EventView
from shop.application.ports.views.identity import (
    AdminUserView,
    ApiKeyView,
    ExportView,
    InvitationView,
    MeView,
    PasskeyView,
    PreferencesView,
    RoleView,
    SavedAddressView,
    SessionView,
    SigningKeyView,
    WhoView,
)
from shop.application.ports.views.inventory import LocationView, StockLevelView, StockMovementView
from shop.application.ports.views.orders import (
    AdminOrderView,
    OrderLineView,
    OrderPaymentView,
    OrderShippingView,
    OrderView,
    TenderView,
)
from shop.application.ports.views.payments import (
    MethodSetupView,
    PaymentAttemptView,
    PaymentMethodView,
    PaymentSessionView,
    PaymentView,
    ProviderMessageView,
    SavedMethodView,
)
from shop.application.ports.views.reconciliation import FindingView, ReconciliationView
from shop.application.ports.views.refunds import (
    UNDECIDED,
    LedgerEntryView,
    LedgerPostingView,
    MyPaymentView,
    MyRefundView,
    RefundLineView,
    RefundTenderView,
    RefundView,
    my_payment_view,
    refund_view,
)
from shop.application.ports.views.store import StoreView
from shop.application.ports.views.subscriptions import (
    PlanView,
    ProrationView,
    SubscriptionView,
    UpcomingBillView,
)

__all__ = [
    "UNDECIDED",
    "AdminOrderView",
    "AdminUserView",
    "AdvancedClockView",
    "ApiKeyView",
    "AuditChangeView",
    "AuditEntryView",
    "AvailabilityView",
    "CartItemView",
    "CartPlanView",
    "CartProblemView",
    "CartView",
    "CategoryView",
    "ClockView",
    "DeclineCodeView",
    "DeliveryView",
    "DisputeMoveView",
    "DisputeView",
    "EventView",
    "ExportView",
    "FindingView",
    "InboxItemView",
    "InvitationView",
    "LedgerEntryView",
    "LedgerPostingView",
    "LocationView",
    "MeView",
    "MethodSetupView",
    "MyPaymentView",
    "MyRefundView",
    "OrderLineView",
    "OrderPaymentView",
    "OrderShippingView",
    "OrderView",
    "PasskeyView",
    "PaymentAttemptView",
    "PaymentMethodView",
    "PaymentSessionView",
    "PaymentStatisticsView",
    "PaymentView",
    "PayoutView",
    "PlanView",
    "PreferencesView",
    "ProductView",
    "ProrationView",
    "ProviderMessageView",
    "ReconciliationView",
    "RefundLineView",
    "RefundTenderView",
    "RefundView",
    "RoleView",
    "SavedAddressView",
    "SavedMethodView",
    "SessionView",
    "ShippingOptionView",
    "SigningKeyView",
    "StepView",
    "StockLevelView",
    "StockMovementView",
    "StoreView",
    "SubscriptionView",
    "TaxSumView",
    "TenderView",
    "UpcomingBillView",
    "VariantAvailabilityView",
    "VariantView",
    "WhoView",
    "dispute_view",
    "inbox_item_view",
    "my_payment_view",
    "refund_view",
]
