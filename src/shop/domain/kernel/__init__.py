"""What every capability shares: money, identifiers, addresses, errors, aggregates and events."""
