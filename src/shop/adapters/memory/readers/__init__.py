"""Answers from memory, one module per capability: what is stored becomes views."""
