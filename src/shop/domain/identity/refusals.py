"""What is refused to accounts and about them."""

from shop.domain.kernel.errors import Conflict, Forbidden, NotFound


class UserNotFound(NotFound):
    title = "No such user"


class AddressNotFound(NotFound):
    title = "No such address"


class EmailTaken(Conflict):
    """Another account has this address. Told to staff only: a visitor never learns who has an account."""

    code = "email_taken"
    title = "Another account has this e-mail address"


class IdentityTaken(Conflict):
    """Another account is opened by this account of the provider."""

    code = "identity_taken"
    title = "Another account is opened by this one already"


class EmailUnverified(Forbidden):
    """Nobody has proved the address yet: the account may be of somebody who waits for its owner."""

    code = "email_unverified"
    title = "Nobody has proved this e-mail address yet"
    default_hint = "Open the link that was mailed there; POST /api/auth/email/resend mails it again."


class LastWayIn(Conflict):
    code = "last_way_in"
    title = "Nothing else opens this account"
    default_hint = "Set a password first: POST /api/auth/password/forgot."


class OwnerNeeded(Conflict):
    """A shop without an owner could never be given one again."""

    code = "owner_needed"
    title = "The shop needs an owner"
    default_hint = "Make somebody else an owner first."


class AccountErased(Conflict):
    code = "account_erased"
    title = "This account was erased"
