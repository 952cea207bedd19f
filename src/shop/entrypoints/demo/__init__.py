"""The demo shop “Nordlicht”: settings, a catalogue and some orders, all brought in through the front door."""
