"""What is asked of the shop: each query with its reader call."""
