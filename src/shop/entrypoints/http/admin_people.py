"""Customers and staff, roles and invitations, for staff."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shop.application.commands.identity.privacy import EraseUser
from shop.application.commands.identity.roles import CreateRole, DeleteRole, UpdateRole
from shop.application.commands.identity.staff import CreateUser, ResetSecondFactor, SetUserRoles, UpdateUser
from shop.application.ports.people import UserFilter
from shop.application.ports.views import AdminUserView, RoleView
from shop.application.queries.identity import GetRoles, GetUser, GetUsers
from shop.domain.identity import SCOPES, RoleNotFound, UserStatus
from shop.domain.kernel.identifiers import RoleId, UserId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.auth import Email, Locale, Name
from shop.entrypoints.http.bodies import Body, IdText, MetadataChange, ShortText, given, identifier
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.parameters import choices, fields, page_request, paging, text
from shop.entrypoints.http.parameters import identifier as id_parameter
from shop.entrypoints.representation import Plain

endpoints = Endpoints("admin people")
_USER, _ROLE = Shows(view=AdminUserView), Shows(view=RoleView)
CHANGES = ("not_found", "scope_missing", "fresh_sign_in_required", "account_erased", "conflict")
ScopeText = Annotated[str, Meta(pattern=r"^(\*|[a-z_]+:(read|write|erase))$", max_length=60)]
Scopes = Annotated[list[ScopeText], Meta(min_length=1, max_length=100)]
RoleIds = Annotated[list[IdText], Meta(max_length=50)]


class NewUser(Body):
    """A customer whose account staff make."""

    email: Email
    name: Name = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
    locale: Locale = ""


class UserChange(Body):
    """What staff may change of somebody: a merge patch."""

    name: Name | UnsetType | None = UNSET
    phone: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    tags: Annotated[list[ShortText], Meta(max_length=50)] | UnsetType = UNSET
    note: Annotated[str, Meta(max_length=5_000)] | UnsetType | None = UNSET
    metadata: MetadataChange | UnsetType = UNSET
    status: Annotated[str, Meta(pattern="^(active|suspended)$")] | UnsetType = UNSET


class RolesOfUser(Body):
    """All roles that somebody is to have."""

    role_ids: RoleIds


class NewRole(Body):
    """A role of the shop's own."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{1,39}$")]
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Scopes


class RoleChange(Body):
    """What changes of a role: a merge patch."""

    title: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET


async def _current_user(call: Call) -> Plain:
    return call.representation.plain(await call.ask(GetUser(user_id=call.id(UserId))))


async def _current_role(call: Call) -> Plain:
    return call.representation.plain(await _role(call, call.id(RoleId)))


async def _role(call: Call, role_id: RoleId) -> RoleView:
    for role in await call.ask(GetRoles()):
        if role.id == role_id:
            return role
    raise RoleNotFound(f"There is no role {role_id}.")


def role_ids_of(texts: list[str]) -> frozenset[RoleId]:
    return frozenset(identifier(RoleId, text, f"/role_ids/{number}") for number, text in enumerate(texts))


@endpoints.get(
    "/api/admin/users",
    "admin_user_list",
    Who.STAFF,
    "Customers and staff",
    scope="customers:read",
    query=(
        choices("status", UserStatus, "Users in these states; erased ones only where asked for."),
        text("email", "With this e-mail address."),
        text("q", "Whose e-mail address or name begins like this."),
        id_parameter("role_id", RoleId, "Who have this role."),
        fields(AdminUserView),
        *paging("created_at", "email", "name"),
    ),
    shows=Shows(view=AdminUserView, many=True),
)
async def admin_user_list(call: Call) -> Answer:
    """With what they ordered and spent; the newest first."""
    query = call.query
    which = UserFilter(
        statuses=query.get("status", frozenset()),
        email=query.get("email", ""),
        words=query.get("q", ""),
        role_id=query.get("role_id"),
    )
    return call.page(await call.ask(GetUsers(which=which, page=page_request(query))))


@endpoints.post(
    "/api/admin/users",
    "admin_user_create",
    Who.STAFF,
    "Make a customer's account",
    scope="customers:write",
    body=NewUser,
    example={"email": "ada@example.com", "name": "Ada Byron"},
    status=201,
    tier=2,
    shows=_USER,
    problems=("email_taken", "conflict"),
)
async def admin_user_create(call: Call) -> Answer:
    """They are mailed a link; they set a password with POST /api/auth/password/forgot, or sign in by a link."""
    body: NewUser = call.body
    command = CreateUser(email=body.email, name=body.name, phone=body.phone, locale=body.locale)
    user_id = await call.execute(command)
    user = await call.shop.ports.storage.readers.people.user(user_id)
    return call.one(user, status=201, location=f"/api/admin/users/{user_id}")


@endpoints.get(
    "/api/admin/users/{id}",
    "admin_user_get",
    Who.STAFF,
    "One user",
    scope="customers:read",
    query=(fields(AdminUserView),),
    shows=_USER,
    conditional=True,
    problems=("not_found",),
)
async def admin_user_get(call: Call) -> Answer:
    """Profile and lifetime numbers."""
    return call.one(await call.ask(GetUser(user_id=call.id(UserId))))


