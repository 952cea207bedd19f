"""Invitations: how somebody joins the staff."""

from shop.application.commands.identity.invitations import AcceptInvitation, InviteStaff, RevokeInvitation
from shop.application.limits import SIGN_IN
from shop.application.ports.views import InvitationView
from shop.application.queries.identity import GetInvitations
from shop.domain.kernel.identifiers import InvitationId
from shop.entrypoints.http.admin_people import CHANGES, RoleIds, role_ids_of
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.auth import Email, Name, Password, Token
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who

endpoints = Endpoints("admin people")


class NewInvitation(Body):
    """Whom to ask onto the staff, as what."""

    email: Email
    role_ids: RoleIds


class Acceptance(Body):
    """The token of the invitation, and the password of the new account."""

    token: Token
    password: Password
    name: Name = ""


@endpoints.get(
    "/api/admin/invitations",
    "invitation_list",
    Who.STAFF,
    "Open invitations",
    scope="staff:read",
    tier=2,
    shows=Shows(view=InvitationView, many=True),
)
async def invitation_list(call: Call) -> Answer:
    """The newest first."""
    return call.whole(await call.ask(GetInvitations()))


@endpoints.post(
    "/api/admin/invitations",
    "invitation_create",
    Who.STAFF,
    "Ask somebody onto the staff",
    scope="staff:write",
    body=NewInvitation,
    example={"email": "lin@example.com", "role_ids": ["role_00000000000000700000000000"]},
    status=201,
    tier=2,
    shows=Shows(view=InvitationView),
    problems=CHANGES,
)
async def invitation_create(call: Call) -> Answer:
    """Mails a link that is good for a week. The answer does not tell whether the address has an account."""
    invitation_id = await call.execute(InviteStaff(email=call.body.email, role_ids=role_ids_of(call.body.role_ids)))
    made = next(each for each in await call.ask(GetInvitations()) if each.id == invitation_id)
    return call.one(made, status=201)


@endpoints.delete(
    "/api/admin/invitations/{id}",
    "invitation_revoke",
    Who.STAFF,
    "Take an invitation back",
    scope="staff:write",
    tier=2,
    problems=("not_found", "conflict"),
)
async def invitation_revoke(call: Call) -> Answer:
    """Its link opens nothing any more. Twice is once."""
    await call.execute(RevokeInvitation(invitation_id=call.id(InvitationId)))
    return call.nothing()


@endpoints.post(
    "/api/auth/invitations/{invitation_id}/accept",
    "auth_invitation_accept",
    Who.PUBLIC,
    "Join the staff",
    body=Acceptance,
    example={"token": "from-the-mail", "password": "a few words of my own", "name": "Lin Wei"},
    status=204,
    keys=Keys.NO,
    limit_class=SIGN_IN,
    tier=2,
    problems=("token_rejected", "email_taken", "passwords_busy", "account_erased", "conflict"),
)
async def auth_invitation_accept(call: Call) -> Answer:
    """Makes the account, or gives the roles to the one that the address has already, whose password stays."""
    body: Acceptance = call.body
    command = AcceptInvitation(
        invitation_id=call.id(InvitationId, "invitation_id"),
        token=body.token,
        password=body.password,
        name=body.name,
    )
    await call.execute(command)
    return call.nothing()
