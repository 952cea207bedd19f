"""docs/reference/ports.md, from the protocols and from the table of adapters."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from shop.adapters.contracts.cache import CacheContract, RateLimiterContract
from shop.adapters.contracts.clock import ClockContract, IdsContract
from shop.adapters.contracts.identity import AuthenticatorContract, SecretsContract
from shop.adapters.contracts.markup import MarkupContract
from shop.adapters.contracts.notifications import NotifierContract
from shop.adapters.contracts.passwords import PasswordsContract
from shop.adapters.contracts.payments import PaymentGatewayContract
from shop.adapters.contracts.saved_methods import SavedMethodsContract
from shop.adapters.contracts.second_step import PasskeysContract, TotpCodesContract
from shop.adapters.contracts.sign_in import SignInProviderContract
from shop.adapters.contracts.storage import StorageContract
from shop.adapters.contracts.subscriptions import SubscriptionBillingContract
from shop.adapters.contracts.tokens import AccessTokensContract
from shop.adapters.credentials import CredentialAuthenticator
from shop.adapters.loading import OURS
from shop.adapters.second_step.passkeys import WebauthnPasskeys
from shop.adapters.second_step.totp import PyotpCodes
from shop.adapters.secrets import HmacSecrets
from shop.adapters.system import SystemClock, SystemIds
from shop.adapters.tokens import JwtAccessTokens
from shop.application.ports.answers import Answers
from shop.application.ports.cache import Cache, RateLimiter
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.identity import Authenticator, Secrets
from shop.application.ports.markup import Markup
from shop.application.ports.notifications import Mailbox, Notifier
from shop.application.ports.outbox import Outbox
from shop.application.ports.passwords import Passwords
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.saved_methods import SavedMethods
from shop.application.ports.second_step import Passkeys, TotpCodes
from shop.application.ports.sign_in import SignInProvider
from shop.application.ports.storage import Storage
from shop.application.ports.subscriptions import SubscriptionBilling
from shop.application.ports.tokens import AccessTokens
from shop.application.ports.unit_of_work import UnitOfWork
from tools.pages.page import Page, first_paragraph, table

_ABOUT = """
What the application needs from outside, as protocols in `src/shop/application/ports`. Each may be given by argument,
`shop.open_shop(<name>=MyAdapter())`; those that say so here also by setting, from ours or from an installed package.
The docstrings of the protocols promise units, limits and errors; a contract suite in `shop.adapters.contracts` proves
them.
[Swap an adapter](../how-to/swap-an-adapter.md) shows how to write one and prove it.
"""
_CHOSEN_BY = {
    "storage": "the scheme of `SHOP_DATABASE_URL`",
    "payments": "`SHOP_PAYMENTS`",
    "billing": "`SHOP_PAYMENTS`, where that provider bills subscriptions",
    "saved_methods": "`SHOP_PAYMENTS`, where that provider bills subscriptions",
    "cache": "redis where `SHOP_REDIS_URL` is set, else memory",
    "sign_in": "`SHOP_GOOGLE_CLIENT_ID`, `SHOP_GITHUB_CLIENT_ID`, `SHOP_OIDC_CLIENT_ID`: each that is set",
    "notifier": "`SHOP_MAIL`; memory for a shop in memory",
    "passwords": "`SHOP_PASSWORDS`",
    "limiter": "redis where `SHOP_REDIS_URL` is set, else memory",
    "markup": "nh3 where that is installed (it is with the extra `api`), else plain",
}


class Port(NamedTuple):
    """A port under its name in `open_shop`, its contract, and our own adapter where there is no choice by name."""

    protocol: type
    contract: type
    adapter: type | None = None
    parts: tuple[type, ...] = ()
    besides: tuple[str, ...] = ()


PORTS_BY_NAME = {
    "storage": Port(
        Storage,
        StorageContract,
        parts=(UnitOfWork, Outbox, Answers),
        besides=(
            "What a transaction may read and save stands in `shop.application.ports.repositories`, the questions that",
            "`readers` answer in `shop.application.ports.readers`.",
            "",
        ),
    ),
    "payments": Port(PaymentGateway, PaymentGatewayContract),
    "billing": Port(SubscriptionBilling, SubscriptionBillingContract),
    "saved_methods": Port(SavedMethods, SavedMethodsContract),
    "cache": Port(Cache, CacheContract),
    "limiter": Port(RateLimiter, RateLimiterContract),
    "clock": Port(Clock, ClockContract, adapter=SystemClock),
    "ids": Port(Ids, IdsContract, adapter=SystemIds),
    "secrets": Port(Secrets, SecretsContract, adapter=HmacSecrets),
    "markup": Port(Markup, MarkupContract),
    "authenticator": Port(Authenticator, AuthenticatorContract, adapter=CredentialAuthenticator),
    "notifier": Port(Notifier, NotifierContract, parts=(Mailbox,)),
    "passwords": Port(Passwords, PasswordsContract),
    "access_tokens": Port(AccessTokens, AccessTokensContract, adapter=JwtAccessTokens),
    "totp": Port(TotpCodes, TotpCodesContract, adapter=PyotpCodes),
    "passkeys": Port(Passkeys, PasskeysContract, adapter=WebauthnPasskeys),
    "sign_in": Port(SignInProvider, SignInProviderContract),
}


def _path(kind: type) -> str:
    return f"`{kind.__module__}.{kind.__qualname__}`"


def _methods(protocol: type) -> Iterator[tuple[str, str]]:
    for name, method in vars(protocol).items():
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__call__"):
            parameters = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
            shown = "" if name == "__call__" else name
            said = method.__doc__ or (protocol.__doc__ or "").partition("\n\n")[2]
            yield f"`{shown}({', '.join(parameters)})`", first_paragraph(said)


def _promise(protocol: type) -> str:
    about = first_paragraph(protocol.__doc__)
    module: Any = inspect.getmodule(protocol)
    promises = re.findall(r"^- .*(?:\n  .*)*", module.__doc__ or "", re.MULTILINE)
    return "\n".join([about, "", *(" ".join(promise.split()) for promise in promises)]).strip()


def _section(name: str, port: Port) -> str:
    lines = [f"## `{name}`", "", f"{_path(port.protocol)}: {_promise(port.protocol)}", ""]
    if port.adapter is None:
        adapters = ", ".join(f"{adapter} (`{target}`)" for adapter, target in OURS[name].items())
        lines += [f"- Adapters: {adapters}", f"- Chosen by: {_CHOSEN_BY[name]}"]
        lines += [f"- By name from a package: an entry point in the group `shop.{name}`"]
    else:
        lines += [f"- Adapter: {_path(port.adapter)}"]
    lines += [f"- Contract: {_path(port.contract)}", ""]
    for protocol in (port.protocol, *port.parts):
        if protocol is not port.protocol:
            lines += [f"Its part {_path(protocol)}: {first_paragraph(protocol.__doc__)}", ""]
        lines += [table(("call", "promise"), _methods(protocol)), ""]
    return "\n".join([*lines, *port.besides])


def _body() -> str:
    return "\n".join(_section(name, port) for name, port in PORTS_BY_NAME.items())


PORTS = Page("ports.md", "Ports", _ABOUT, "`src/shop/application/ports` and `src/shop/adapters/loading.py`", _body)