@endpoints.patch(
    "/api/admin/users/{id}",
    "admin_user_update",
    Who.STAFF,
    "Change a user",
    scope="customers:write",
    body=UserChange,
    example={"tags": ["vip"], "status": "suspended"},
    shows=_USER,
    if_match=True,
    current=_current_user,
    problems=("owner_needed", *CHANGES),
)
async def admin_user_update(call: Call) -> Answer:
    """Name, phone, tags, note and metadata. Suspending somebody ends their sessions within five seconds.

    Nobody changes the account of somebody who may do more than they may.
    """
    body: UserChange = call.body
    user_id = call.id(UserId)
    await call.execute(
        UpdateUser(
            user_id=user_id,
            **given(body, "name", "phone", "note"),
            tags=None if body.tags is UNSET else tuple(body.tags),
            metadata=None if body.metadata is UNSET else body.metadata,
            status=None if body.status is UNSET else UserStatus(body.status),
            expected_version=call.expected_version(),
        )
    )
    return call.one(await call.ask(GetUser(user_id=user_id)))


@endpoints.put(
    "/api/admin/users/{id}/roles",
    "admin_user_roles_set",
    Who.STAFF,
    "Set somebody's roles",
    scope="staff:write",
    body=RolesOfUser,
    example={"role_ids": ["role_00000000000000700000000000"]},
    status=204,
    problems=("email_unverified", "owner_needed", *CHANGES),
)
async def admin_user_roles_set(call: Call) -> Answer:
    """All of them at once, in force within five seconds. Nobody gives or takes more than they have themselves."""
    await call.execute(SetUserRoles(user_id=call.id(UserId), role_ids=role_ids_of(call.body.role_ids)))
    return call.nothing()


@endpoints.post(
    "/api/admin/users/{id}/mfa/reset",
    "admin_user_mfa_reset",
    Who.STAFF,
    "Take a lost second factor off an account",
    scope="staff:write",
    status=204,
    keys=Keys.NO,
    tier=2,
    problems=CHANGES,
)
async def admin_user_mfa_reset(call: Call) -> Answer:
    """After making sure whose account it is. Ends all sessions of it."""
    await call.execute(ResetSecondFactor(user_id=call.id(UserId)))
    return call.nothing()


@endpoints.post(
    "/api/admin/users/{id}/anonymise",
    "admin_user_anonymise",
    Who.STAFF,
    "Forget somebody",
    scope="customers:erase",
    status=204,
    keys=Keys.NO,
    tier=2,
    problems=("not_found", "scope_missing", "erasure_held", "owner_needed", "conflict"),
)
async def admin_user_anonymise(call: Call) -> Answer:
    """On their request. Refused while an order is under way; their orders stay without a person."""
    await call.execute(EraseUser(user_id=call.id(UserId)))
    return call.nothing()


@endpoints.get(
    "/api/admin/roles",
    "role_list",
    Who.STAFF,
    "Roles",
    scope="staff:read",
    shows=Shows(view=RoleView, many=True),
)
async def role_list(call: Call) -> Answer:
    """Those that every shop has, then the shop's own. The owner's `*` is every scope; the administrator's are all."""
    return call.whole(await call.ask(GetRoles()))


@endpoints.post(
    "/api/admin/roles",
    "role_create",
    Who.STAFF,
    "Make a role",
    scope="staff:write",
    body=NewRole,
    example={"name": "night_shift", "title": "Night shift", "scopes": ["orders:read", sorted(SCOPES)[0]]},
    status=201,
    tier=2,
    shows=_ROLE,
    problems=("scope_unknown", "role_name_taken", "conflict"),
)
async def role_create(call: Call) -> Answer:
    """Of scopes that its maker has."""
    body: NewRole = call.body
    role_id = await call.execute(CreateRole(name=body.name, title=body.title, scopes=frozenset(body.scopes)))
    return call.one(await _role(call, role_id), status=201)


@endpoints.get(
    "/api/admin/roles/{id}",
    "role_get",
    Who.STAFF,
    "One role",
    scope="staff:read",
    tier=2,
    shows=_ROLE,
    conditional=True,
    problems=("not_found",),
)
async def role_get(call: Call) -> Answer:
    """With the ETag that changing it takes. Giving it to somebody counts as a change."""
    return call.one(await _role(call, call.id(RoleId)))


@endpoints.patch(
    "/api/admin/roles/{id}",
    "role_update",
    Who.STAFF,
    "Change a role",
    scope="staff:write",
    body=RoleChange,
    example={"title": "Nights"},
    tier=2,
    shows=_ROLE,
    if_match=True,
    current=_current_role,
    problems=("scope_unknown", "role_built_in", *CHANGES),
)
async def role_update(call: Call) -> Answer:
    """For everybody who has it, within five seconds. Only scopes that one has oneself come or go."""
    body: RoleChange = call.body
    role_id = call.id(RoleId)
    await call.execute(
        UpdateRole(
            role_id=role_id,
            title=None if body.title is UNSET else body.title,
            scopes=None if body.scopes is UNSET else frozenset(body.scopes),
            expected_version=call.expected_version(),
        )
    )
    return call.one(await _role(call, role_id))


@endpoints.delete(
    "/api/admin/roles/{id}",
    "role_delete",
    Who.STAFF,
    "Remove a role",
    scope="staff:write",
    tier=2,
    if_match=True,
    current=_current_role,
    problems=("role_built_in", "role_in_use", *CHANGES),
)
async def role_delete(call: Call) -> Answer:
    """One that nobody has."""
    await call.execute(DeleteRole(role_id=call.id(RoleId), expected_version=call.expected_version()))
    return call.nothing()
