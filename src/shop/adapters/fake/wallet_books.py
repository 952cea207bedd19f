"""What the fake provider remembers of customers: their saved ways to pay, and those that are being saved."""

import json
from typing import Any

from attrs import asdict, define, field

from shop.adapters.fake.records import MemoryRecords, Records, SqliteRecords
from shop.domain.kernel.identifiers import WalletId, encode_suffix

_CUSTOMER, _METHOD = "cus_fake_", "pm_"


@define(kw_only=True)
class BookedMethod:
    """A saved way to pay, and the plain one of the fake provider that it behaves like."""

    ref: str
    code: str
    expires_month: int = 12
    expires_year: int = 2034


@define(kw_only=True)
class BookedSetup:
    """A way to pay that is being saved; done once the customer has passed the challenge, if there is one."""

    ref: str
    code: str
    done: bool


@define(kw_only=True)
class BookedCustomer:
    """A customer as the provider has it. `saved` counts what was ever saved; setups are by idempotency key."""

    ref: str
    gone: bool = False
    saved: int = 0
    methods: list[BookedMethod] = field(factory=list)
    setups: dict[str, BookedSetup] = field(factory=dict)

    def has(self, method_ref: str) -> bool:
        return any(method.ref == method_ref for method in self.methods)

    def save(self, code: str) -> BookedMethod:
        """One more saved way to pay: its name says what it behaves like and whose it is."""
        self.saved += 1
        method = BookedMethod(ref=f"{_METHOD}{code}_{self.ref.removeprefix(_CUSTOMER)}_{self.saved}", code=code)
        self.methods.append(method)
        return method


WalletBooks = Records[BookedCustomer]
"""The memory of customers."""


class MemoryWalletBooks(MemoryRecords[BookedCustomer]):
    """Books of one process, gone when it ends."""

    def __init__(self) -> None:
        super().__init__(_to_text, _from_text)


class SqliteWalletBooks(SqliteRecords[BookedCustomer]):
    """Books in a file that the processes of one machine share."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "customers", _to_text, _from_text)


def customer_ref(wallet_id: WalletId) -> str:
    """How the fake provider calls the customer of this wallet."""
    return f"{_CUSTOMER}{encode_suffix(wallet_id.uuid)}"


def is_saved(method: str) -> bool:
    """Whether this is how a saved way to pay is called."""
    return method.startswith(f"{_METHOD}fake_")


def code_of(method: str) -> str:
    """What a way to pay behaves like: itself, or for a saved one the plain one that it was saved from."""
    return method.removeprefix(_METHOD).rsplit("_", 2)[0] if is_saved(method) else method


def owner_of(method: str) -> str:
    """The customer that a saved way to pay was saved for."""
    return f"{_CUSTOMER}{method.split('_')[-2]}"


def _to_text(customer: BookedCustomer) -> str:
    return json.dumps(asdict(customer))


def _from_text(text: str) -> BookedCustomer:
    record: dict[str, Any] = json.loads(text)
    methods = [BookedMethod(**method) for method in record.pop("methods")]
    setups = {key: BookedSetup(**setup) for key, setup in record.pop("setups").items()}
    return BookedCustomer(methods=methods, setups=setups, **record)
