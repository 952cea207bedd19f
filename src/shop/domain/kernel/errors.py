"""Everything that can go wrong, in five kinds.

An error is defined beside what raises it and names what happened. Its kind decides the HTTP status, the exit
code of the command line and whether a retry makes sense; its `code` is stable and documented.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from attrs import evolve, field, frozen

T = TypeVar("T")


@frozen
class Flaw:
    """One thing that is wrong with an input: where (a JSON pointer), what, and numbers that help to mend it."""

    pointer: str
    code: str
    detail: str
    meta: Mapping[str, Any] = field(factory=dict)


class ShopError(Exception):
    """Something the shop refuses or cannot do. `detail` is for people, `code` for programs."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "The shop could not do this"
    default_hint: ClassVar[str] = ""
    denied: bool = False
    """Whether somebody was kept from something: the audit log tells of it. `denied_thing` is the id of what."""
    denied_thing: str = ""

    def __init__(self, detail: str = "", *, hint: str = "", flaws: tuple[Flaw, ...] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.hint = hint or self.default_hint
        self.flaws = flaws

    def __reduce__(self) -> tuple[Any, ...]:
        # Some are made of other things than their text: what was made is taken to the other process as it is.
        return _as_it_was, (type(self), self.args), self.__dict__


def _as_it_was(kind: type[ShopError], args: tuple[Any, ...]) -> ShopError:
    error = kind.__new__(kind)
    error.args = args
    return error


class Invalid(ShopError):
    """The request breaks a rule whatever the state of the shop; sending it again cannot help."""

    code = "validation_failed"
    title = "The request breaks a rule"


class NotFound(ShopError):
    """There is no such thing, or it is not the caller's."""

    code = "not_found"
    title = "Not found"


class Conflict(ShopError):
    """The state of the shop does not allow this now."""

    code = "conflict"
    title = "The state of the shop does not allow this"


class Forbidden(ShopError):
    """The caller may not do this."""

    code = "scope_missing"
    title = "Not allowed"
    denied = True


class Unavailable(ShopError):
    """Something outside the shop does not answer; the same request may work later."""

    code = "unavailable"
    title = "Not available at the moment"
    default_hint = "Try again in a moment; repeat the same Idempotency-Key so that nothing happens twice."


def below(pointer: str, make: Callable[[], T]) -> T:
    """Makes something of a part of an input; what is wrong with it is said to be below that part."""
    try:
        return make()
    except ShopError as error:
        error.flaws = tuple(evolve(flaw, pointer=pointer + flaw.pointer) for flaw in error.flaws) or (
            Flaw(pointer, error.code, error.detail),
        )
        raise
