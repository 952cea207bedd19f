"""A user: what proves who they are, what is theirs, and what is left when they are gone."""

from typing import Any

import pytest
from attrs import evolve

from shop.domain.identity import (
    OWNER,
    AccountErased,
    AddressNotFound,
    EmailUnverified,
    LinkedIdentity,
    Passkey,
    PasskeyNotFound,
    SavedAddress,
    TotpFactor,
    User,
    UserStatus,
    on_one_line,
)
from shop.domain.identity.refusals import LastWayIn
from shop.domain.identity.users import ADDRESSES_MAX, IDENTITIES_MAX, PASSKEYS_MAX
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import AddressId, PasskeyId, TotpFactorId, UserId
from tests.domain.samples import NOW, an, an_address, later


def a_user(**changes: Any) -> User:
    values: dict[str, Any] = {"id": an(UserId, 1), "at": NOW, "email": "Ada@Example.com", **changes}
    user = User.register(**values)
    user.take_events()
    return user


def somebody(**changes: Any) -> User:
    """Somebody whose address is proved."""
    user = a_user(**changes)
    user.prove(NOW, mine=True)
    user.take_events()
    return user


def told(user: User) -> list[str]:
    return [event.type for event in user.take_events()]


def a_passkey(number: int) -> Passkey:
    return Passkey(
        id=an(PasskeyId, number),
        name="phone",
        credential_id=bytes([number]),
        public_key=b"k",
        sign_count=0,
        created_at=NOW,
    )


def google(number: int = 1) -> LinkedIdentity:
    return LinkedIdentity(provider=f"provider-{number}", subject="1", linked_at=NOW)


