"""What the application needs from outside, in the shop's own words."""
