"""Second factors: codes of an app, recovery codes, passkeys."""

from typing import Annotated, Any

from msgspec import Meta

from shop.application.commands.identity.passkeys import (
    NAME_LENGTH_MAX,
    AddPasskey,
    AskForPasskey,
    OfferPasskey,
    PasskeyQuestion,
    RemovePasskey,
    SignInWithPasskey,
)
from shop.application.commands.identity.second_factor import (
    CompleteSecondStep,
    ConfirmTotp,
    DisableTotp,
    EnrolTotp,
    RecoveryCodes,
    RotateRecoveryCodes,
)
from shop.application.limits import SIGN_IN
from shop.application.ports.views import MeView
from shop.application.queries.identity import GetMe
from shop.domain.identity import TokenRejected
from shop.domain.kernel.identifiers import PasskeyId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.auth import SIGNED_IN, Token, device_of, opened
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.representation import Plain

endpoints = Endpoints("auth")
Code = Annotated[str, Meta(min_length=1, max_length=100)]
_TEXT: Plain = {"type": "string"}
_LIST: Plain = {"type": "array", "items": _TEXT}
_CODES = Shows(schema={"type": "object", "properties": {"recovery_codes": _LIST}, "required": ["recovery_codes"]})
_ENROLMENT = Shows(
    schema={
        "type": "object",
        "properties": {"secret": _TEXT, "uri": _TEXT, "qr_svg": _TEXT},
        "required": ["secret", "uri", "qr_svg"],
    }
)
_QUESTION = Shows(
    schema={
        "type": "object",
        "properties": {"token": _TEXT, "options": {"type": "object"}},
        "required": ["token", "options"],
    }
)
_GUESSED: dict[str, Any] = {"keys": Keys.NO, "limit_class": SIGN_IN}
_CHANGES = ("fresh_sign_in_required", "account_erased", "conflict")
_ADDS = ("email_unverified", *_CHANGES)


class OneCode(Body):
    """A code that the app shows, or a recovery code."""

    code: Code


class SecondStep(Body):
    """The token of the first step with a code of the second."""

    mfa_token: Token
    code: Code


class NewPasskey(Body):
    """What the browser's authenticator answered when it made a passkey."""

    token: Token
    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    answer: dict[str, Any]


class PasskeySignIn(Body):
    """Without an answer: asks for the options. With one: opens a session."""

    mfa_token: Annotated[str, Meta(max_length=300)] = ""
    token: Annotated[str, Meta(max_length=300)] = ""
    answer: dict[str, Any] | None = None


@endpoints.post(
    "/api/auth/mfa/totp",
    "auth_mfa_totp_enrol",
    Who.CUSTOMER,
    "Begin with an app that shows codes",
    status=201,
    shows=_ENROLMENT,
    problems=_ADDS,
    **_GUESSED,
)
async def auth_mfa_totp_enrol(call: Call) -> Answer:
    """The secret to type, to open or to scan. It counts once a first code was confirmed."""
    enrolment = await call.execute(EnrolTotp())
    return call.plain({"secret": enrolment.secret_text, "uri": enrolment.uri, "qr_svg": enrolment.qr_svg}, status=201)


@endpoints.post(
    "/api/auth/mfa/totp/confirm",
    "auth_mfa_totp_confirm",
    Who.CUSTOMER,
    "Turn the codes of an app on",
    body=OneCode,
    example={"code": "123456"},
    shows=_CODES,
    problems=("code_rejected", "no_second_factor", *_ADDS),
    **_GUESSED,
)
async def auth_mfa_totp_confirm(call: Call) -> Answer:
    """Confirms with a first code, and shows ten recovery codes this once."""
    return _shown(call, await call.execute(ConfirmTotp(code=call.body.code)))


@endpoints.delete(
    "/api/auth/mfa/totp",
    "auth_mfa_totp_disable",
    Who.CUSTOMER,
    "Turn the codes of an app off",
    body=OneCode,
    example={"code": "123456"},
    limit_class=SIGN_IN,
    problems=("code_rejected", "no_second_factor", *_CHANGES),
)
async def auth_mfa_totp_disable(call: Call) -> Answer:
    """Needs a fresh code, or a recovery code."""
    await call.execute(DisableTotp(code=call.body.code))
    return call.nothing()


