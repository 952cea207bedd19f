"""How long a slow proof runs: a slice in `make test`, full figures in `make prove`."""

import os


def rounds(of_slice: int, *, in_full: int) -> int:
    """The slice's figure, or the full one where SHOP_PROVE is set; mark such a test with `prove`."""
    return in_full if os.environ.get("SHOP_PROVE") else of_slice
