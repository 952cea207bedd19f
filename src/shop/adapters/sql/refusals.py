"""What it means for the shop when the database refuses a write: by constraint in PostgreSQL, by columns in SQLite."""

from shop.application.ports.unit_of_work import AnsweredAlready, StaleAggregate
from shop.domain.catalog import SkuTaken, SlugTaken
from shop.domain.identity import EmailTaken, IdentityTaken, RoleNameTaken
from shop.domain.kernel.errors import Conflict
from shop.domain.orders import CartAlreadyOrdered
from shop.domain.subscriptions import PlanCodeTaken

_BY_CONSTRAINT: dict[str, type[Conflict]] = {
    "uq_products_slug": SlugTaken,
    "uq_categories_slug": SlugTaken,
    "uq_variants_sku": SkuTaken,
    "uq_orders_cart_id": CartAlreadyOrdered,
    "uq_plans_code": PlanCodeTaken,
    "uq_users_email_key": EmailTaken,
    "pk_user_keys": IdentityTaken,
    "uq_roles_name": RoleNameTaken,
    "pk_answers": AnsweredAlready,
}
_BY_COLUMNS: dict[str, type[Conflict]] = {
    "products.slug": SlugTaken,
    "categories.slug": SlugTaken,
    "variants.sku": SkuTaken,
    "orders.cart_id": CartAlreadyOrdered,
    "plans.code": PlanCodeTaken,
    "users.email_key": EmailTaken,
    "user_keys.kind, user_keys.value": IdentityTaken,
    "roles.name": RoleNameTaken,
    "answers.principal, answers.route, answers.key": AnsweredAlready,
}


def not_unique(constraint_or_columns: str) -> Conflict:
    """The error for something that must be unique: the named one, else StaleAggregate."""
    named = _BY_CONSTRAINT.get(constraint_or_columns) or _BY_COLUMNS.get(constraint_or_columns)
    return named() if named else StaleAggregate()