@endpoints.post(
    "/api/auth/mfa/verify",
    "auth_mfa_verify",
    Who.PUBLIC,
    "The second step of a sign-in",
    body=SecondStep,
    example={"mfa_token": "from-the-first-step", "code": "123456"},
    shows=Shows(schema=SIGNED_IN),
    problems=("code_rejected", "token_rejected", "credentials_rejected", "conflict"),
    **_GUESSED,
)
async def auth_mfa_verify(call: Call) -> Answer:
    """The token of the first step with a code of the app, or a recovery code, which is used up by it."""
    command = CompleteSecondStep(token=call.body.mfa_token, code=call.body.code, user_agent=device_of(call).user_agent)
    return opened(call, await call.execute(command))


@endpoints.post(
    "/api/auth/mfa/recovery-codes",
    "auth_mfa_recovery_codes_rotate",
    Who.CUSTOMER,
    "New recovery codes",
    shows=_CODES,
    problems=("no_second_factor", *_CHANGES),
    **_GUESSED,
)
async def auth_mfa_recovery_codes_rotate(call: Call) -> Answer:
    """In place of the old ones; shown this once."""
    return _shown(call, await call.execute(RotateRecoveryCodes()))


def _shown(call: Call, codes: RecoveryCodes) -> Answer:
    return call.plain({"recovery_codes": list(codes.codes)}, status=200)


@endpoints.post(
    "/api/auth/passkeys/options",
    "auth_passkey_options",
    Who.CUSTOMER,
    "Begin with a passkey",
    tier=3,
    shows=_QUESTION,
    problems=_ADDS,
    **_GUESSED,
)
async def auth_passkey_options(call: Call) -> Answer:
    """What `navigator.credentials.create` needs, and the token to send back with its answer."""
    return _asked(call, await call.execute(OfferPasskey()))


@endpoints.post(
    "/api/auth/passkeys",
    "auth_passkey_create",
    Who.CUSTOMER,
    "Keep a passkey",
    body=NewPasskey,
    example={"token": "from-the-options", "name": "my phone", "answer": {"id": "…"}},
    status=201,
    tier=3,
    shows=Shows(view=MeView),
    problems=("token_rejected", "credentials_rejected", *_ADDS),
    **_GUESSED,
)
async def auth_passkey_create(call: Call) -> Answer:
    """Keeps what the browser's authenticator made. From now on a password alone opens nothing."""
    body: NewPasskey = call.body
    await call.execute(AddPasskey(token=body.token, name=body.name, answer=body.answer))
    return call.one(await call.ask(GetMe()), status=201)


@endpoints.delete(
    "/api/auth/passkeys/{passkey_id}",
    "auth_passkey_delete",
    Who.CUSTOMER,
    "Forget a passkey",
    tier=3,
    problems=("not_found", *_CHANGES),
)
async def auth_passkey_delete(call: Call) -> Answer:
    """It opens nothing any more."""
    await call.execute(RemovePasskey(passkey_id=call.id(PasskeyId, "passkey_id")))
    return call.nothing()


@endpoints.post(
    "/api/auth/passkeys/login",
    "auth_passkey_login",
    Who.PUBLIC,
    "Sign in with a passkey",
    body=PasskeySignIn,
    example={"mfa_token": ""},
    tier=3,
    shows=Shows(schema={"oneOf": [_QUESTION.schema, SIGNED_IN]}),
    problems=("token_rejected", "credentials_rejected", "conflict"),
    **_GUESSED,
)
async def auth_passkey_login(call: Call) -> Answer:
    """First without an answer, for the options; then with the answer of `navigator.credentials.get`."""
    body: PasskeySignIn = call.body
    if body.answer is None:
        return _asked(call, await call.execute(AskForPasskey(second_step_token=body.mfa_token)))
    if not body.token:
        raise TokenRejected
    command = SignInWithPasskey(token=body.token, answer=body.answer, device=device_of(call))
    return opened(call, await call.execute(command))


def _asked(call: Call, question: PasskeyQuestion) -> Answer:
    return call.plain({"token": question.token, "options": dict(question.options)}, status=200)
