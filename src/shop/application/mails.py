"""What the shop writes to people about their accounts. Plain text; every link opens a page of the account's own."""

from urllib.parse import quote

from shop.application.ports.notifications import Notification
from shop.domain.identity import Invitation, User

_SIGNATURE = "\n\nIf this was not you, there is nothing you need to do.\n"


def _mail(to: str, about: str, kind: str, subject: str, text: str) -> Notification:
    return Notification(id=f"{kind}:{about}", kind=kind, to=to, subject=subject, text=text)


def _greeting(user: User) -> str:
    """By name once the address is proved: until then anybody can have chosen both, to write to somebody in our name."""
    return f"Hello {user.name},\n\n" if user.name and user.email_verified_at else "Hello,\n\n"


def _link(account_url: str, page: str, secret: str, **more: str) -> str:
    query = "&".join(f"{name}={quote(value)}" for name, value in {**more, "token": secret}.items())
    return f"{account_url}/{page}?{query}"


def verify_address(user: User, account_url: str, secret: str, about: str) -> Notification:
    """Welcomes somebody and lets them prove that the address is theirs."""
    link = _link(account_url, "verify", secret)
    text = (
        f"{_greeting(user)}welcome. Open this link within three days to confirm your address, if it was you who made "
        f"an account here and chose its password:\n\n{link}\n\nIf it was somebody else, do not open it.\n"
    )
    return _mail(user.email, about, "verify_email", "Welcome: please confirm your address", text)


def account_exists_already(user: User, account_url: str, about: str) -> Notification:
    """Tells somebody with an account that it was about to be made once more."""
    text = (
        f"{_greeting(user)}somebody asked for an account with this address. You have one already: sign in at\n\n"
        f"{account_url}/sign-in\n\nor set a new password at\n\n{account_url}/forgot{_SIGNATURE}"
    )
    return _mail(user.email, about, "account_exists", "You have an account already", text)


def reset_password_link(user: User, account_url: str, secret: str, about: str) -> Notification:
    link = _link(account_url, "reset", secret)
    text = f"{_greeting(user)}open this link within an hour to set a new password:\n\n{link}{_SIGNATURE}"
    return _mail(user.email, about, "reset_password", "Set a new password", text)


def magic_link(user: User, account_url: str, secret: str, about: str) -> Notification:
    link = _link(account_url, "link", secret)
    text = f"{_greeting(user)}open this link within 10 minutes to sign in:\n\n{link}{_SIGNATURE}"
    return _mail(user.email, about, "magic_link", "Your sign-in link", text)


def confirm_new_address(email: str, account_url: str, secret: str, about: str) -> Notification:
    link = _link(account_url, "verify", secret)
    text = (
        "Hello,\n\nopen this link within a day to make this the address of your account, if you asked for it:"
        f"\n\n{link}\n\nIf it was somebody else who asked, do not open it: the account is theirs.\n"
    )
    return _mail(email, about, "change_email", "Confirm your new address", text)


def new_address_asked_for(user: User, about: str) -> Notification:
    """Tells the old address, in case somebody else is at work."""
    text = (
        f"{_greeting(user)}somebody who is signed in to your account asked to change its e-mail address. "
        "It changes when the new address is confirmed.\n\nIf this was not you, set a new password now.\n"
    )
    return _mail(user.email, about, "email_change_notice", "Your e-mail address is about to change", text)


def address_taken(holder: User, about: str) -> Notification:
    text = f"{_greeting(holder)}somebody asked to use this address for another account. It stays yours.\n"
    return _mail(holder.email, about, "address_taken", "Somebody asked to use your address", text)


def invited(invitation: Invitation, account_url: str, secret: str, about: str) -> Notification:
    link = _link(account_url, "invitation", secret, id=str(invitation.id))
    text = f"Hello,\n\nyou are asked to join the staff of a shop. Open this link within a week:\n\n{link}{_SIGNATURE}"
    return _mail(invitation.email, about, "invitation", "You are invited", text)


def sign_in_changed(user: User, account_url: str, what: str, about: str) -> Notification:
    """Tells somebody that what opens their account is not what it was, in case somebody else is at work."""
    text = (
        f"{_greeting(user)}{what}\n\nIf this was not you, set a new password now, and sign out everywhere else:\n\n"
        f"{account_url}/forgot\n{account_url}/sessions\n"
    )
    return _mail(user.email, about, "sign_in_changed", "What opens your account has changed", text)


def second_step_guessed(user: User, account_url: str, about: str) -> Notification:
    """Tells somebody that their second step is all that still keeps others out. It says so once a day at most."""
    text = (
        f"{_greeting(user)}somebody who knows your password is guessing at the second step of your sign-in. "
        "Nothing was opened, and each further try has to wait longer.\n\nIf this was not you, set a new password "
        f"now:\n\n{account_url}/forgot\n"
    )
    return _mail(user.email, about, "second_step_guessed", "Somebody knows your password", text)


def export_ready(user: User, account_url: str, about: str) -> Notification:
    text = f"{_greeting(user)}the file with your data is ready. Sign in to fetch it:\n\n{account_url}/sessions\n"
    return _mail(user.email, about, "export_ready", "Your data are ready", text)
