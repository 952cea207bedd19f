"""The rules of the shop: pure, synchronous, attrs and the standard library only."""
