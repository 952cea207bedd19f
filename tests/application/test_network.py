"""Nobody speaks to the outside while a transaction is open."""

import asyncio

import pytest

from shop.application.ports.network import (
    ProgrammingMistake,
    enter_transaction,
    forbid_inside_transaction,
    leave_transaction,
    transaction_open,
)


def test_f76_a_call_inside_a_transaction_is_a_programming_mistake() -> None:
    forbid_inside_transaction("capture")
    token = enter_transaction()
    assert transaction_open()
    with pytest.raises(ProgrammingMistake, match="capture"):
        forbid_inside_transaction("capture")
    leave_transaction(token)
    assert not transaction_open()
    forbid_inside_transaction("capture")


def test_f76_a_transaction_inside_another_ends_only_itself() -> None:
    outer = enter_transaction()
    leave_transaction(enter_transaction())
    assert transaction_open()
    leave_transaction(outer)
    assert not transaction_open()


async def test_f76_transactions_of_other_tasks_do_not_matter() -> None:
    opened, checked = asyncio.Event(), asyncio.Event()

    async def holds_a_transaction() -> None:
        token = enter_transaction()
        opened.set()
        await checked.wait()
        leave_transaction(token)

    other = asyncio.create_task(holds_a_transaction())
    await opened.wait()
    forbid_inside_transaction("capture")
    checked.set()
    await other


async def test_f76_a_task_started_inside_a_transaction_counts_as_inside() -> None:
    async def speaks() -> None:
        forbid_inside_transaction("capture")

    token = enter_transaction()
    try:
        with pytest.raises(ProgrammingMistake):
            await asyncio.create_task(speaks())
    finally:
        leave_transaction(token)
