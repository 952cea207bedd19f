"""Signing in and out, registering, and what mailed links do."""

from typing import Annotated, Any

from msgspec import Meta

from shop.application.commands.identity.opening import Device, SecondStepNeeded, SignedIn
from shop.application.commands.identity.passwords import ChangePassword, ResetPassword
from shop.application.commands.identity.registration import (
    LookIntoRequest,
    RegisterUser,
    RequestMail,
    SendVerification,
    VerifyEmail,
)
from shop.application.commands.identity.sign_in import (
    RefreshSession,
    SignIn,
    SignOut,
    UseMagicLink,
)
from shop.application.limits import RECOVERY, REGISTER, SIGN_IN
from shop.application.messages import SYSTEM
from shop.application.ports.views import WhoView
from shop.application.queries.identity import GetWho
from shop.domain.identity import RequestKind
from shop.domain.kernel.identifiers import AccountRequestId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import afterwards
from shop.entrypoints.representation import Plain

endpoints = Endpoints("auth")
Email = Annotated[str, Meta(min_length=3, max_length=254)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
Token = Annotated[str, Meta(min_length=1, max_length=300)]
Name = Annotated[str, Meta(max_length=200)]
Locale = Annotated[str, Meta(max_length=35)]
TEXT: Plain = {"type": "string"}
_MOMENT: Plain = {"type": "string", "format": "date-time"}


def shape(kind: str, **properties: Plain) -> Plain:
    members = {"object": {"type": "string", "const": kind}, **properties}
    return {"type": "object", "properties": members, "required": list(members)}


SIGNED_IN: Plain = shape(
    "signed_in",
    user_id=TEXT,
    session_id=TEXT,
    access_token=TEXT,
    token_type=TEXT,
    access_expires_at=_MOMENT,
    refresh_token=TEXT,
    refresh_expires_at=_MOMENT,
)
MFA_REQUIRED: Plain = shape(
    "mfa_required", mfa_token=TEXT, methods={"type": "array", "items": TEXT}, expires_at=_MOMENT
)
_OPENED = Shows(schema={"oneOf": [SIGNED_IN, MFA_REQUIRED]})
_ACCEPTED = Shows(schema=shape("accepted", message=TEXT))
_SAID: Plain = {"object": "accepted", "message": "If this is possible, mail is on its way."}
_GUESSED: dict[str, Any] = {"keys": Keys.NO, "limit_class": SIGN_IN}
_REFUSALS = ("credentials_rejected", "passwords_busy", "conflict")


class Registration(Body):
    """Who wants an account."""

    email: Email
    password: Password
    name: Name = ""
    locale: Locale = ""


class Credentials(Body):
    """What opens an account."""

    email: Email
    password: Password


class OneToken(Body):
    """A token that was mailed, printed or given before."""

    token: Token


class RefreshToken(Body):
    """The refresh token of the last sign-in or refresh: each is good once."""

    refresh_token: Token


class Recipient(Body):
    """Where mail is to go, if there is an account."""

    email: Email


class NewPassword(Body):
    """A new password, with the token that was mailed."""

    token: Token
    password: Password


class PasswordChange(Body):
    """A new password, for somebody who knows the old one."""

    current_password: Password
    password: Password


def device_of(call: Call, *, browser: bool = False) -> Device:
    return Device(browser=browser, user_agent=call.headers.get(b"user-agent", b"").decode("latin-1")[:300])


def opened(call: Call, outcome: SignedIn | SecondStepNeeded) -> Answer:
    """Tokens for whoever is in, or what is still to be shown."""
    if isinstance(outcome, SecondStepNeeded):
        return call.plain(
            {
                "object": "mfa_required",
                "mfa_token": outcome.token,
                "methods": list(outcome.methods),
                "expires_at": outcome.expires_at,
            },
            status=200,
        )
    return call.plain(
        {
            "object": "signed_in",
            "user_id": str(outcome.user_id),
            "session_id": str(outcome.session_id),
            "access_token": outcome.access_token,
            "token_type": "Bearer",
            "access_expires_at": outcome.access_expires_at,
            "refresh_token": outcome.token,
            "refresh_expires_at": outcome.expires_at,
        },
        status=200,
    )


async def _look_into(call: Call, request_id: AccountRequestId) -> Answer:
    """The answer is the same whatever comes of it, and does not wait for it."""
    command = LookIntoRequest(request_id=request_id)
    afterwards(call.shop.execute(command, context=call.context_of(SYSTEM)))
    return call.plain(_SAID, status=202)


@endpoints.post(
    "/api/auth/register",
    "auth_register",
    Who.PUBLIC,
    "Ask for an account",
    body=Registration,
    example={"email": "ada@example.com", "password": "a few words of my own", "name": "Ada Byron"},
    status=202,
    keys=Keys.NO,
    limit_class=REGISTER,
    shows=_ACCEPTED,
    problems=("passwords_busy",),
)
async def auth_register(call: Call) -> Answer:
    """Makes an account and mails a link that proves the address. Answered alike for every address."""
    body: Registration = call.body
    command = RegisterUser(email=body.email, password=body.password, name=body.name, locale=body.locale)
    return await _look_into(call, await call.execute(command))


@endpoints.post(
    "/api/auth/login",
    "auth_login",
    Who.PUBLIC,
    "Sign in with a password",
    body=Credentials,
    example={"email": "ada@example.com", "password": "a few words of my own"},
    shows=_OPENED,
    problems=_REFUSALS,
    **_GUESSED,
)
async def auth_login(call: Call) -> Answer:
    """An access token for five minutes and a refresh token, or what the second step must be."""
    command = SignIn(email=call.body.email, password=call.body.password, device=device_of(call))
    return opened(call, await call.execute(command))


@endpoints.post(
    "/api/auth/refresh",
    "auth_refresh",
    Who.PUBLIC,
    "A new access token",
    body=RefreshToken,
    example={"refresh_token": "rt_01jd8zc5w0e7ktmj9c2q8k4h1n.secret"},
    keys=Keys.NO,
    shows=Shows(schema=SIGNED_IN),
    problems=("credentials_rejected", "conflict"),
)
async def auth_refresh(call: Call) -> Answer:
    """Gives a new pair of tokens. A refresh token that comes a second time ends the whole session."""
    return opened(call, await call.execute(RefreshSession(token=call.body.refresh_token)))


@endpoints.post("/api/auth/logout", "auth_logout", Who.CUSTOMER, "Sign out", status=204, keys=Keys.NO)
async def auth_logout(call: Call) -> Answer:
    """Ends the session that asks, within five seconds."""
    await call.execute(SignOut())
    return call.nothing()


@endpoints.get("/api/auth/session", "auth_session_get", Who.SIGNED_IN, "Who am I", shows=Shows(view=WhoView))
async def auth_session_get(call: Call) -> Answer:
    """Who is asking, with roles and scopes."""
    return call.one(await call.ask(GetWho()))


@endpoints.post(
    "/api/auth/password/forgot",
    "auth_password_forgot",
    Who.PUBLIC,
    "Ask for a link that sets a new password",
    body=Recipient,
    example={"email": "ada@example.com"},
    status=202,
    keys=Keys.NO,
    limit_class=RECOVERY,
    shows=_ACCEPTED,
)
async def auth_password_forgot(call: Call) -> Answer:
    """Mails a link, if there is an account. Answered alike for every address."""
    command = RequestMail(kind=RequestKind.RESET_PASSWORD, email=call.body.email)
    return await _look_into(call, await call.execute(command))


@endpoints.post(
    "/api/auth/password/reset",
    "auth_password_reset",
    Who.PUBLIC,
    "Set a new password",
    body=NewPassword,
    example={"token": "from-the-mail", "password": "a few words of my own"},
    status=204,
    problems=("token_rejected", "passwords_busy", "account_erased", "conflict"),
    **_GUESSED,
)
async def auth_password_reset(call: Call) -> Answer:
    """Sets it with the token that was mailed, once, and signs out every device."""
    await call.execute(ResetPassword(token=call.body.token, password=call.body.password))
    return call.nothing()


@endpoints.post(
    "/api/auth/password/change",
    "auth_password_change",
    Who.CUSTOMER,
    "Change one's password",
    body=PasswordChange,
    example={"current_password": "the words I had", "password": "a few words of my own"},
    status=204,
    problems=(*_REFUSALS, "account_erased"),
    **_GUESSED,
)
async def auth_password_change(call: Call) -> Answer:
    """Needs the old one; signs out every other device."""
    await call.execute(ChangePassword(current=call.body.current_password, password=call.body.password))
    return call.nothing()


@endpoints.post(
    "/api/auth/email/verify",
    "auth_email_verify",
    Who.PUBLIC,
    "Prove an e-mail address",
    body=OneToken,
    example={"token": "from-the-mail"},
    status=204,
    problems=("token_rejected", "account_erased", "conflict"),
    **_GUESSED,
)
async def auth_email_verify(call: Call) -> Answer:
    """Proves the address that the token was mailed to; a new one takes the place of the old one by this."""
    await call.execute(VerifyEmail(token=call.body.token))
    return call.nothing()


@endpoints.post(
    "/api/auth/email/resend",
    "auth_email_resend",
    Who.CUSTOMER,
    "Mail the proof once more",
    status=202,
    keys=Keys.NO,
    limit_class=RECOVERY,
    tier=2,
    shows=_ACCEPTED,
    problems=("conflict",),
)
async def auth_email_resend(call: Call) -> Answer:
    """Mails the link that proves one's address again."""
    await call.execute(SendVerification())
    return call.plain(_SAID, status=202)


@endpoints.post(
    "/api/auth/magic-link",
    "auth_magic_link_request",
    Who.PUBLIC,
    "Ask for a link that signs in",
    body=Recipient,
    example={"email": "ada@example.com"},
    status=202,
    keys=Keys.NO,
    limit_class=RECOVERY,
    tier=2,
    shows=_ACCEPTED,
)
async def auth_magic_link_request(call: Call) -> Answer:
    """Mails a link that signs in once, if there is an account. Answered alike for every address."""
    command = RequestMail(kind=RequestKind.MAGIC_LINK, email=call.body.email)
    return await _look_into(call, await call.execute(command))


@endpoints.post(
    "/api/auth/magic-link/verify",
    "auth_magic_link_verify",
    Who.PUBLIC,
    "Sign in with a mailed link",
    body=OneToken,
    example={"token": "from-the-mail"},
    tier=2,
    shows=_OPENED,
    problems=("token_rejected", *_REFUSALS),
    **_GUESSED,
)
async def auth_magic_link_verify(call: Call) -> Answer:
    """Opens a session once. Where there is a second factor it is asked for all the same."""
    return opened(call, await call.execute(UseMagicLink(token=call.body.token, device=device_of(call))))
