"""What the register of personal data says, held against the tables of a shop that knows somebody through and through.

Every column tagged PERSON is filled with words that stand nowhere else; all of them must be in the person's export, and
none anywhere in the database once the person is erased. A column that the export or the erasure forgets fails here.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import LargeBinary, Select, Table, Text, bindparam, select

from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.schema import metadata
from shop.adapters.sql.schema.columns import Json
from shop.adapters.sql.schema.personal import PERSONAL, About, columns_about
from shop.adapters.sql.statements import Statement
from shop.application.commands.carts import ChooseShipping, DescribeCart
from shop.application.commands.identity.exports import BuildExport, RequestExport
from shop.application.commands.identity.privacy import EraseMe, ErasureHeld
from shop.application.commands.plans import CreatePlan
from shop.application.commands.saved_methods import BeginSavingMethod
from shop.application.commands.subscriptions import CancelSubscription, Subscribe
from shop.application.messages import Actor
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import PaymentFilter, SubscriptionFilter
from shop.domain.identity import LinkedIdentity, SavedAddress, Session, User
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import AddressId, CartId, InboxId, SessionId, UserId, VariantId
from shop.domain.payments import InboxItem, InboxState
from shop.domain.subscriptions import Interval, IntervalUnit
from tests.journeys.branches import Branches
from tests.shops import SmallShop, eur

pytestmark = pytest.mark.journey
KEPT = {"Berlin", "10119", "DE", "Brandenburg"}
"""What taxes were due by stays with an order."""
_ID = re.compile(r"[0-9a-f]{32}")


def test_s73_every_column_that_can_hold_words_has_one_tag() -> None:
    for table in metadata.sorted_tables:
        wordy = {column.name for column in table.columns if isinstance(column.type, Text | LargeBinary | Json)}
        if not wordy:
            continue
        assert table.name in PERSONAL, f"schema/personal.py does not say what {table.name} holds of people."
        register = PERSONAL[table.name]
        tagged = [name for about in About for name in columns_about(table.name, about)]
        assert sorted(tagged) == sorted(wordy), f"Each column of {table.name} needs one tag in schema/personal.py."
        known = {column.name for column in table.columns}
        assert register.of in {*known, ""}
        assert register.of or About.PERSON not in register.columns, f"{table.name}: say of whom a row is."
    assert set(PERSONAL) <= {table.name for table in metadata.sorted_tables}


async def test_s73_what_is_tagged_is_exported_and_then_gone(branches: Branches) -> None:
    small = branches.first
    person = await _known_through_and_through(small)
    assert person.user_id is not None
    words = await _words_of(branches.url, person.user_id)
    export_id = await small.shop.execute(RequestExport(), actor=person)
    await small.shop.execute(BuildExport(export_id=export_id))
    async with small.storage.uow(small.context()) as tx:
        document = (await tx.exports.get(export_id)).document.decode()
    missing = {place: unsaid for place, said in words.items() if (unsaid := [w for w in said if w not in document])}
    assert not missing, "The export leaves these out."

    everything = {word for said in words.values() for word in said} - KEPT
    assert {"ada@example.com", "Secret Lane 7", "Ring 1"} <= everything
    with pytest.raises(ErasureHeld):
        await small.shop.execute(EraseMe(), actor=person)
    subscriptions = await small.storage.readers.subscriptions.all(SubscriptionFilter(), PageRequest())
    for view in subscriptions.data:
        await small.shop.execute(CancelSubscription(subscription_id=view.id), actor=person)
    small.clock.forward(timedelta(days=31))
    await small.shop.execute(EraseMe(), actor=evolve(person, fresh_at=small.clock.now()))
    for _ in range(3):
        await small.deliver()
    left = {
        table.name: found
        for table in metadata.sorted_tables
        if (found := await _found(branches.url, table, everything))
    }
    assert not left, "These are left of somebody who was erased."
    await branches.check()


async def _known_through_and_through(small: SmallShop) -> Actor:
    """Somebody who left a word in every column that can hold one."""
    now, home = small.clock.now(), _address("Secret Lane 7")
    user = User.register(
        at=now, id=small.ids.new(UserId), email="ada@example.com", name="Ada Byron", phone="+49301234567"
    )
    user.locale, user.tags, user.note = "de-AT", ("tag of ada",), "She likes silk"
    user.metadata, user.consents = {"shoe": "size 39"}, frozenset({"marketing_email"})
    user.identities = (LinkedIdentity(provider="google", subject="subject-of-ada", linked_at=now),)
    user.addresses = (SavedAddress(id=small.ids.new(AddressId), address=home),)
    session = Session.begin(
        at=now,
        lifetime=timedelta(days=60),
        id=small.ids.new(SessionId),
        user_id=user.id,
        fingerprint=b"f" * 32,
        source="203.0.113.7",
        user_agent="Browser of Ada",
    )
    async with small.storage.uow(small.context()) as tx:
        tx.users.save(user)
        tx.sessions.save(session)
    ada = Actor(kind="user", id=user.id, scopes=frozenset(), fresh_at=now)
    variant = await small.product(stock=50)
    for ready in (True, False):
        cart_id = await _cart(small, ada, variant, "Ring 1")
        if ready:
            await small.buy_cart(cart_id)
            await small.post_news()
    plan_id = await small.shop.execute(
        CreatePlan(
            code="shirts",
            name="Shirts",
            variant_id=variant,
            interval=Interval(IntervalUnit.MONTH),
            prices=(eur(1500),),
        )
    )
    await small.shop.execute(
        Subscribe(
            plan_id=plan_id,
            method="fake_card",
            email="ada.letters@example.com",
            shipping_address=_address("Harbour 3"),
            billing_address=_address("Office 4"),
            shipping_option="standard",
        ),
        actor=ada,
    )
    await small.shop.execute(BeginSavingMethod(), actor=ada)
    await _tell(small, user.id)
    return ada


async def _cart(small: SmallShop, ada: Actor, variant: VariantId, line1: str) -> CartId:
    cart_id = await small.cart((variant, 1), actor=ada, ready=False)
    about = DescribeCart(
        cart_id=cart_id,
        email="ada@example.com",
        shipping_address=_address(line1),
        billing_address=_address("Bill Street 2"),
        note="Ring twice, says Ada",
        metadata={"gift": "from Ada to Bob"},
    )
    await small.shop.execute(about, actor=ada)
    await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"), actor=ada)
    return cart_id


async def _tell(small: SmallShop, user_id: UserId) -> None:
    """The provider tells of a payment and of a saved card with the name on it, as real ones do."""
    async with small.storage.uow(small.context()) as tx:
        payments = await small.storage.readers.payments.all(PaymentFilter(), PageRequest())
        payment = await tx.payments.get(payments.data[0].id)
        [wallet] = await tx.wallets.of_user(user_id)
        about = {"intent.captured": payment.attempt.provider_ref, "payment_method.attached": wallet.customer_ref}
        for event_type, object_ref in about.items():
            message = InboxItem.receive(
                id=small.ids.new(InboxId),
                provider="fake",
                event_ref=f"evt_{event_type}",
                event_type=event_type,
                object_ref=object_ref,
                body=b'{"billing_details": {"email": "ada@example.com", "line1": "Secret Lane 7"}}',
                at=small.clock.now(),
            )
            message.settle(InboxState.APPLIED, small.clock.now())
            tx.inbox.save(message)


def _address(line1: str) -> Address:
    return Address(
        name="Ada Byron",
        company="Engines of Ada",
        line1=line1,
        line2="third floor",
        postal_code="10119",
        city="Berlin",
        region="Brandenburg",
        country="DE",
        phone="+49307654321",
    )


async def _words_of(url: str, user_id: UserId) -> dict[str, list[str]]:
    """The words in each column tagged PERSON of the rows that are this person's: none of the columns is empty."""
    words: dict[str, list[str]] = {}
    for name, register in PERSONAL.items():
        columns = columns_about(name, About.PERSON)
        if columns:
            table = metadata.tables[name]
            rows = await _rows(url, select(table).where(table.c[register.of] == bindparam("whose")), whose=user_id.uuid)
            for column in columns:
                said = {word for row in rows for word in _leaves(row[column])}
                assert said, f"The test leaves no word in {name}.{column}."
                words[f"{name}.{column}"] = sorted(said)
    return words


async def _found(url: str, table: Table, words: set[str]) -> list[str]:
    """Which of the words stand anywhere in a table."""
    rows = await _rows(url, select(table))
    text = "\n".join(str([_shown(value) for value in row.values()]) for row in rows)
    return sorted(word for word in words if word in text)


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


async def _rows(url: str, query: Select[Any], **values: Any) -> list[dict[str, Any]]:
    database = open_database(url, pool_size=1)
    await database.open()
    try:
        rows = await database.fetch(Statement(query), **values)
        return [{column.name: row[column.name] for column in query.selected_columns} for row in rows]
    finally:
        await database.close()


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield from () if not value or _ID.fullmatch(value) else (value,)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
