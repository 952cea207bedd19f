"""Who handles disputes, providers' messages, and what is tried out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from shop.application.commands import disputes, payments, simulation
from shop.application.messages import Command, Query
from shop.application.queries import disputes as asked
from shop.application.wiring.needs import Handler, Ports


def dispute_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    """Which use case carries out which command."""
    cashier, store = ports.cashier, ports.storage.readers.store
    return {
        disputes.SubmitDisputeEvidence: partial(disputes.submit_dispute_evidence, cashier=cashier),
        payments.ReplayProviderNews: partial(payments.replay_provider_news, cashier=cashier, store=store),
        simulation.SimulatePayment: partial(simulation.simulate_payment, cashier=cashier, simulator=ports.simulator),
    }


def dispute_queries(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    """Which reader answers which question."""
    found = ports.storage.readers.payments
    return {
        asked.GetDisputes: partial(asked.get_disputes, payments=found),
        asked.GetDispute: partial(asked.get_dispute, payments=found),
        asked.GetInbox: partial(asked.get_inbox, payments=found),
        asked.GetInboxItem: partial(asked.get_inbox_item, payments=found),
    }
