"""No call to an outside system may wait inside a database transaction: this is where one would be caught.

A unit of work says when its transaction opens and ends; every gateway asks before it speaks to anybody.
"""

from contextvars import ContextVar, Token

_transaction_open: ContextVar[bool] = ContextVar("transaction_open", default=False)


class ProgrammingMistake(RuntimeError):
    """The shop's own code did what it must never do; nothing catches it, for no caller can mend it."""


def enter_transaction() -> Token[bool]:
    """From here on this task holds a transaction. Give the token to `leave_transaction`, in the same task."""
    return _transaction_open.set(True)


def leave_transaction(token: Token[bool]) -> None:
    """The transaction has been committed or rolled back."""
    _transaction_open.reset(token)


def transaction_open() -> bool:
    """Whether this task, or the one that started it, holds a transaction."""
    return _transaction_open.get()


def forbid_inside_transaction(what: str) -> None:
    """Raises ProgrammingMistake when a transaction is open: its locks would wait for an outside system."""
    if _transaction_open.get():
        raise ProgrammingMistake(f"{what} was called while a database transaction is open; end the transaction first.")
