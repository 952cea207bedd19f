"""Payments by Stripe, through its own Python library."""
