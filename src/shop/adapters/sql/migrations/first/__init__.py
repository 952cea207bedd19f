"""The tables that the shop began with."""
