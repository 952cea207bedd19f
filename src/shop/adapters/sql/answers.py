"""Answers already given, in a table whose key makes of two equal requests one."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select, tuple_

from shop.adapters.sql.database import Database, Write
from shop.adapters.sql.gathering import Rank
from shop.adapters.sql.schema import answers
from shop.adapters.sql.statements import Statement, insert_into
from shop.application.messages import Context
from shop.application.ports.answers import Answer
from shop.domain.kernel.identifiers import Identifier

_KEEP = insert_into(answers)
_FIND = Statement(
    select(answers.c.fingerprint, answers.c.result).where(
        answers.c.principal == bindparam("of_principal"),
        answers.c.route == bindparam("of_route"),
        answers.c.key == bindparam("of_key"),
    )
)
_OLD = (
    select(answers.c.principal, answers.c.route, answers.c.key)
    .where(answers.c.at < bindparam("before"))
    .order_by(answers.c.at)
    .limit(bindparam("most"))
)
_FORGET = Statement(
    delete(answers)
    .where(tuple_(answers.c.principal, answers.c.route, answers.c.key).in_(_OLD))
    .returning(answers.c.key)
)


class SqlAnswers:
    """Answers by principal, route and key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, principal: str, route: str, key: str) -> Answer | None:
        row = await self._database.fetch_one(_FIND, of_principal=principal, of_route=route, of_key=key)
        return Answer(fingerprint=row["fingerprint"], result=row["result"]) if row is not None else None

    async def forget(self, before: datetime, limit: int) -> int:
        return len(await self._database.change(_FORGET, before=before, most=limit))


def answer_write(context: Context, result: Identifier) -> Write | None:
    """Keeps the answer to the context's idempotency key, if it has one and a caller whose key it is."""
    key, principal = context.idempotency, context.actor.principal
    if key is None or principal is None:
        return None
    row = {
        "principal": principal,
        "route": key.route,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "result": str(result),
        "at": context.now,
    }
    return Write(_KEEP, [row], Rank.ANSWER)
