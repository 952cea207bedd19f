"""Redis: remembered answers and counters that several processes share. The shop lives without it."""
