"""What a provider with lists promises of them. A gateway without lists need not offer any."""

from datetime import UTC, datetime
from typing import TypeVar

import pytest

from shop.adapters.contracts.payments.subject import (
    GatewayPromises,
    GatewayUnderTest,
    alone,
    authorized,
    captured,
    new_request,
)
from shop.application.ports.records import ListedIntent, ListedNews, ProviderRecords

BEGINNING, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
T = TypeVar("T")


class RecordPromises(GatewayPromises):
    """Lists of intents and messages."""

    @alone
    async def test_every_intent_is_listed_once_as_it_stands(self, subject: GatewayUnderTest) -> None:
        records = _records(subject)
        refs = [
            (await subject.gateway.create_intent(new_request(subject, method=subject.challenged_method))).provider_ref,
            (await authorized(subject, new_request(subject, 2001))).provider_ref,
            (await captured(subject, new_request(subject, 2002))).provider_ref,
            (await subject.gateway.create_intent(new_request(subject, 2003))).provider_ref,
        ]
        found: dict[str, ListedIntent] = {}
        for limit in (1, 3, 4, 100):
            listed = await _intents(records, BEGINNING, END, limit)
            found = {one.state.provider_ref: one for one in listed if one.state.provider_ref in refs}
            assert len(found) == len([one for one in listed if one.state.provider_ref in refs]) == len(refs)
        for ref in refs:
            state, now = found[ref].state, await subject.gateway.fetch(ref)
            assert (state.status, state.amount, state.captured, state.refunded) == (
                now.status,
                now.amount,
                now.captured,
                now.refunded,
            )

    @alone
    async def test_a_list_holds_what_was_created_in_its_time(self, subject: GatewayUnderTest) -> None:
        records = _records(subject)
        ref = (await captured(subject, new_request(subject))).provider_ref
        [one] = [i for i in await _intents(records, BEGINNING, END, 100) if i.state.provider_ref == ref]
        assert ref not in {i.state.provider_ref for i in await _intents(records, BEGINNING, one.created_at, 100)}
        assert ref in {i.state.provider_ref for i in await _intents(records, one.created_at, END, 100)}

    @alone
    async def test_messages_can_be_listed_again(self, subject: GatewayUnderTest) -> None:
        records = _records(subject)
        state = await captured(subject, new_request(subject))
        body = subject.news(state.provider_ref)
        sent = subject.gateway.read_news(body, subject.sign(body, subject.clock.now(), None))
        for limit in (1, 100):
            listed = [one.news for one in await _news(records, limit)]
            [again] = [news for news in listed if news.event_ref == sent.event_ref]
            assert (again.provider, again.event_type, again.object_ref) == (
                sent.provider,
                sent.event_type,
                sent.object_ref,
            )


def _records(subject: GatewayUnderTest) -> ProviderRecords:
    if not isinstance(subject.gateway, ProviderRecords):
        pytest.skip("this gateway has no lists")
    return subject.gateway


async def _intents(records: ProviderRecords, since: datetime, until: datetime, limit: int) -> list[ListedIntent]:
    found: list[ListedIntent] = []
    after = ""
    while True:
        page = await records.list_intents(since, until, after=after, limit=limit)
        assert len(page.data) <= limit
        found += page.data
        if not (after := page.next):
            return found


async def _news(records: ProviderRecords, limit: int) -> list[ListedNews]:
    found: list[ListedNews] = []
    after = ""
    while True:
        page = await records.list_news(BEGINNING, END, after=after, limit=limit)
        found += page.data
        if not (after := page.next):
            return found
