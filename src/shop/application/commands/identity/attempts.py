"""Guessing gets slow: what was tried at an account before, by password and by code of the second step."""

from collections.abc import Sequence
from datetime import timedelta

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.unit_of_work import Transaction
from shop.domain.identity import (
    KNOWN_FOR,
    LOOKED_AT,
    LOOKED_AT_MAX,
    NETWORKS_MAX,
    SignInAttempt,
    SignInTooOften,
    User,
    pause_before,
    pause_before_second_step,
    worth_telling,
)
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import SignInAttemptId

_ONE_SECOND = timedelta(seconds=1)


def account_of(email: str, secrets: Secrets) -> bytes:
    """What attempts are counted under: tells nothing of the address to whoever reads the table."""
    return secrets.derive("sign-in-account", email_key(email))


def _second_step_of(user: User, secrets: Secrets) -> bytes:
    # Apart from the passwords: whoever only guesses those must not slow down who knows the right one.
    return secrets.derive("second-step-account", user.email_key)


async def check_pause(tx: Transaction, account: bytes, context: Context) -> None:
    """Raises SignInTooOften while the next attempt has to wait."""
    attempts, known = await _made_before(tx, account, context)
    _check(pause_before(attempts, known, context.source, context.now))


def note_failure(tx: Transaction, account: bytes, context: Context, ids: Ids) -> None:
    """A password was wrong."""
    _note(tx, account, context, ids, succeeded=False)


async def check_pause_of_second_step(
    tx: Transaction, user: User, context: Context, secrets: Secrets
) -> Sequence[SignInAttempt]:
    """What was tried at the second step before. Raises SignInTooOften while the next code has to wait."""
    attempts, known = await _made_before(tx, _second_step_of(user, secrets), context)
    _check(pause_before_second_step(attempts, known, context.source, context.now))
    return attempts


def note_wrong_code(
    tx: Transaction, user: User, before: Sequence[SignInAttempt], context: Context, ids: Ids, secrets: Secrets
) -> None:
    """A code was wrong. Its owner is told when there were too many of them for a slip.

    The user is saved although nothing of them may have changed: of many codes that come at the same moment, each has
    to look at those before it.
    """
    _note(tx, _second_step_of(user, secrets), context, ids, succeeded=False)
    if worth_telling(before, context.now):
        user.second_step_guessed(context.now)
    tx.users.save(user)


def note_success(tx: Transaction, user: User, context: Context, ids: Ids, secrets: Secrets, *, mfa: bool) -> None:
    """A session begins, and no sooner: who knows only the password has not come in.

    From this network the account was opened, so failures elsewhere do not keep it out from now on.
    """
    _note(tx, account_of(user.email, secrets), context, ids, succeeded=True)
    if mfa:
        _note(tx, _second_step_of(user, secrets), context, ids, succeeded=True)


async def _made_before(
    tx: Transaction, account: bytes, context: Context
) -> tuple[Sequence[SignInAttempt], frozenset[str]]:
    """The attempts that count, and the networks from which the account was opened."""
    attempts = await tx.sign_in_attempts.latest(account, context.now - LOOKED_AT, LOOKED_AT_MAX)
    return attempts, await tx.sign_in_attempts.networks(account, context.now - KNOWN_FOR, NETWORKS_MAX)


def _check(pause: timedelta) -> None:
    if pause > timedelta(0):
        raise SignInTooOften(-(-pause // _ONE_SECOND))


def _note(tx: Transaction, account: bytes, context: Context, ids: Ids, *, succeeded: bool) -> None:
    tx.sign_in_attempts.add(
        SignInAttempt(
            id=ids.new(SignInAttemptId),
            account=account,
            source=context.source,
            at=context.now,
            succeeded=succeeded,
        )
    )
