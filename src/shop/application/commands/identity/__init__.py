"""Accounts, from the first visit to the last: how people come in, prove who they are, and are let do things."""
