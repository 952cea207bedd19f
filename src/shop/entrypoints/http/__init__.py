"""The HTTP API: requests become commands and queries, and views become JSON."""
