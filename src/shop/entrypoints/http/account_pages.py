"""Pages of the shop's own for accounts: plain forms that work without scripts.

What mailed links lead to, and the sign-in of people who look after the shop. Whoever signs in here has a session of a
browser: a cookie that scripts cannot read, and a token in each form that only our own page knows.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from shop.application.commands.identity.elsewhere import ConnectProvider
from shop.application.commands.identity.invitations import AcceptInvitation
from shop.application.commands.identity.opening import Device, SecondStepNeeded, SignedIn
from shop.application.commands.identity.passwords import ResetPassword
from shop.application.commands.identity.registration import LookIntoRequest, RequestMail, VerifyEmail
from shop.application.commands.identity.second_factor import CompleteSecondStep
from shop.application.commands.identity.setup import CompleteSetup
from shop.application.commands.identity.sign_in import (
    RevokeOtherSessions,
    RevokeSession,
    SignIn,
    SignOut,
    UseMagicLink,
)
from shop.application.limits import RECOVERY, SIGN_IN
from shop.application.messages import SYSTEM, Context
from shop.application.ports.identity import CredentialsRejected
from shop.application.queries.identity import GetMe, GetMySessions
from shop.domain.identity import RequestKind
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import InvitationId, SessionId
from shop.entrypoints.http.account_templates import TEMPLATES
from shop.entrypoints.http.answers import HTML, Answer, Header
from shop.entrypoints.http.auth import device_of
from shop.entrypoints.http.calls import COOKIE_PREFIX, Call
from shop.entrypoints.http.csrf import FIELD, check_csrf, check_same_site, csrf_token
from shop.entrypoints.http.endpoints import Endpoints, Keys, Who
from shop.entrypoints.http.endurance import afterwards
from shop.entrypoints.http.errors import status_of
from shop.entrypoints.http.forms import FORM_BYTES_MAX, PAGE_HEADERS, read_form
from shop.entrypoints.http.parameters import text

pages = Endpoints("pages")
COOKIE = "shop_session"
FIELDS: Mapping[str, int] = {
    "email": 254,
    "password": 1024,
    "name": 200,
    "token": 300,
    "id": 100,
    "code": 100,
    "session": 100,
    FIELD: 100,
}
_FORM: dict[str, Any] = {"raw_body": True, "body_bytes_max": FORM_BYTES_MAX, "keys": Keys.NO, "limit_class": SIGN_IN}
_LINK = (
    text("token", "The secret of a mailed link.", length_max=FIELDS["token"]),
    text("id", "What it is about.", length_max=FIELDS["id"]),
)
_environment = Environment(loader=DictLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
Act = Callable[[Call, dict[str, str]], Awaitable[Answer]]


def _page(name: str, *, status: int = 200, headers: list[Header] | None = None, **shown: Any) -> Answer:
    known = {"problem": "", "said": "", "token": "", "id": "", "csrf": "", "providers": (), **shown}
    body = _environment.get_template(name).render(**known).encode()
    return Answer(status, body, HTML, [*PAGE_HEADERS, *(headers or [])])


def _to(path: str, *headers: Header) -> Answer:
    """The browser goes on to another page; what it sent is not sent again there."""
    return Answer(303, headers=[(b"location", path.encode()), *PAGE_HEADERS, *headers])


async def _done(call: Call, name: str, act: Act) -> Answer:
    """Reads the form and acts on it; what is refused is said on the same page, with what was typed but secrets."""
    check_same_site(call.headers, call.site.base_url)
    form = read_form(call.raw, FIELDS)
    try:
        return await act(call, form)
    except ShopError as error:
        return _page(
            name,
            status=status_of(error),
            problem=_words(error),
            token=form["token"],
            id=form["id"],
            providers=_providers(call),
        )


def _providers(call: Call) -> list[str]:
    return sorted(call.shop.ports.sign_in)


def _words(error: ShopError) -> str:
    return " ".join([error.detail, *(flaw.detail for flaw in error.flaws)])


def _device(call: Call) -> Device:
    return device_of(call, browser=True)


def _entered(call: Call, outcome: SignedIn | SecondStepNeeded) -> Answer:
    if isinstance(outcome, SecondStepNeeded):
        return _page("second-step", token=outcome.token)
    return _to("/account/sessions", call.site.cookies.set(COOKIE, outcome.token))


async def _inside(call: Call) -> tuple[Context, str]:
    """Who is signed in by the cookie. Raises CredentialsRejected."""
    cookie = call.site.cookies.read(call.headers.get(b"cookie", b""), COOKIE)
    if not cookie.startswith(COOKIE_PREFIX):
        raise CredentialsRejected("Nobody is signed in here.")
    return call.context_of(await call.shop.ports.authenticator.identify(cookie)), cookie


def _show(path: str, operation_id: str, summary: str, template: str) -> None:
    async def show(call: Call) -> Answer:
        given = {"token": call.query.get("token", ""), "id": call.query.get("id", "")}
        return _page(template, providers=_providers(call), **given)

    show.__doc__ = f"A form: {summary.lower()}."
    pages.get(path, operation_id, Who.PUBLIC, summary, query=_LINK)(show)


def _act(path: str, operation_id: str, summary: str, template: str, act: Act, **more: Any) -> None:
    async def submit(call: Call) -> Answer:
        return await _done(call, template, act)

    submit.__doc__ = f"What the form asks for: {summary.lower()}."
    pages.post(path, operation_id, Who.PUBLIC, summary, **{**_FORM, **more})(submit)


async def _sign_in(call: Call, form: dict[str, str]) -> Answer:
    command = SignIn(email=form["email"], password=form["password"], device=_device(call))
    return _entered(call, await call.execute(command))


async def _second_step(call: Call, form: dict[str, str]) -> Answer:
    command = CompleteSecondStep(token=form["token"], code=form["code"], user_agent=_device(call).user_agent)
    return _entered(call, await call.execute(command))


async def _link(call: Call, form: dict[str, str]) -> Answer:
    return _entered(call, await call.execute(UseMagicLink(token=form["token"], device=_device(call))))


async def _connect(call: Call, form: dict[str, str]) -> Answer:
    context, _ = await _inside(call)
    await call.shop.execute(ConnectProvider(token=form["token"]), context=context)
    return _page("said", said="Both open your account from now on.")


async def _forgot(call: Call, form: dict[str, str]) -> Answer:
    request_id = await call.execute(RequestMail(kind=RequestKind.RESET_PASSWORD, email=form["email"]))
    afterwards(call.shop.execute(LookIntoRequest(request_id=request_id), context=call.context_of(SYSTEM)))
    return _page("said", said="If there is an account, mail is on its way.")


async def _reset(call: Call, form: dict[str, str]) -> Answer:
    await call.execute(ResetPassword(token=form["token"], password=form["password"]))
    return _page("said", said="The new password is set, and every device was signed out.")


async def _verify(call: Call, form: dict[str, str]) -> Answer:
    await call.execute(VerifyEmail(token=form["token"]))
    return _page("said", said="The address is confirmed.")


async def _setup(call: Call, form: dict[str, str]) -> Answer:
    await call.execute(
        CompleteSetup(token=form["token"], email=form["email"], password=form["password"], name=form["name"])
    )
    return _to("/account/sign-in")


async def _accept(call: Call, form: dict[str, str]) -> Answer:
    command = AcceptInvitation(
        invitation_id=InvitationId.parse(form["id"]),
        token=form["token"],
        password=form["password"],
        name=form["name"],
    )
    await call.execute(command)
    return _to("/account/sign-in")


for _path, _name, _title, _template, _action in (
    ("sign-in", "sign_in", "Sign in", "sign-in", _sign_in),
    ("second-step", "second_step", "The second step", "second-step", _second_step),
    ("link", "link", "Sign in with a mailed link", "link", _link),
    ("connect", "connect", "Connect an account elsewhere", "connect", _connect),
    ("reset", "reset", "Set a new password", "reset", _reset),
    ("verify", "verify", "Confirm an address", "verify", _verify),
    ("setup", "setup", "Make the owner", "setup", _setup),
    ("invitation", "invitation", "Join the staff", "invitation", _accept),
):
    _show(f"/account/{_path}", f"page_{_name}", _title, _template)
    _act(f"/account/{_path}", f"page_{_name}_submit", _title, _template, _action)
_show("/account/forgot", "page_forgot", "Ask for a new password", "forgot")
_act("/account/forgot", "page_forgot_submit", "Ask for a new password", "forgot", _forgot, limit_class=RECOVERY)


@pages.get("/account/sessions", "page_sessions", Who.PUBLIC, "My devices")
async def sessions(call: Call) -> Answer:
    """Where one is signed in, with a button to sign each out."""
    try:
        context, cookie = await _inside(call)
    except CredentialsRejected:
        return _to("/account/sign-in", call.site.cookies.clear(COOKIE))
    me = await call.shop.ask(GetMe(), context=context)
    listed = await call.shop.ask(GetMySessions(), context=context)
    return _page("sessions", email=me.email, sessions=listed, csrf=csrf_token(call.shop.ports.secrets, cookie))


@pages.post("/account/sessions", "page_sessions_submit", Who.PUBLIC, "Sign devices out", **_FORM)
async def sessions_submit(call: Call) -> Answer:
    """Signs one device out, all others (`others`), or the one that asks (`this`)."""
    context, cookie = await _inside(call)
    form = read_form(call.raw, FIELDS)
    check_csrf(
        "POST",
        call.headers,
        base_url=call.site.base_url,
        secrets=call.shop.ports.secrets,
        session=cookie,
        token=form[FIELD],
    )
    if form["session"] == "this":
        await call.shop.execute(SignOut(), context=context)
        return _to("/account/sign-in", call.site.cookies.clear(COOKIE))
    if form["session"] == "others":
        await call.shop.execute(RevokeOtherSessions(), context=context)
    else:
        await call.shop.execute(RevokeSession(session_id=SessionId.parse(form["session"])), context=context)
    return _to("/account/sessions")


@pages.get("/account/style.css", "page_style", Who.PUBLIC, "How the pages look")
async def style(call: Call) -> Answer:
    """A few lines: readable, and large enough to touch."""
    return Answer(200, TEMPLATES["style"].encode(), b"text/css; charset=utf-8", [(b"cache-control", b"max-age=300")])


@pages.get("/account", "page_account", Who.PUBLIC, "My account")
async def account(call: Call) -> Answer:
    """Leads to where one is signed in."""
    return _to("/account/sessions")
