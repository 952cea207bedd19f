"""Mail to people about their accounts, and what becomes theirs once their address is proved."""

from shop.application.commands.identity.exports import BuildExport, build_export
from shop.application.commands.identity.invitations import mail_invitation
from shop.application.commands.identity.opening import Doorkeeper
from shop.application.commands.identity.privacy import forget_customer, forget_shopper
from shop.application.commands.identity.registration import LookIntoRequest, look_into_request, mail_verification
from shop.application.mails import export_ready, second_step_guessed, sign_in_changed
from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.notifications import Notifier
from shop.application.ports.readers import Readers
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.settlement import Cashier
from shop.domain.identity import (
    AccountRequested,
    ExportReady,
    ExportRequested,
    InvitationMade,
    SecondStepGuessed,
    SessionReused,
    UserErased,
    UserMfaDisabled,
    UserMfaEnabled,
    UserRegistered,
    UserStatus,
    UserUpdated,
    UserVerified,
)

SignInEvent = UserUpdated | UserMfaEnabled | UserMfaDisabled | SessionReused
CLAIMED_AT_ONCE = 50
_CHANGES = {
    "proofs": "your address was confirmed for the first time, so nothing that opened this account before opens it any "
    "more: it may have been somebody else who made it. Set a password to sign in with one.",
    "password": "the password of your account was set.",
    "sign_in_providers": "what other accounts, such as one of Google, open yours has changed.",
    "recovery_codes": "the recovery codes of your account were made anew.",
}


async def make_export(
    event: ExportRequested, context: Context, *, uow: UnitOfWork, readers: Readers, cashier: Cashier
) -> None:
    """Makes the file that somebody asked for."""
    await build_export(BuildExport(export_id=event.export_id), context, uow=uow, readers=readers, cashier=cashier)


async def tell_of_export(
    event: ExportReady, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Mails that the file can be fetched."""
    async with uow(context) as tx:
        export = await tx.exports.get(event.export_id)
        user = await tx.users.get(export.user_id)
    if user.status is UserStatus.ACTIVE:
        await notifier.send(export_ready(user, doorkeeper.rules.account_url, str(context.caused_by)))


def _said_of(event: SignInEvent) -> list[str]:
    if isinstance(event, UserUpdated):
        return [text for field, text in _CHANGES.items() if field in event.changed]
    if isinstance(event, UserMfaEnabled):
        return ["a second step, such as a code of an app or a passkey, was added to your account."]
    if isinstance(event, UserMfaDisabled):
        return ["a second step, such as a code of an app or a passkey, was taken away from your account."]
    return ["a sign-in of yours was ended: somebody else seems to have had a copy of it."]


async def tell_of_change(
    event: SignInEvent,
    context: Context,
    *,
    uow: UnitOfWork,
    doorkeeper: Doorkeeper,
    notifier: Notifier,
) -> None:
    """Mails that what opens an account has changed: its owner may be the only one who knows that it was not them."""
    said = _said_of(event)
    if not said:
        return
    async with uow(context) as tx:
        user = await tx.users.get(event.user_id)
    if user.status is UserStatus.ACTIVE:
        about = str(context.caused_by)
        await notifier.send(sign_in_changed(user, doorkeeper.rules.account_url, " ".join(said), about))


async def tell_of_guesses(
    event: SecondStepGuessed, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Mails that somebody knows the password and guesses at the second step: only its owner can set another."""
    async with uow(context) as tx:
        user = await tx.users.get(event.user_id)
    if user.status is UserStatus.ACTIVE:
        await notifier.send(second_step_guessed(user, doorkeeper.rules.account_url, str(context.caused_by)))


async def forget_buyer(event: UserErased, context: Context, *, uow: UnitOfWork, readers: Readers) -> None:
    """Takes somebody who was erased out of their carts, orders and subscriptions."""
    await forget_shopper(event.user_id, context, uow, readers)


async def forget_saved_methods(event: UserErased, context: Context, *, cashier: Cashier) -> None:
    """Has the payment provider forget somebody who was erased."""
    await forget_customer(event.user_id, context, cashier)


async def look_into_requests(
    event: AccountRequested,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    doorkeeper: Doorkeeper,
    notifier: Notifier,
) -> None:
    """Does what somebody asked for, if the request that asked was cut short before."""
    request = LookIntoRequest(request_id=event.request_id)
    await look_into_request(request, context, uow=uow, ids=ids, doorkeeper=doorkeeper, notifier=notifier)


async def welcome(
    event: UserRegistered, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Mails the welcome with the link that proves the address."""
    await mail_verification(event.user_id, str(context.caused_by), context, uow, doorkeeper, notifier)


async def invite(
    event: InvitationMade, context: Context, *, uow: UnitOfWork, doorkeeper: Doorkeeper, notifier: Notifier
) -> None:
    """Mails an invitation."""
    await mail_invitation(event.invitation_id, context, uow, doorkeeper, notifier)


async def claim_guest_orders(event: UserVerified, context: Context, *, uow: UnitOfWork) -> None:
    """What was ordered under an address before it was proved is its owner's now: no guest's token opens it any more."""
    while True:
        async with uow(context) as tx:
            user = await tx.users.get(event.user_id)
            if not user.email or user.email_verified_at is None:
                return
            order_ids = await tx.orders.of_guest(sorted({user.email, user.email_key}), CLAIMED_AT_ONCE)
            for order_id in order_ids:
                order = await tx.orders.get(order_id)
                order.claim(user.id, context.now)
                tx.orders.save(order)
                cart = await tx.carts.get(order.cart_id)  # its token would show the same address
                cart.follow_order(user.id, context.now)
                tx.carts.save(cart)
        if len(order_ids) < CLAIMED_AT_ONCE:
            return
