"""A person's own data as a file: everything that the shop knows of them.

Which columns of the tables that is says `adapters.sql.schema.personal`, and a test compares the two.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

import attrs
from attrs import frozen

from shop.application.commands.identity.opening import check_fresh, user_of
from shop.application.holdings import orders_of, subscriptions_of
from shop.application.messages import CUSTOMER, INTERNAL, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.readers import Readers
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import SavedMethodView
from shop.application.settlement import Cashier, wallet_of
from shop.domain.identity import DataExport, ExportStatus, UserStatus
from shop.domain.kernel.identifiers import ExportId, Identifier, UserId

CARTS_MAX = 100
SECRET = frozenset({"client_secret"})
"""What views hold for a browser at work, and a file must not."""


@frozen(kw_only=True)
class RequestExport(Command[ExportId]):
    """Asks for everything that the shop knows of oneself. The file is made afterwards, and kept for a week."""

    requires: ClassVar = CUSTOMER


async def request_export(command: RequestExport, context: Context, *, uow: UnitOfWork, ids: Ids) -> ExportId:
    check_fresh(context)
    export = DataExport.request(id=ids.new(ExportId), user_id=user_of(context), at=context.now)
    async with uow(context) as tx:
        tx.exports.save(export)
        tx.answer(export.id)
    return export.id


@frozen(kw_only=True)
class BuildExport(Command[None]):
    """Makes the file that somebody asked for. Twice is once."""

    requires: ClassVar = INTERNAL
    export_id: ExportId


async def build_export(
    command: BuildExport, context: Context, *, uow: UnitOfWork, readers: Readers, cashier: Cashier
) -> None:
    async with uow(context) as tx:
        export = await tx.exports.get(command.export_id)
        user = await tx.users.get(export.user_id)
        carts = await tx.carts.of_owner(user.id, CARTS_MAX)
        wallets = await tx.wallets.of_user(user.id)
    if export.status is ExportStatus.READY or user.status is UserStatus.ERASED:
        return
    subscriptions = []
    for view in await subscriptions_of(user.id, readers.subscriptions):
        async with uow(context) as tx:
            subscriptions.append(await tx.subscriptions.get(view.id))  # with its addresses
    people = readers.people
    known = {
        "profile": await people.me(user.id),
        "addresses": await people.addresses(user.id),
        "preferences": await people.preferences(user.id),
        "noted_by_the_shop": {"tags": user.tags, "note": user.note},
        "sessions": await people.sessions(user.id, context.now, None),
        "sign_in_providers": user.identities,
        "payment_customers": [{"provider": w.provider, "customer_ref": w.customer_ref} for w in wallets],
        "saved_methods": await _saved_methods_of(user.id, context, cashier),
        "carts": carts,
        "orders": await orders_of(user.id, readers.orders),
        "subscriptions": subscriptions,
    }
    document = json.dumps(_plain(known), ensure_ascii=False, indent=1).encode()
    async with uow(context) as tx:
        export = await tx.exports.get(command.export_id)
        export.finish(document, context.now)
        tx.exports.save(export)


async def _saved_methods_of(user_id: UserId, context: Context, cashier: Cashier) -> list[SavedMethodView]:
    """What the provider keeps for a person. Raises PaymentProviderUnavailable: the file is made later then."""
    wallet = await wallet_of(user_id, context, cashier)
    if wallet is None or not wallet.customer_ref:
        return []
    saved = await cashier.saved_methods.saved(wallet.customer_ref)
    return [SavedMethodView.of(method, wallet.provider) for method in saved]


def _plain(value: Any) -> Any:
    """What JSON can hold, of what is shown to people."""
    if isinstance(value, Identifier):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if attrs.has(type(value)):
        names = [attribute.name for attribute in attrs.fields(type(value))]
        shown = [name for name in names if name not in SECRET and not name.startswith("_")]
        return {name: _plain(getattr(value, name)) for name in shown}
    return value if value is None or isinstance(value, str | int | bool) else str(value)