def test_registering_is_said_once() -> None:
    user = User.register(id=an(UserId, 1), at=NOW, email="ada@example.com")
    assert told(user) == ["user.registered"]
    assert (user.email_key, user.staff, user.owner, user.second_factor) == ("ada@example.com", False, False, False)
    with pytest.raises(Invalid):
        a_user(email="nobody")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 201},
        {"name": "a\x00b"},
        {"phone": "1" * 41},
        {"locale": "x" * 36},
        {"note": "x" * 5001},
        {"tags": ["x"] * 1 + [str(n) for n in range(60)]},
        {"tags": [""]},
    ],
)
def test_what_is_kept_of_somebody_has_bounds(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        a_user(**changes)


@pytest.mark.parametrize("name", ["name", "phone", "locale"])
@pytest.mark.parametrize("unfit", ["a\nb", "a\rb", "a\tb", "\x1b[31m", "\x85", "\u2028", "\u202egnp", "\u2066x"])
def test_s84_what_people_are_called_stays_on_its_line(name: str, unfit: str) -> None:
    with pytest.raises(Invalid) as refused:
        a_user(**{name: unfit})
    assert [(flaw.pointer, flaw.code) for flaw in refused.value.flaws] == [(f"/{name}", "characters_unfit")]
    user = a_user(name="Zoë O’Neill-日本 \u200e\u05d0")
    with pytest.raises(Invalid):
        user.describe(NOW, **{name: unfit})
    assert on_one_line(f"Ada{unfit}").startswith("Ada")
    assert on_one_line("A\x1b\nda") == "Ada"
    user.describe(NOW, note="two\nlines")


def test_only_a_change_is_said() -> None:
    user = a_user(name="Ada")
    user.describe(later(1), name="Ada")
    assert (told(user), user.updated_at) == ([], NOW)
    user.describe(later(1), name="Lady Ada", phone="1")
    (event,) = user.take_events()
    assert event.changed == ("name", "phone")  # type: ignore[attr-defined]


def test_proving_an_address_twice_is_once() -> None:
    user = a_user()
    assert [user.prove(later(1)), user.prove(later(2))] == [True, False]
    assert (user.email_verified_at, told(user)) == (later(1), ["user.verified"])


def waiting(**changes: Any) -> User:
    """An account that somebody made for another's address, and filled before anybody had proved it."""
    words = {"name": "Mallory", "phone": "1", "locale": "en", "metadata": {"a": "b"}, "addresses": (_saved(1),)}
    proofs = {"passkeys": (a_passkey(1),), "identities": (google(),), "recovery_codes": (b"r",)}
    totp = TotpFactor(id=an(TotpFactorId, 1), created_at=NOW, confirmed_at=NOW)
    given = {"password_hash": "hers", "totp": totp, "consents": frozenset({"analytics"}), "tags": ("vip",), "note": "n"}
    return a_user(**{**words, **proofs, **given, **changes})


def _saved(number: int) -> SavedAddress:
    return SavedAddress(id=an(AddressId, number), address=an_address())


def test_who_proves_the_address_first_claims_the_account() -> None:
    user = waiting()
    before = user.binding
    assert user.prove(later(1))
    proofs = [user.password_hash, user.passkeys, user.identities, user.recovery_codes, user.totp]
    assert not any([*proofs, user.name, user.phone, user.locale, user.metadata, user.addresses, user.consents])
    assert (user.tags, user.note) == (("vip",), "n"), "the staff wrote these"
    assert (user.binding != before, user.second_factor) == (True, False)
    assert told(user) == ["user.consent_changed", "user.updated", "user.verified"]
    user.set_password("mine", later(2))
    assert not user.prove(later(3)), "it has an owner"
    assert user.password_hash == "mine"


def test_who_chose_the_password_keeps_it_but_not_what_was_added_without_the_address() -> None:
    user = waiting()
    assert user.prove(later(1), mine=True)
    assert (user.password_hash, user.name, len(user.addresses)) == ("hers", "Mallory", 1)
    assert user.consents == {"analytics"}
    assert not any([user.passkeys, user.identities, user.recovery_codes, user.totp])
    moved = waiting()
    moved.change_email("new@example.com", later(1))
    assert (moved.password_hash, moved.second_factor, moved.identities) == ("hers", False, ())


def test_what_the_staff_wrote_of_somebody_who_was_never_there_stays() -> None:
    user = a_user(name="Ada", phone="1", addresses=(_saved(1),))
    user.prove(later(1))
    assert (user.name, user.phone, len(user.addresses), told(user)) == ("Ada", "1", 1, ["user.verified"])


def test_nothing_is_added_to_an_account_that_is_nobodys() -> None:
    user = a_user()
    factor = TotpFactor(id=an(TotpFactorId, 1), created_at=NOW)
    with pytest.raises(EmailUnverified):
        user.add_passkey(a_passkey(1), NOW)
    with pytest.raises(EmailUnverified):
        user.begin_totp(factor, NOW)
    with pytest.raises(EmailUnverified):
        user.confirm_totp(1, (), NOW)
    with pytest.raises(EmailUnverified):
        user.link(google(), NOW)


def test_another_address_proves_itself_and_breaks_old_links() -> None:
    user = somebody()
    before = user.binding
    user.change_email("new@example.com", later(1))
    assert (user.email, user.email_verified_at) == ("new@example.com", later(1))
    assert user.binding != before


def test_roles_suspension_and_return() -> None:
    user = a_user()
    user.set_roles(frozenset({OWNER.id}), NOW)
    user.set_roles(frozenset({OWNER.id}), NOW)
    assert (user.owner, user.staff) == (True, True)
    user.reactivate(NOW)
    user.suspend(NOW)
    user.suspend(NOW)
    assert user.status is UserStatus.SUSPENDED
    user.reactivate(NOW)
    assert told(user) == ["user.roles_changed", "user.suspended", "user.updated"]


def test_only_what_one_is_asked_about_can_be_agreed_to() -> None:
    user = a_user()
    user.consent({"analytics": True, "marketing_sms": False}, NOW)
    user.consent({"analytics": True}, NOW)
    assert user.consents == {"analytics"}
    user.consent({"analytics": False}, NOW)
    assert (user.consents, told(user)) == (frozenset(), ["user.consent_changed"] * 2)
    with pytest.raises(Invalid):
        user.consent({"everything": True}, NOW)


def test_accounts_elsewhere_come_and_go_but_not_the_last_way_in() -> None:
    user = somebody()
    user.link(google(), NOW)
    user.unlink("another", NOW)
    with pytest.raises(LastWayIn):
        user.unlink("provider-1", NOW)
    user.set_password("hash", NOW)
    user.unlink("provider-1", NOW)
    assert user.identities == ()
    for number in range(IDENTITIES_MAX):
        user.link(google(number), NOW)
    with pytest.raises(Invalid):
        user.link(google(99), NOW)


def test_an_address_book_has_one_default_of_each_kind() -> None:
    user = a_user()
    one, two = (SavedAddress(id=an(AddressId, n), address=an_address(), default_billing=True) for n in (1, 2))
    user.save_address(one, NOW)
    user.save_address(two, NOW)
    assert [saved.default_billing for saved in user.addresses] == [False, True]
    user.save_address(evolve(one, default_shipping=True), NOW)
    assert user.address(one.id).default_shipping
    user.remove_address(one.id, NOW)
    with pytest.raises(AddressNotFound):
        user.remove_address(one.id, NOW)
    for number in range(3, ADDRESSES_MAX + 2):
        user.save_address(evolve(one, id=an(AddressId, number)), NOW)
    with pytest.raises(Invalid):
        user.save_address(evolve(one, id=an(AddressId, 999)), NOW)


def test_codes_of_an_app_count_once_they_are_confirmed() -> None:
    user = somebody()
    assert not user.use_totp(1)
    user.begin_totp(TotpFactor(id=an(TotpFactorId, 1), created_at=NOW), NOW)
    factors = [user.second_factor]
    user.confirm_totp(7, (b"r",), later(1))
    assert [*factors, user.second_factor] == [False, True]
    with pytest.raises(Conflict):
        user.begin_totp(TotpFactor(id=an(TotpFactorId, 2), created_at=NOW), NOW)
    assert [user.use_totp(step) for step in (7, 6, 8, 8)] == [False, False, True, False]
    assert [user.use_recovery_code(code) for code in (b"x", b"r", b"r")] == [False, True, False]
    user.set_recovery_codes((b"s",), NOW)
    user.disable_totp(NOW)
    assert (user.recovery_codes, told(user)) == ((), ["user.mfa_enabled", "user.updated", "user.mfa_disabled"])


def test_passkeys_are_bounded_and_each_there_once() -> None:
    user = somebody()
    user.add_passkey(a_passkey(1), NOW)
    user.set_recovery_codes((b"r",), NOW)
    with pytest.raises(Invalid):
        user.add_passkey(a_passkey(1), NOW)
    user.use_passkey(bytes([1]), 5, later(1))
    assert (user.passkeys[0].sign_count, user.passkeys[0].last_used_at) == (5, later(1))
    with pytest.raises(PasskeyNotFound):
        user.passkey_of(b"?")
    with pytest.raises(PasskeyNotFound):
        user.remove_passkey(an(PasskeyId, 9), NOW)
    user.add_passkey(a_passkey(2), NOW)
    user.use_passkey(bytes([2]), 1, NOW)
    user.remove_passkey(an(PasskeyId, 1), NOW)
    assert len(user.recovery_codes) == 1
    user.begin_totp(TotpFactor(id=an(TotpFactorId, 1), created_at=NOW), NOW)
    user.disable_totp(NOW)
    assert len(user.recovery_codes) == 1
    user.remove_passkey(an(PasskeyId, 2), NOW)
    assert list(user.recovery_codes) == []
    for number in range(PASSKEYS_MAX):
        user.add_passkey(a_passkey(number), NOW)
    with pytest.raises(Invalid):
        user.add_passkey(a_passkey(99), NOW)
    user.reset_second_factor(NOW)
    assert not user.second_factor


def test_of_the_erased_nothing_is_left_and_nothing_changes() -> None:
    user = a_user(name="Ada", password_hash="h", tags=("vip",), metadata={"a": "b"}, note="n", phone="1", locale="en")
    user.set_roles(frozenset({OWNER.id}), NOW)
    user.take_events()
    user.erase(later(1))
    user.erase(later(2))
    assert told(user) == ["user.erased"]
    assert (user.status, user.erased_at, user.email_key) == (UserStatus.ERASED, later(1), "")
    left = [user.email, user.name, user.phone, user.locale, user.note, user.password_hash, user.tags, user.metadata]
    assert not any([*left, user.role_ids, user.addresses, user.identities, user.passkeys, user.recovery_codes])
    with pytest.raises(AccountErased):
        user.describe(NOW, name="x")


def test_a_better_hash_breaks_no_links() -> None:
    user = a_user()
    before = user.binding
    user.rehash("better")
    assert (user.password_hash, user.binding) == ("better", before)
