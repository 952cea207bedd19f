"""Saved ways to pay: whose they are, and what the provider's news about them mean."""

from shop.application.messages import Context
from shop.application.ports.saved_methods import CHANGED, CUSTOMER_GONE, GONE
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement.sales import Cashier
from shop.domain.kernel.identifiers import UserId, WalletId
from shop.domain.payments import InboxItem, InboxState, SavedMethodNotFound, Wallet


async def customer_of(
    owner_id: UserId | None, method: str, context: Context, cashier: Cashier, *, saves: bool = False
) -> str:
    """The provider's customer that goes along with a saved way to pay, or one that is to be saved; empty for every
    other way."""
    if owner_id is None or not (saves or cashier.saved_methods.names(method)):
        return ""
    wallet = await wallet_of(owner_id, context, cashier)
    return wallet.customer_ref if wallet is not None else ""


async def wallet_of(user_id: UserId, context: Context, cashier: Cashier) -> Wallet | None:
    """Who this user is at the shop's provider."""
    async with cashier.uow(context) as tx:
        return await tx.wallets.find(user_id, cashier.saved_methods.provider)


async def open_wallet(user_id: UserId, context: Context, cashier: Cashier) -> Wallet:
    """The user's wallet, known to the provider. It is there before the provider is asked for the customer.

    Raises AccountErased.
    """
    wallet = await wallet_of(user_id, context, cashier)
    if wallet is None:
        wallet = Wallet.open(
            id=cashier.ids.new(WalletId), user_id=user_id, provider=cashier.saved_methods.provider, at=context.now
        )
        await _save(wallet, context, cashier)
    if not wallet.customer_ref:
        wallet.know(await cashier.saved_methods.open_customer(wallet.id), context.now)
        await _save(wallet, context, cashier)
    return wallet


async def _save(wallet: Wallet, context: Context, cashier: Cashier) -> None:
    """Saves the wallet of somebody who is still there. Raises AccountErased."""
    async with cashier.uow(context) as tx:
        user = await tx.users.get(wallet.user_id)
        user.check_there()
        tx.wallets.save(wallet)
        tx.users.save(user)  # so that an erasure at the same time collides


async def check_own_method(method: str, user_id: UserId | None, context: Context, cashier: Cashier) -> None:
    """Raises SavedMethodNotFound for a saved way to pay that is not this user's. Others are no business of this."""
    if not cashier.saved_methods.names(method):
        return
    customer = await customer_of(user_id, method, context, cashier)
    saved = await cashier.saved_methods.saved(customer) if customer else []
    if all(one.ref != method for one in saved):
        raise SavedMethodNotFound(f"There is no saved way to pay “{method[:60]}”.")


async def follow_wallet_news(item: InboxItem, context: Context, cashier: Cashier) -> None:
    """What a message about a saved way to pay or its customer means; what it says is asked of the provider again.

    Messages about customers that the shop does not know are of nobody here, or of somebody who was forgotten.
    """
    saved = cashier.saved_methods
    async with cashier.uow(context) as tx:
        wallet = await tx.wallets.find_by_customer(item.provider, item.object_ref)
    method = saved.method_in(item.body) if item.event_type != CUSTOMER_GONE else ""
    known = wallet is not None and item.provider == saved.provider
    there = known and any(one.ref == method for one in await saved.saved(item.object_ref))
    async with cashier.uow(context) as tx:
        again = await tx.inbox.get(item.id)
        if again.version != item.version:
            raise StaleAggregate
        if wallet is not None and item.event_type == CUSTOMER_GONE:
            tx.wallets.delete(wallet)
        elif wallet is not None and method and item.event_type in GONE and not there:
            wallet.tell_of_removal(method, context.now)
            tx.wallets.save(wallet)
        elif wallet is not None and method and item.event_type in CHANGED and there:
            wallet.tell_of_update(method, context.now)
            tx.wallets.save(wallet)
        again.settle(InboxState.APPLIED if known else InboxState.IGNORED, context.now)
        if item.object_ref and (wallet is None or item.event_type == CUSTOMER_GONE):
            # Providers tell names and addresses along with it, also after they have forgotten somebody for us.
            again.forget_customer()
            if wallet is not None:
                tx.inbox.forget_customer(item.provider, item.object_ref)
        tx.inbox.save(again)
