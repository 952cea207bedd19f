"""Which use case carries out which command of accounts, and who answers which question."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from shop.application.commands.identity import (
    elsewhere,
    exports,
    invitations,
    keys,
    me,
    privacy,
    registration,
    roles,
    second_factor,
    setup,
    sign_in,
    staff,
)
from shop.application.commands.identity import passkeys as passkeys_
from shop.application.commands.identity import passwords as passwords_
from shop.application.messages import Command, Query
from shop.application.queries import identity as identity_queries
from shop.application.wiring.needs import Handler, Ports


def account_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    uow, ids, secrets, passwords = ports.storage.uow, ports.ids, ports.secrets, ports.passwords
    readers, keeper, totp, passkeys = ports.storage.readers, ports.doorkeeper, ports.totp, ports.passkeys
    limits = ports.account_limits
    return {
        registration.RegisterUser: partial(
            registration.register_user, uow=uow, ids=ids, passwords=passwords, doorkeeper=keeper, limits=limits
        ),
        registration.RequestMail: partial(registration.request_mail, uow=uow, ids=ids, limits=limits),
        registration.ChangeEmail: partial(registration.change_email, uow=uow, ids=ids, limits=limits),
        registration.LookIntoRequest: partial(
            registration.look_into_request, uow=uow, ids=ids, doorkeeper=keeper, notifier=ports.notifier
        ),
        registration.SendVerification: partial(
            registration.send_verification, uow=uow, doorkeeper=keeper, notifier=ports.notifier
        ),
        registration.VerifyEmail: partial(
            registration.verify_email, uow=uow, doorkeeper=keeper, notifier=ports.notifier
        ),
        sign_in.SignIn: partial(sign_in.sign_in, uow=uow, passwords=passwords, doorkeeper=keeper),
        sign_in.UseMagicLink: partial(sign_in.use_magic_link, uow=uow, doorkeeper=keeper),
        elsewhere.LeaveForProvider: partial(
            elsewhere.leave_for_provider, uow=uow, doorkeeper=keeper, providers=ports.sign_in
        ),
        elsewhere.ReturnFromProvider: partial(
            elsewhere.return_from_provider, uow=uow, ids=ids, doorkeeper=keeper, providers=ports.sign_in
        ),
        elsewhere.ConnectProvider: partial(elsewhere.connect_provider, uow=uow, doorkeeper=keeper),
        elsewhere.DisconnectProvider: partial(elsewhere.disconnect_provider, uow=uow),
        sign_in.RefreshSession: partial(sign_in.refresh_session, uow=uow, doorkeeper=keeper),
        sign_in.SignOut: partial(sign_in.sign_out, uow=uow),
        sign_in.RevokeSession: partial(sign_in.revoke_session, uow=uow),
        sign_in.RevokeOtherSessions: partial(sign_in.revoke_other_sessions, uow=uow),
        passwords_.ResetPassword: partial(passwords_.reset_password, uow=uow, passwords=passwords, doorkeeper=keeper),
        passwords_.ChangePassword: partial(passwords_.change_password, uow=uow, passwords=passwords, doorkeeper=keeper),
        second_factor.EnrolTotp: partial(
            second_factor.enrol_totp, uow=uow, ids=ids, secrets=secrets, totp=totp, store=readers.store
        ),
        second_factor.ConfirmTotp: partial(second_factor.confirm_totp, uow=uow, secrets=secrets, totp=totp),
        second_factor.DisableTotp: partial(second_factor.disable_totp, uow=uow, totp=totp, doorkeeper=keeper),
        second_factor.RotateRecoveryCodes: partial(second_factor.rotate_recovery_codes, uow=uow, secrets=secrets),
        second_factor.CompleteSecondStep: partial(
            second_factor.complete_second_step, uow=uow, totp=totp, doorkeeper=keeper
        ),
        passkeys_.OfferPasskey: partial(passkeys_.offer_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.AddPasskey: partial(passkeys_.add_passkey, uow=uow, ids=ids, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.RemovePasskey: partial(passkeys_.remove_passkey, uow=uow),
        passkeys_.AskForPasskey: partial(passkeys_.ask_for_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.SignInWithPasskey: partial(
            passkeys_.sign_in_with_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper
        ),
    }


def people_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    uow, ids, secrets, passwords = ports.storage.uow, ports.ids, ports.secrets, ports.passwords
    readers, keeper = ports.storage.readers, ports.doorkeeper
    return {
        me.UpdateMe: partial(me.update_me, uow=uow),
        me.UpdatePreferences: partial(me.update_preferences, uow=uow),
        me.AddAddress: partial(me.add_address, uow=uow, ids=ids),
        me.UpdateAddress: partial(me.update_address, uow=uow),
        me.RemoveAddress: partial(me.remove_address, uow=uow),
        exports.RequestExport: partial(exports.request_export, uow=uow, ids=ids),
        exports.BuildExport: partial(exports.build_export, uow=uow, readers=readers, cashier=ports.cashier),
        privacy.EraseMe: partial(privacy.erase_me, uow=uow, readers=readers, notifier=ports.notifier),
        privacy.EraseUser: partial(privacy.erase_user, uow=uow, readers=readers, notifier=ports.notifier),
        staff.CreateUser: partial(staff.create_user, uow=uow, ids=ids),
        staff.UpdateUser: partial(staff.update_user, uow=uow),
        staff.SetUserRoles: partial(staff.set_user_roles, uow=uow),
        staff.ResetSecondFactor: partial(staff.reset_second_factor, uow=uow),
        roles.CreateRole: partial(roles.create_role, uow=uow, ids=ids),
        roles.UpdateRole: partial(roles.update_role, uow=uow),
        roles.DeleteRole: partial(roles.delete_role, uow=uow),
        invitations.InviteStaff: partial(invitations.invite_staff, uow=uow, ids=ids),
        invitations.RevokeInvitation: partial(invitations.revoke_invitation, uow=uow),
        invitations.AcceptInvitation: partial(
            invitations.accept_invitation, ids=ids, uow=uow, passwords=passwords, doorkeeper=keeper
        ),
        keys.CreateApiKey: partial(keys.create_api_key, uow=uow, ids=ids, secrets=secrets),
        keys.RotateApiKey: partial(keys.rotate_api_key, uow=uow, secrets=secrets),
        keys.RevokeApiKey: partial(keys.revoke_api_key, uow=uow),
        keys.RotateSigningKeys: partial(
            keys.rotate_signing_keys, uow=uow, ids=ids, people=readers.people, rules=ports.accounts
        ),
        setup.OfferSetup: partial(setup.offer_setup, uow=uow, doorkeeper=keeper),
        setup.CompleteSetup: partial(setup.complete_setup, ids=ids, uow=uow, passwords=passwords, doorkeeper=keeper),
    }


def account_queries(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    people = ports.storage.readers.people
    return {
        identity_queries.GetWho: partial(identity_queries.get_who, people=people),
        identity_queries.GetMe: partial(identity_queries.get_me, people=people),
        identity_queries.GetMyAddresses: partial(identity_queries.get_my_addresses, people=people),
        identity_queries.GetMyPreferences: partial(identity_queries.get_my_preferences, people=people),
        identity_queries.GetMySessions: partial(identity_queries.get_my_sessions, people=people),
        identity_queries.GetMyExport: partial(identity_queries.get_my_export, people=people),
        identity_queries.GetUsers: partial(identity_queries.get_users, people=people),
        identity_queries.GetUser: partial(identity_queries.get_user, people=people),
        identity_queries.GetRoles: partial(identity_queries.get_roles, people=people),
        identity_queries.GetInvitations: partial(identity_queries.get_invitations, people=people),
        identity_queries.GetSetupStatus: partial(identity_queries.get_setup_status, people=people),
        identity_queries.GetSigningKeys: partial(
            identity_queries.get_signing_keys, people=people, access_tokens=ports.access_tokens
        ),
    }
