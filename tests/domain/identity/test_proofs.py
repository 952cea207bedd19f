"""Sessions, tokens, attempts, roles, invitations, exports and keys."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.identity import (
    BUILT_IN,
    OWNER,
    SCOPES,
    AccountRequest,
    ApiKey,
    ApiKeyGone,
    DataExport,
    Invitation,
    OneTimeToken,
    RequestKind,
    Role,
    RoleBuiltIn,
    Session,
    SignInAttempt,
    SigningKey,
    SignInTooOften,
    TokenPurpose,
    TokenRejected,
    beyond,
    covers,
    pause_before,
    pause_before_second_step,
    worth_telling,
)
from shop.domain.identity.attempts import ELSEWHERE_MAX, PAUSE_MAX
from shop.domain.identity.sessions import SPENT_MAX
from shop.domain.identity.tokens import TRIES_MAX
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    ApiKeyId,
    ExportId,
    InvitationId,
    OneTimeTokenId,
    RoleId,
    SessionId,
    SignInAttemptId,
    SigningKeyId,
    UserId,
)
from tests.domain.samples import NOW, an, later

DAY = timedelta(days=1)
HOME, AWAY = "192.0.2.1", "198.51.100.1"


def a_session() -> Session:
    return Session.begin(
        at=NOW, lifetime=DAY, id=an(SessionId, 1), user_id=an(UserId, 1), fingerprint=b"0", user_agent="x" * 999
    )


def test_a_session_remembers_the_last_of_its_spent_tokens() -> None:
    session = a_session()
    assert len(session.user_agent) == 300
    for number in range(SPENT_MAX + 5):
        session.rotate(b"%d" % (number + 1), later(number), DAY, 9 * DAY)
    assert len(session.spent) == SPENT_MAX
    assert session.fingerprint not in session.spent


def test_a_session_ends_some_day_however_often_it_is_used() -> None:
    session = a_session()
    for days in range(1, 9):
        session.rotate(b"%d" % days, NOW + days * DAY * 0.9, DAY, 5 * DAY)
    assert session.expires_at == NOW + 5 * DAY
    assert not session.live(NOW + 5 * DAY)


def test_a_session_ends_by_time_by_hand_or_by_a_copy() -> None:
    session = a_session()
    assert (session.live(NOW), session.live(NOW + DAY)) == (True, False)
    session.refreshed_proof(later(1), mfa=True)
    assert (session.fresh_at, session.mfa) == (later(1), True)
    session.take_events()
    session.reused(later(2))
    session.revoke(later(3))
    assert (session.revoked_at, session.live(later(2))) == (later(2), False)
    (event,) = session.take_events()
    assert (event.type, event.subject) == ("user.session_reused", an(UserId, 1))


def a_token(**changes: Any) -> OneTimeToken:
    values: dict[str, Any] = {"purpose": TokenPurpose.SETUP, "binding": "1", "expires_at": later(60), **changes}
    return OneTimeToken(id=an(OneTimeTokenId, 1), fingerprint=b"f", created_at=NOW, **values)


@pytest.mark.parametrize(
    "changes", [{"purpose": TokenPurpose.MAGIC_LINK}, {"used_at": NOW}, {"expires_at": NOW}, {"tries": 5}]
)
def test_a_token_opens_one_thing_once(changes: dict[str, Any]) -> None:
    a_token().check(TokenPurpose.SETUP, NOW)
    with pytest.raises(TokenRejected):
        a_token(**changes).check(TokenPurpose.SETUP, NOW)


def test_a_token_is_for_the_user_as_they_were() -> None:
    a_token().check_binding("1")
    with pytest.raises(TokenRejected):
        a_token().check_binding("2")


def attempts(*made: tuple[str, bool], apart: float = 1.0) -> list[SignInAttempt]:
    """Of one account, the newest first, the last of them now."""
    count = len(made)
    return [
        SignInAttempt(
            id=an(SignInAttemptId, number),
            account=b"a",
            source=source,
            at=NOW - timedelta(seconds=apart * number),
            succeeded=succeeded,
        )
        for number, (source, succeeded) in enumerate(reversed(made))
        if count
    ]


def known_of(made: list[SignInAttempt]) -> set[str]:
    return {attempt.source for attempt in made if attempt.succeeded}


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (3, 0), (4, 1), (5, 2), (6, 4), (40, 900)])
def test_each_failure_doubles_the_pause(failures: int, seconds: int) -> None:
    made = attempts(*[(HOME, False)] * failures)
    assert pause_before(made, known_of(made), HOME, NOW) == timedelta(seconds=seconds)


def test_s35_nobody_is_locked_out_by_others() -> None:
    made = attempts((HOME, True), *[(AWAY, False)] * (ELSEWHERE_MAX + 1))
    assert pause_before(made, known_of(made), HOME, NOW) == timedelta(0)
    assert pause_before(made, known_of(made), AWAY, NOW) > timedelta(0)
    assert pause_before(made, known_of(made), "203.0.113.9", NOW) == PAUSE_MAX
    failed = attempts(*[(AWAY, False)] * (ELSEWHERE_MAX + 1))
    assert pause_before(failed, {HOME}, HOME, NOW) == timedelta(0), "what opened it long ago is not among the latest"


@given(st.lists(st.tuples(st.sampled_from([HOME, AWAY]), st.booleans()), max_size=120), st.integers(0, 10**6))
def test_a_pause_is_bounded_and_over_some_day(made: list[tuple[str, bool]], seconds: int) -> None:
    found = attempts(*made)
    pause = pause_before(found, known_of(found), HOME, NOW)
    assert timedelta(0) <= pause <= PAUSE_MAX
    assert pause_before(found, known_of(found), HOME, NOW + pause) == timedelta(0)
    assert pause_before(found, known_of(found), HOME, NOW + timedelta(seconds=seconds)) <= pause


def test_s35_the_second_step_is_counted_over_all_strange_networks() -> None:
    strange = [(f"198.51.100.{number}", False) for number in range(6)]
    made = attempts(*strange, (HOME, True), (HOME, False))
    assert pause_before_second_step(made, known_of(made), "203.0.113.9", NOW) == timedelta(
        seconds=2
    )  # of the last strange one
    assert pause_before_second_step(made, known_of(made), HOME, NOW) == timedelta(0)
    at_home = attempts((HOME, True), *[(HOME, False)] * 4)
    assert pause_before_second_step(at_home, {HOME}, HOME, NOW) == timedelta(seconds=1)


@pytest.mark.parametrize(("failures", "worth"), [(3, False), (4, True), (5, False)])
def test_the_fifth_wrong_code_of_a_day_is_told(failures: int, worth: bool) -> None:
    assert worth_telling(attempts((HOME, True), *[(AWAY, False)] * failures), NOW) is worth
    assert not worth_telling(attempts(*[(AWAY, False)] * 4), NOW + DAY)


def test_what_covers_what() -> None:
    assert covers({"orders:write"}, "orders:read")
    assert not covers({"orders:read"}, "orders:write")
    assert covers({"*"}, "anything:erase")
    assert beyond({"*", "orders:read"}, {"orders:write"}) == ["*"]
    assert all(beyond(role.scopes, OWNER.scopes) == [] for role in BUILT_IN.values())
    assert all(role.scopes <= SCOPES | {"*"} for role in BUILT_IN.values())


@pytest.mark.parametrize(
    "changes",
    [{"name": "Big"}, {"name": "x"}, {"title": " "}, {"title": "x" * 101}, {"scopes": ()}, {"scopes": ["x:y"]}],
)
def test_a_role_has_a_name_a_title_and_scopes(changes: dict[str, Any]) -> None:
    values: dict[str, Any] = {"name": "night", "title": "Night", "scopes": {"orders:read"}, **changes}
    with pytest.raises(Invalid):
        Role(id=an(RoleId, 1), **values)


def test_a_built_in_role_never_changes() -> None:
    with pytest.raises(RoleBuiltIn):
        OWNER.change(NOW, title="King")


def test_an_invitation_is_open_until_it_is_not() -> None:
    def made() -> Invitation:
        return Invitation.make(
            id=an(InvitationId, 1), email="a@b.de", role_ids=frozenset({OWNER.id}), invited_by=None, at=NOW
        )

    invitation = made()
    assert (invitation.open(NOW), invitation.open(NOW + 8 * DAY)) == (True, False)
    invitation.accept(NOW)
    assert not invitation.open(NOW)
    revoked = made()
    revoked.revoke(NOW)
    revoked.revoke(later(1))
    assert (revoked.revoked_at, revoked.open(NOW)) == (NOW, False)
    with pytest.raises(Invalid):
        Invitation.make(id=an(InvitationId, 1), email="a@b.de", role_ids=frozenset(), invited_by=None, at=NOW)


def test_an_export_is_finished_once() -> None:
    export = DataExport.request(id=an(ExportId, 1), user_id=an(UserId, 1), at=NOW)
    export.finish(b"1", later(1))
    export.finish(b"2", later(2))
    assert (export.document, export.ready_at) == (b"1", later(1))
    assert [(event.type, event.subject) for event in export.take_events()] == [
        ("export.requested", export.id),
        ("export.ready", export.id),
    ]


def test_a_key_opens_until_it_is_revoked_expires_or_is_rotated_away() -> None:
    key = ApiKey(
        id=an(ApiKeyId, 1),
        name="k",
        fingerprint=b"1",
        last4="1",
        scopes=frozenset(),
        created_at=NOW,
        expires_at=NOW + DAY,
    )
    key.rotate(b"2", "2", timedelta(days=99), NOW)
    assert [key.opens(f, later(1)) for f in (b"1", b"2", b"3")] == [True, True, False]
    assert not key.opens(b"2", NOW + DAY)
    key.rotate(b"3", "3", timedelta.min, NOW)
    assert [key.opens(f, NOW) for f in (b"2", b"3")] == [False, True]
    key.rotate(b"2", "2", timedelta.max, NOW)
    with pytest.raises(ApiKeyGone):
        key.rotate(b"3", "3", DAY, NOW + DAY)
    key.revoke(NOW)
    key.revoke(later(1))
    assert (key.revoked_at, key.opens(b"2", NOW)) == (NOW, False)
    assert [event.type for event in key.take_events()] == ["api_key.revoked"]


def test_a_signing_key_is_believed_a_little_longer_than_it_signs() -> None:
    key = SigningKey(id=an(SigningKeyId, 1), created_at=NOW)
    key.retire(NOW, timedelta(minutes=5))
    key.retire(later(1), timedelta(minutes=5))
    assert (key.retired_at, key.gone_at) == (NOW, NOW + timedelta(minutes=5))


def test_a_request_says_in_its_event_neither_who_nor_what() -> None:
    request = AccountRequest.make(id=an(AccountRequestId, 1), kind=RequestKind.REGISTER, email=" Ada@b.de", at=NOW)
    (event,) = request.take_events()
    assert (event.type, event.subject, request.email_key) == ("user.account_requested", request.id, "ada@b.de")
    assert "ada" not in str(event).lower()
    with pytest.raises(Invalid):
        AccountRequest.make(id=an(AccountRequestId, 1), kind=RequestKind.REGISTER, email="nowhere", at=NOW)


def test_a_role_of_the_shops_own_changes_and_keeps_its_name() -> None:
    role = Role(id=an(RoleId, 1), name="night", title="Night", scopes={"orders:read"}, created_at=NOW, updated_at=NOW)
    role.change(later(1), title="By night")
    assert (role.title, role.scopes, role.updated_at) == ("By night", frozenset({"orders:read"}), later(1))
    role.change(later(2), scopes=frozenset({"orders:write"}))
    assert (role.name, role.title, role.scopes) == ("night", "By night", frozenset({"orders:write"}))
    with pytest.raises(Invalid):
        role.change(later(3), scopes=frozenset({"orders:everything"}))


def test_a_token_is_used_up_by_use_and_by_wrong_tries() -> None:
    used, guessed = a_token(), a_token()
    used.use(NOW)
    for _ in range(TRIES_MAX):
        guessed.check(TokenPurpose.SETUP, NOW)
        guessed.tried()
    for token in (used, guessed):
        with pytest.raises(TokenRejected):
            token.check(TokenPurpose.SETUP, NOW)


def test_events_tell_whom_they_are_about() -> None:
    key = ApiKey(id=an(ApiKeyId, 1), name="k", fingerprint=b"1", last4="1", scopes=frozenset(), created_at=NOW)
    key.created(NOW)
    invitation = Invitation.make(
        id=an(InvitationId, 1), email="a@b.de", role_ids=frozenset({OWNER.id}), invited_by=None, at=NOW
    )
    session = a_session()
    subjects = [event.subject for thing in (key, invitation, session) for event in thing.take_events()]
    assert subjects == [key.id, invitation.id, session.user_id]
    assert SignInTooOften(7).retry_after == 7


@given(st.frozensets(st.sampled_from(sorted(SCOPES)), max_size=6), st.frozensets(st.sampled_from(sorted(SCOPES))))
def test_what_is_covered_by_few_is_covered_by_more(few: frozenset[str], others: frozenset[str]) -> None:
    more = few | others
    assert beyond(few, more) == []
    assert set(beyond(others, more)) <= set(beyond(others, few))
    assert beyond(more, {"*"}) == []
    assert all(covers(few, wanted) for wanted in few)
    writes = {scope for scope in few if scope.endswith(":write")}
    assert all(covers(few, scope.replace(":write", ":read")) for scope in writes)
