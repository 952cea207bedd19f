"""A payment provider inside the shop, for trying it out and for tests: nobody's money moves."""
