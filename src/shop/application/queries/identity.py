"""What people see of themselves, and staff of people: never a secret, a hash or a fingerprint."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import CUSTOMER, PUBLIC, SIGNED_IN, Actor, Context, Query
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.people import PeopleReader, UserFilter
from shop.application.ports.readers import ApiKeyReader
from shop.application.ports.tokens import AccessTokens
from shop.application.ports.views import (
    AdminUserView,
    ApiKeyView,
    InvitationView,
    MeView,
    PreferencesView,
    RoleView,
    SavedAddressView,
    SessionView,
    SigningKeyView,
    WhoView,
)
from shop.domain.identity import DataExport, ExportNotFound
from shop.domain.kernel.identifiers import ExportId, UserId


@frozen(kw_only=True)
class GetApiKeys(Query[list[ApiKeyView]]):
    """All keys, the newest first."""

    requires: ClassVar = "apikeys:read"


async def get_api_keys(query: GetApiKeys, context: Context, *, api_keys: ApiKeyReader) -> list[ApiKeyView]:
    return await api_keys.all()


@frozen(kw_only=True)
class GetWho(Query[WhoView]):
    """Who is asking, and what they may do."""

    requires: ClassVar = SIGNED_IN


async def get_who(query: GetWho, context: Context, *, people: PeopleReader) -> WhoView:
    actor = context.actor
    me = await people.me(actor.user_id) if actor.user_id is not None else None
    access = await people.access(actor.session_id) if actor.session_id is not None else None
    return WhoView(
        kind=actor.kind,
        id=_known(actor),
        email=me.email if me else "",
        email_verified=me.email_verified if me else False,
        name=me.name if me else "",
        roles=me.roles if me else [],
        scopes=sorted(actor.scopes),
        session_id=actor.session_id,
        mfa=access.mfa if access else False,
        second_factor=access.second_factor if access else False,
        second_factor_missing=actor.second_factor_missing,
    )


def _known(actor: Actor) -> str:
    assert actor.id is not None
    return str(actor.id)


@frozen(kw_only=True)
class GetMe(Query[MeView]):
    """One's own profile."""

    requires: ClassVar = CUSTOMER


async def get_me(query: GetMe, context: Context, *, people: PeopleReader) -> MeView:
    return await people.me(_user(context))


@frozen(kw_only=True)
class GetMyAddresses(Query[list[SavedAddressView]]):
    """One's own address book."""

    requires: ClassVar = CUSTOMER


async def get_my_addresses(query: GetMyAddresses, context: Context, *, people: PeopleReader) -> list[SavedAddressView]:
    return await people.addresses(_user(context))


@frozen(kw_only=True)
class GetMyPreferences(Query[PreferencesView]):
    """What one agreed to."""

    requires: ClassVar = CUSTOMER


async def get_my_preferences(query: GetMyPreferences, context: Context, *, people: PeopleReader) -> PreferencesView:
    return await people.preferences(_user(context))


@frozen(kw_only=True)
class GetMySessions(Query[list[SessionView]]):
    """One's own devices, the latest seen first."""

    requires: ClassVar = CUSTOMER


async def get_my_sessions(query: GetMySessions, context: Context, *, people: PeopleReader) -> list[SessionView]:
    return await people.sessions(_user(context), context.now, context.actor.session_id)


@frozen(kw_only=True)
class GetMyExport(Query[DataExport]):
    """A file with one's own data, or how far it is."""

    requires: ClassVar = CUSTOMER
    export_id: ExportId


async def get_my_export(query: GetMyExport, context: Context, *, people: PeopleReader) -> DataExport:
    export = await people.export(query.export_id)
    if export.user_id != _user(context) or context.now >= export.expires_at:
        raise ExportNotFound(f"There is no export {query.export_id}.")
    return export


@frozen(kw_only=True)
class GetUsers(Query[Page[AdminUserView]]):
    """Customers and staff, for staff."""

    requires: ClassVar = "customers:read"
    which: UserFilter = UserFilter()
    page: PageRequest = PageRequest()


async def get_users(query: GetUsers, context: Context, *, people: PeopleReader) -> Page[AdminUserView]:
    return await people.users(query.which, query.page)


@frozen(kw_only=True)
class GetUser(Query[AdminUserView]):
    """Somebody with their lifetime numbers, for staff."""

    requires: ClassVar = "customers:read"
    user_id: UserId


async def get_user(query: GetUser, context: Context, *, people: PeopleReader) -> AdminUserView:
    return await people.user(query.user_id)


@frozen(kw_only=True)
class GetRoles(Query[list[RoleView]]):
    """All roles: those that every shop has, and the shop's own."""

    requires: ClassVar = "staff:read"


async def get_roles(query: GetRoles, context: Context, *, people: PeopleReader) -> list[RoleView]:
    return await people.roles()


@frozen(kw_only=True)
class GetInvitations(Query[list[InvitationView]]):
    """Invitations that are still open."""

    requires: ClassVar = "staff:read"


async def get_invitations(query: GetInvitations, context: Context, *, people: PeopleReader) -> list[InvitationView]:
    return await people.invitations(context.now)


@frozen(kw_only=True)
class GetSetupStatus(Query[bool]):
    """Whether the shop still waits for its owner."""

    requires: ClassVar = PUBLIC


async def get_setup_status(query: GetSetupStatus, context: Context, *, people: PeopleReader) -> bool:
    return not await people.has_owner()


@frozen(kw_only=True)
class GetSigningKeys(Query[list[SigningKeyView]]):
    """The public halves of what access tokens are signed with (RFC 7517)."""

    requires: ClassVar = PUBLIC


async def get_signing_keys(
    query: GetSigningKeys, context: Context, *, people: PeopleReader, access_tokens: AccessTokens
) -> list[SigningKeyView]:
    return [
        SigningKeyView(id=key.id, retired=key.retired_at is not None, jwk=access_tokens.public_key(key.id))
        for key in await people.signing_keys(context.now)
    ]


def _user(context: Context) -> UserId:
    assert context.actor.user_id is not None  # the door let only people pass
    return context.actor.user_id
