"""The ways in: HTTP, the command line, the worker and other programs, and where a shop is put together."""
