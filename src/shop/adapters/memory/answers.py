"""Answers already given, in memory."""

from datetime import datetime

from shop.adapters.memory.tables import AnswerKey, Journal, Tables
from shop.application.ports.answers import Answer
from shop.application.ports.unit_of_work import AnsweredAlready


class MemoryAnswers:
    """Answers by principal, route and key."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, principal: str, route: str, key: str) -> Answer | None:
        found = self._tables.answers.get((principal, route, key))
        return found[0] if found is not None else None

    async def forget(self, before: datetime, limit: int) -> int:
        old = sorted((at, key) for key, (_, at) in self._tables.answers.items() if at < before)
        for _, key in old[:limit]:
            del self._tables.answers[key]
        return len(old[:limit])


def keep_answer(tables: Tables, key: AnswerKey, answer: Answer, at: datetime, journal: Journal) -> None:
    """Raises AnsweredAlready when this key has one."""
    if key in tables.answers:
        raise AnsweredAlready("Another request with this Idempotency-Key was faster.")
    journal.put(tables.answers, key, (answer, at))
