"""The reference pages that are written from the code: `python -m tools.pages` writes them all anew."""
