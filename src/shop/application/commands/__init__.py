"""What changes the shop: each command with its use case right under it."""
