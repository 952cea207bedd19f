"""What the shop can do: commands, queries and reactions behind one front door, and the ports that they need."""
