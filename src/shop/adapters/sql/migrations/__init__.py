"""The way from one schema to the next, in both databases, forwards and back."""

HEAD = "0077"
"""The revision that this version of the shop needs."""
